"""Right numbers in the wrong place or form: swapped outputs, labels or inputs, other shapes and types, missing inputs."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import permutations
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mqa_parity.attribution.result import Attribution
from mqa_parity.protocols import SupportsGraph
from mqa_parity.runners import max_distance

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy.typing as npt

    from mqa_parity.attribution.paired_run import PairedRun

    Array: TypeAlias = npt.NDArray[Any]
    Arrays: TypeAlias = Mapping[str, Array]

SWAPPED_INPUTS = "inputs stand under each other's names"
MAX_LABELS = 1024
MAX_INPUTS = 4
MAX_AXES = 5
MAX_PARTS = 3  # in a reason


def attribute_to_signature(run: PairedRun) -> Attribution | None:
    """Outputs under other names or in other shapes, labels in another order, or inputs that are taken for each other."""
    if reason := _find_renamed_outputs(run):
        return Attribution("signature", reason, run.ratio)
    if found := _find_reordered_labels(run):
        return found
    if reason := _find_reshaped_output(run):
        return Attribution("signature", reason, run.ratio)
    reason = _find_swapped_inputs(run)
    return Attribution("signature", reason, run.ratio, meaning=SWAPPED_INPUTS) if reason else None


def attribute_to_form(run: PairedRun) -> Attribution | None:
    """Outputs of right numbers and another type, and outputs that are missing."""
    baseline = run.reference.baseline_outputs
    parts = []
    for theirs, name in run.matched(run.candidate_outputs):
        found = run.candidate_outputs[theirs]
        if found.dtype != baseline[name].dtype:
            parts.append(f"`{name}` comes as {found.dtype}, and not {baseline[name].dtype}")
    parts += [f"the file has no output `{name}`" for name in run.missing_outputs()]
    return Attribution("signature", _join_parts(parts), run.ratio) if parts else None


def add_missing_input(run: PairedRun, attribution: Attribution) -> Attribution:
    """An attribution, with an input that the file lacks and the model's output depends on.

    Nothing is missing where the file takes inputs that the model does not: one may be the other in another form.
    """
    if run.reference.baseline.facts.unread_inputs:
        return attribution
    unread = run.candidate.facts.unread_inputs
    name = next((one for one in unread if _changes_outputs(run, one)), "")
    if not name:
        return attribution
    meaning = f"the file does not take `{name}`, which the model is given and its output depends on"
    return replace(attribution, kind="exporter", reason=f"{meaning}; {attribution.reason}", meaning=meaning)


def _changes_outputs(run: PairedRun, name: str) -> bool:
    """Whether another value of an input changes the model's outputs by more than a candidate may be off."""
    if name not in run.batch:
        return False
    for other in _propose_values(run.batch[name]):
        try:
            outputs = run.reference.baseline.run({**run.batch, name: other})
        except Exception:  # noqa: S112 - the model may not take such values
            continue
        if run.output_ratio({theirs: outputs[ours] for theirs, ours in run.matched(run.candidate_outputs)}) > run.limit:
            return True
    return False


def _propose_values(values: Array) -> Iterator[Array]:
    for one in (np.zeros_like(values), np.ones_like(values), values[..., ::-1]):
        if max_distance(one.astype(np.float64), values.astype(np.float64)):
            yield np.ascontiguousarray(one)


def _find_renamed_outputs(run: PairedRun) -> str:
    """Which output of the reference each output is, in words, where all are there and some under other names."""
    twins = {name: _find_twin(run, array, name) for name, array in run.candidate_outputs.items()}
    if {*run.expected_outputs()} - {*twins.values()} or all(twin in {name, ""} for name, twin in twins.items()):
        return ""
    pairs = [f"what it calls `{name}` is `{twin}`" for name, twin in twins.items() if twin not in {name, ""}]
    return f"every output of the model is in the file under another name: {', '.join(pairs)}"


def _find_twin(run: PairedRun, array: Array, name: str) -> str:
    """The output of the reference with the same numbers, preferably of the same name; empty if there is none."""
    baseline, oracle = run.reference.baseline_outputs, run.reference.oracle_outputs
    order = sorted(oracle, key=lambda other: other != name)
    return next((one for one in order if run.error_ratio(array, baseline[one], oracle[one]) <= run.limit), "")


