"""A difference that ONNX Runtime's optimizers make: which of them, and at which module."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mqa_parity.blaming.doors import Dissected, Levelled, dissected
from mqa_parity.blaming.finding import Blame
from mqa_parity.blaming.places import GUILTY, measure
from mqa_parity.blaming.taps import find_taps
from mqa_registry import NotRunError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mqa_parity.blaming.case import Case
    from mqa_parity.blaming.doors import Anatomy, Part
    from mqa_parity.blaming.taps import Taps


def blame_optimizers(case: Case) -> Blame | None:
    """The optimizer without which the difference vanishes, where it does without any."""
    if not isinstance(case.candidate, Levelled) or not _vanishes(case, case.candidate):
        return None
    reason = f"the difference vanishes where ONNX Runtime optimizes nothing{_level(case, case.candidate)}"
    found = Blame("pass", reason, case.failure)
    if not isinstance(case.candidate, Dissected):
        return found
    anatomy = dissected(case.candidate, case.truth.reference)
    name = _optimizer(case, anatomy)
    if name:
        found = replace(found, optimizer=name, reason=f"{reason}, and where it does all but `{name}`")
    return _at_module(case, anatomy, found)


def _vanishes(case: Case, candidate: Levelled) -> bool:
    try:
        with candidate.variant(optimization="disable") as plain:
            return not case.against(plain).fails
    except NotRunError:
        return False


def _level(case: Case, candidate: Levelled) -> str:
    """The lowest level at which it is there, unless it is the highest."""
    for level in ("basic", "extended"):
        with candidate.variant(optimization=level) as less:
            if case.against(less).fails:
                return f", and is there from the level `{level}` on"
    return ""


def _optimizer(case: Case, anatomy: Anatomy) -> str:
    """Found by halves: of those that change the graph, the half without which it vanishes holds the guilty one."""
    names = list(anatomy.optimizers())
    if not _healthy(case, anatomy, names):
        return ""
    while len(names) > 1:
        half = names[: len(names) // 2]
        names = half if _healthy(case, anatomy, half) else names[len(half) :]
    return names[0] if names and _healthy(case, anatomy, names) else ""


def _healthy(case: Case, anatomy: Anatomy, without: Sequence[str]) -> bool:
    return case.ratio(anatomy.run_without(case.batch, without)) <= case.limit


def _at_module(case: Case, anatomy: Anatomy, found: Blame) -> Blame:
    """With the first module whose output is off where the optimizers are at work.

    One output more at a time: a value that is wanted cannot be fused away, and with many of them the fault may hide.
    """
    taps = find_taps(case, anatomy)
    parts = list(taps.parts.values())
    low, high = 0, len(parts) - 1
    if not parts or not _off(case, anatomy, taps, parts[high]):
        return found
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if _off(case, anatomy, taps, parts[middle]) else (middle + 1, high)
    part = parts[high]
    return replace(
        found,
        module=part.module,
        call=part.call,
        class_name=part.class_name,
        source=part.source,
        nodes=tuple(anatomy.nodes(part)),
        value=part.value,
    )


def _off(case: Case, anatomy: Anatomy, taps: Taps, part: Part) -> bool:
    array = anatomy.outputs(case.batch, [part.value], "all")[part.value]
    return measure(case, taps, part.value, array) > min(GUILTY, case.limit)
