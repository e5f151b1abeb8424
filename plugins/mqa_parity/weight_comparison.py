"""Whether a file's weights are the model's: all of them, also those that no row looked at makes use of."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

import pyarrow.compute as pc

from mqa_parity.blaming.doors import Weighted
from mqa_parity.blaming.finding import MEANING
from mqa_registry import MqaError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    import numpy.typing as npt
    import pyarrow as pa

    from mqa_registry import Runner

    Array: TypeAlias = npt.NDArray[Any]

SHOWN = 3  # weights in a remark
MOST = 0.8  # the share of a file's weights from which on it is another model's


class Difference(Protocol):
    """A tensor that is not the weight that it stands for, and how; `weight` is empty where it stands for none."""

    @property
    def tensor(self) -> str: ...
    @property
    def weight(self) -> str: ...
    @property
    def reason(self) -> str: ...


class Weights(Protocol):
    """What is known of a file's tensors: how many are weights of the model, which are not, and which cannot be read."""

    @property
    def held(self) -> int: ...
    @property
    def unknown(self) -> Sequence[str]: ...
    @property
    def unread(self) -> Sequence[str]: ...
    @property
    def differences(self) -> Sequence[Difference]: ...


@runtime_checkable
class ComparesWeights(Protocol):
    """A candidate whose own weights can be held against a model's."""

    def compare_weights(self, weights: Callable[[], Iterable[tuple[str, Array]]]) -> Weights: ...


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
    number = len(differences) + found.get("held", 0)
    if len(differences) > SHOWN and len(differences) > MOST * number:
        yield f"{len(differences)} of {number} weights differ from the model's: another model, or another training step"
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