def _find_reordered_labels(run: PairedRun) -> Attribution | None:
    """An output whose last axis has the reference's numbers in another order, and the node that gives it."""
    baseline, oracle = run.reference.baseline_outputs, run.reference.oracle_outputs
    for theirs, name in run.matched(run.candidate_outputs):
        order = _find_label_order(run, run.candidate_outputs[theirs], baseline[name], oracle[name])
        if order is not None:
            moved = [f"{to} holds what is {source} in the model" for to, source in enumerate(order) if to != source]
            node = run.candidate.module_graph().node_of(theirs) if isinstance(run.candidate, SupportsGraph) else ""
            reason = f"the last axis of `{name}` is in another order: {_join_parts(moved)}"
            return Attribution("signature", reason, run.ratio, node_names=(node,) if node else ())
    return None


def _find_label_order(run: PairedRun, found: Array, baseline: Array, oracle: Array) -> list[int] | None:
    """The reference's index for each index of the last axis, where that is another order of the same numbers."""
    if found.shape != oracle.shape or not found.ndim or not 2 <= found.shape[-1] <= MAX_LABELS:
        return None
    if not np.isfinite(found).all():
        return None
    candidate, exact = (array.reshape(-1, array.shape[-1]).astype(np.float64) for array in (found, oracle))
    order = [int(np.abs(exact - column[:, None]).max(axis=0).argmin()) for column in candidate.T]
    if sorted(order) != list(range(len(order))) or order == sorted(order):
        return None
    return order if run.error_ratio(found, baseline[..., order], oracle[..., order]) <= run.limit else None


def _find_reshaped_output(run: PairedRun) -> str:
    """An output with the reference's numbers in another shape or another order of axes, in words."""
    baseline, oracle = run.reference.baseline_outputs, run.reference.oracle_outputs
    for theirs, name in run.matched(run.candidate_outputs):
        found, exact = run.candidate_outputs[theirs], oracle[name]
        forms = _propose_shapes(found, exact.shape) if found.shape != exact.shape else ()
        if any(run.error_ratio(form, baseline[name], exact) <= run.limit for form in forms):
            return f"`{name}` has its numbers in the shape {list(found.shape)}, and not {list(exact.shape)}"
    return ""


def _propose_shapes(array: Array, shape: tuple[int, ...]) -> Iterator[Array]:
    """An array in another shape, and with its axes in every order that gives that shape."""
    if array.size == math.prod(shape):
        yield array.reshape(shape)
    if len(shape) == array.ndim <= MAX_AXES:
        for order in permutations(range(array.ndim)):
            if tuple(array.shape[axis] for axis in order) == shape:
                yield array.transpose(order)


def _find_swapped_inputs(run: PairedRun) -> str:
    """Inputs that must be given under each other's names for the outputs to agree, in words."""
    names = [name for name, array in run.batch.items() if array.dtype.kind in "iub"]
    if not 2 <= len(names) <= MAX_INPUTS:
        return ""
    for order in _propose_input_orders(names, run.batch):
        try:
            batch = {**run.batch, **{name: run.batch[other] for name, other in order.items()}}
            outputs = run.candidate.run(batch)
        except Exception:  # noqa: S112 - values of another input may be out of range
            continue
        if run.output_ratio(outputs) <= run.limit:
            pairs = [f"what it calls `{name}` is `{other}`" for name, other in order.items() if name != other]
            return f"the file agrees with the model where its inputs are given in another order: {', '.join(pairs)}"
    return ""


def _propose_input_orders(names: list[str], batch: Arrays) -> Iterator[dict[str, str]]:
    for order in permutations(names):
        pairs = list(zip(names, order, strict=True))
        if list(order) != names and all(batch[one].shape == batch[other].shape for one, other in pairs):
            yield dict(pairs)


def _join_parts(parts: list[str]) -> str:
    return ", ".join(parts[:MAX_PARTS]) + (f" and {len(parts) - MAX_PARTS} more" if len(parts) > MAX_PARTS else "")
