"""An input that the model is given and the file lacks, where the model's answer depends on it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mqa_parity.steady import distance

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from mqa_parity.blaming.case import Case
    from mqa_parity.blaming.finding import Blame

    Array: TypeAlias = npt.NDArray[Any]

UNREAD = "unread_inputs"  # what a runner's facts call the inputs that it does not take


def with_unread(case: Case, found: Blame) -> Blame:
    """What was found, with the input that is missing in the file where the model's answer depends on it.

    Nothing is missing where the file takes what the model does not: that may be the same in a form of its own.
    """
    if case.truth.reference.facts.get(UNREAD):
        return found
    name = next(filter(lambda one: _matters(case, one), case.candidate.facts.get(UNREAD) or ()), "")
    if not name:
        return found
    meaning = f"the file does not take `{name}`, which the model is given and its answer depends on"
    return replace(found, kind="exporter", reason=f"{meaning}; {found.reason}", meaning=meaning)


def _matters(case: Case, name: str) -> bool:
    """Whether another value of an input moves the model's answer by more than a candidate may."""
    if name not in case.batch:
        return False
    for other in _others(case.batch[name]):
        try:
            outputs = case.truth.reference.run({**case.batch, name: other})
        except Exception:  # noqa: S112 - the model may take no such values
            continue
        if case.ratio({theirs: outputs[ours] for theirs, ours in case.paired(case.outputs)}) > case.limit:
            return True
    return False


def _others(values: Array) -> Iterator[Array]:
    for one in (np.zeros_like(values), np.ones_like(values), values[..., ::-1]):
        if distance(one.astype(np.float64), values.astype(np.float64)):
            yield np.ascontiguousarray(one)
