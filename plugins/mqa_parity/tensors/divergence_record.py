"""The first divergence of a candidate: found by attribution, stored as JSON with the observations, described in words."""

from __future__ import annotations

import hashlib
import json
from functools import partial
from typing import TYPE_CHECKING, Any

from mqa_parity.attribution.attribute import attribute_difference
from mqa_parity.protocols import Reference
from mqa_parity.tensors.weight_comparison import WeightSummary

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa

    from mqa_parity.attribution.result import Attribution
    from mqa_parity.runners import Runners
    from mqa_parity.sample_batches import Batch
    from mqa_parity.tensors.output_matching import OutputMatch
    from mqa_parity.tensors.weight_comparison import WeightComparison


def find_first_divergence(
    runners: Runners,
    batches: Sequence[Batch],
    mask: str,
    folder: Path | None = None,
    *,
    outputs: OutputMatch | None = None,
    weights: WeightComparison | None = None,
) -> str:
    """The first module that differs and the root cause, as JSON; empty where the reference shows no modules.

    A reproduction is written to `folder`, if one is given, under a name that equal attributions share. An error on the
    way becomes the `reason` in the JSON, since the difference exists whether or not its cause is found.
    """
    if not isinstance(runners.baseline, Reference) or not isinstance(runners.oracle, Reference):
        return ""
    try:
        attribution = attribute_difference(
            runners.baseline,
            runners.candidate,
            [batch.arrays for batch in batches],
            mask=mask,
            precision=runners.precision,
            oracle=runners.oracle,
            bundle=None if folder is None else partial(_name_bundle, folder),
            outputs=outputs,
            weights=weights,
        )
    except Exception as error:
        return json.dumps({"reason": f"the cause of the difference could not be found out: {error}"})
    if attribution is None:
        return ""
    bundle = None if folder is None else _name_bundle(folder, attribution)
    has_bundle = bundle is not None and bundle.exists()  # not where only the form of an output differs
    return json.dumps(attribution.evidence() | ({"repro": str(bundle)} if has_bundle else {}))


def _name_bundle(folder: Path, attribution: Attribution) -> Path:
    digest = hashlib.blake2b(json.dumps(attribution.evidence()).encode(), digest_size=6)
    return folder / digest.hexdigest()


def read_first_divergence(observations: pa.Table) -> dict[str, Any]:
    """The first divergence in the observations, else the first weight that differs; empty where there is neither."""
    text = next((text for text in observations.column("blame").to_pylist() if text), "")
    return dict(json.loads(text)) if text else WeightSummary.from_observations(observations).first_divergence()


def describe_divergence(divergence: Mapping[str, Any], *, has_baseline: bool) -> Iterator[str]:
    """A first divergence in words. Without a baseline every module errs, and the module is the one that errs most."""
    if divergence.get("module"):
        begins = "few bits cost most" if not has_baseline and divergence.get("kind") == "precision" else "it begins"
        node = f"node `{divergence['node']}`" if divergence.get("node") else ""
        details = [one for one in (divergence.get("class"), node) if one]
        yield f"{begins} in `{divergence['module']}`" + (f" ({', '.join(details)})" if details else "")
    elif divergence.get("class"):
        node = f" (node `{divergence['node']}`)" if divergence.get("node") else ""
        yield f"it begins in what `{divergence['class']}` itself makes, in none of its modules{node}"
    elif divergence.get("node"):
        yield f"it begins in node `{divergence['node']}`, which is part of no module"
    kind, meaning, reason = (str(divergence.get(name) or "") for name in ("kind", "meaning", "reason"))
    if kind == "signature" or (kind and reason.startswith(meaning)):  # the reason says it all
        yield f"{kind}: {reason or meaning}"
    elif kind:
        yield from (f"{kind}: {meaning}", *([reason] if reason else []))
    elif divergence:
        yield reason
    if divergence.get("repro"):
        yield f"`{divergence['repro']}/repro.py` shows it without mqa"
