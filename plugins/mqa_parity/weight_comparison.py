"""Whether a file's weights are the model's: all of them, also those that no row looked at makes use of."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from mqa_parity.blaming.another import is_another
from mqa_parity.blaming.doors import ComparesWeights, Weighted
from mqa_parity.blaming.finding import MEANING
from mqa_registry import MqaError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pyarrow as pa

    from mqa_registry import Runner

SHOWN = 3  # weights in a remark


def compare_weights(reference: Runner, candidate: Runner) -> str:
    """How a candidate's weights differ from those of its reference, as JSON; empty where either shows none."""
    if not isinstance(reference, Weighted) or not isinstance(candidate, ComparesWeights):
        return ""
    own = reference.parameters("")
    try:
        found = candidate.compare_weights(own.items)
    except MqaError:
        raise
    except Exception as error:
        return json.dumps({"trouble": str(error) or type(error).__name__})
    differences = [{"tensor": one.tensor, "weight": one.weight, "reason": one.reason} for one in found.differences]
    known = {"held": found.held, "differences": differences, "unknown": list(found.unknown)}
    return json.dumps(known | {"unread": list(found.unread)})


def comparison_of(observations: pa.Table) -> dict[str, Any]:
    """What was found, of the observations of `parity/tensors`; empty where nothing was compared."""
    texts = observations.column("weights")
    found = next((text for text in pc.unique(texts).to_pylist() if text), "")
    return dict(json.loads(found)) if found else {}


def remarks(found: Mapping[str, Any]) -> Iterator[str]:
    """What there is to say of it, in words."""
    differences = found.get("differences", [])
    strange = len(differences) + len(found.get("unknown", []))
    if another := is_another(strange, strange + found.get("held", 0)):
        yield another
    yield from (_told(one) for one in differences[:SHOWN])
    if len(differences) > SHOWN:
        yield f"and {len(differences) - SHOWN} more of its weights are not the model's"


def notes(found: Mapping[str, Any]) -> Iterator[str]:
    """What was not held, and is to be known of a file that passes, too."""
    if found.get("trouble"):
        yield f"its weights could not be held against the model's: {found['trouble']}"
    if unread := found.get("unread", []):
        shown = ", ".join(f"`{name}`" for name in unread[:SHOWN])
        more = f" and {len(unread) - SHOWN} more" if len(unread) > SHOWN else ""
        yield f"{shown}{more}: integers in a form that mqa does not know, not held against the model's weights by themselves"


def divergence(found: Mapping[str, Any]) -> dict[str, Any]:
    """The first weight that differs, in the form in which blame tells of one; empty where none does."""
    first = next(iter(found.get("differences", [])), None)
    if first is None:
        return {}
    told = {"module": first["weight"].rpartition(".")[0], "weight": f"{first['tensor']}: {first['weight']}"}
    reason = {"kind": "weights", "meaning": MEANING["weights"], "reason": _told(first)}
    return reason | {name: value for name, value in told.items() if value and first["weight"]}


def _told(one: Mapping[str, str]) -> str:
    weight = f"`{one['weight']}` of the model" if one["weight"] else "any weight of the model"
    return f"initializer `{one['tensor']}` is not {weight}: {one['reason']}"
