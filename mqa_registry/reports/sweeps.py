"""Sweeps: what the severities of a check come to together, and how far its rows were perturbed at each of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mqa_registry.judging.result import Result, Step


@dataclass(frozen=True)
class SweepSummary:
    """What a sweep comes to on one backend; what is unknown is None.

    Every severity up to `passes_through` holds, and `break_point` is the first that does not. `error` is the mean error
    over the severities, `error_ratio` that by the error on the unperturbed rows, and `reference_ratios` that by the mean
    error on other backends, by their names. At the severities `non_monotonic_at` the value is better than at the one
    before.
    """

    passes_through: float | None
    break_point: float | None
    error: float | None
    error_ratio: float | None
    reference_ratios: Mapping[str, float]
    non_monotonic_at: tuple[float, ...]


def read_sweep_summary(result: Result) -> SweepSummary | None:
    """The summary in a result's evidence; None where it has none."""
    sweep = result.evidence.get("sweep")
    if not isinstance(sweep, Mapping):
        return None
    ratios = sweep.get("area_beside")
    ratios = ratios.items() if isinstance(ratios, Mapping) else ()
    return SweepSummary(
        passes_through=_finite_or_none(sweep.get("holds_to")),
        break_point=_finite_or_none(sweep.get("break_point")),
        error=_finite_or_none(sweep.get("error")),
        error_ratio=_finite_or_none(sweep.get("area")),
        reference_ratios={name: ratio for name, ratio in ratios if _finite_or_none(ratio) is not None},
        non_monotonic_at=tuple(one for one in sweep.get("turns") or () if _finite_or_none(one) is not None),
    )


def describe_perturbation(steps: Sequence[Step]) -> dict[str, list[str]]:
    """Rows that changed, edits of each and rows that were declined: texts, one for every severity; empty ones are left out."""
    columns = {
        "changed": [_format_share(step.evidence.get("changed"), step.evidence.get("rows")) for step in steps],
        "edits a row": [_format(step.evidence.get("edits"), "{:.1f}") for step in steps],
        "declined": [_format(step.evidence.get("declined") or None, "{:,.0f}") for step in steps],
    }
    return {name: texts for name, texts in columns.items() if any(texts)}


def _format_share(part: Any, whole: Any) -> str:
    """A share of rows in percent, never rounded to none or all."""
    if _finite_or_none(part) is None or not _finite_or_none(whole):
        return ""
    percent = 100 * part / whole
    return f"{percent:.1f} %" if 0 < percent < 1 or 99 < percent < 100 else f"{percent:.0f} %"


def _format(number: Any, form: str) -> str:
    return form.format(number) if _finite_or_none(number) is not None else ""


def _finite_or_none(number: Any) -> float | None:
    is_number = isinstance(number, int | float) and not isinstance(number, bool)
    return number if is_number and math.isfinite(number) else None
