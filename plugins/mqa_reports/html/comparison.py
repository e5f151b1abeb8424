"""A comparison with an earlier run as the page shows it: what is worse, which rows flipped, which verdicts changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mqa_registry import counted, format_estimate
from mqa_reports.html.checks import describe_use
from mqa_reports.html.examples import ExampleTable, make_example_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mqa_registry import Change, Flips, Number, Report, Verdict


@dataclass(frozen=True)
class ChangeRow:
    """What a measure was and is on one backend; `change` is how much worse it is."""

    measure: str
    rows: str
    backend: str
    before: str
    now: str
    change: str
    verdict: Verdict
    note: str


@dataclass(frozen=True)
class FlipsView:
    """The rows of a backend that were right and are wrong, in words, and some of them."""

    sentence: str
    examples: ExampleTable | None


@dataclass(frozen=True)
class ComparisonView:
    """How a run differs from an earlier one; `verdict_changes` have check, backend, and the verdict before and now.

    `changes` count for the verdict or could not be judged; `others` are not shown to be worse.
    """

    title: str
    verdict: Verdict
    changes: Sequence[ChangeRow]
    others: Sequence[ChangeRow]
    flips: Sequence[FlipsView]
    verdict_changes: Sequence[tuple[str, str, Verdict, Verdict]]
    left_out: Sequence[str]


def make_comparison_view(report: Report) -> ComparisonView | None:
    """The record of the comparison in a report; None where the run was held against no other."""
    comparison = report.against
    if comparison is None:
        return None
    allowed = "" if comparison.max_drop is None else f", at most {comparison.max_drop:g} worse"
    return ComparisonView(
        title=f"Against run {comparison.reference} of {comparison.started}{allowed}",
        verdict=comparison.verdict,
        changes=[_make_row(change) for change in comparison.changes if comparison.counts(change)],
        others=[_make_row(change) for change in comparison.changes if not comparison.counts(change)],
        flips=[_make_flips(one) for one in comparison.flips if one.test.negative_flips + one.test.positive_flips],
        verdict_changes=[(one.check, one.backend, one.before, one.now) for one in comparison.verdict_changes],
        left_out=comparison.left_out,
    )


def _make_row(change: Change) -> ChangeRow:
    severity = "" if change.severity is None else f" at severity {change.severity:g}"
    return ChangeRow(
        measure=describe_use(change.measure),
        rows=_describe_rows(change.data, change.perturb) + severity,
        backend=change.backend,
        before=_format(change.before),
        now=_format(change.now),
        change=_format(change.change),
        verdict=change.verdict,
        note=change.note,
    )


def _make_flips(flips: Flips) -> FlipsView:
    test = flips.test
    newly = f"{counted(test.negative_flips, 'row')} newly wrong, {test.positive_flips:,} newly right"
    where = f"{_describe_rows(flips.data, flips.perturb)} on {flips.backend}"
    sentence = f"{where}: {newly}; newly wrong is a share of {_format(flips.share)}"
    return FlipsView(sentence, make_example_table(flips.backend, flips.examples) if flips.examples else None)


def _describe_rows(data: str, perturb: Sequence[object]) -> str:
    return f"{data} under {describe_use(perturb)}" if perturb else data


def _format(number: Number | None) -> str:
    return "" if number is None else " ".join(filter(None, format_estimate(number)))
