"""A comparison with an earlier run, in a page of its own and in that of a report: what is worse, and which rows flipped."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mqa_registry import describe_flips, explain_comparison, format_with_interval
from mqa_reports.html.checks import describe_use
from mqa_reports.html.examples import ExampleTable, make_example_table
from mqa_reports.html.rendering import render_template

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from mqa_registry import Change, Flips, Number, RunComparison, Verdict


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
    """The rows of a backend that were right and are wrong, in words, and some of them; `hidden` more are counted.

    `groups` say so of each group that is shown to be worse.
    """

    sentence: str
    groups: Sequence[str]
    examples: ExampleTable | None
    hidden: int


@dataclass(frozen=True)
class ComparisonView:
    """How a run differs from an earlier one; `verdict_changes` have check, backend, and the verdict before and now.

    `changes` count for the verdict or could not be judged, with `more_groups` measures of groups that are not named;
    `others`, and `other_groups` measures of groups, are not shown to be worse.
    """

    title: str
    verdict: Verdict
    changes: Sequence[ChangeRow]
    more_groups: int
    others: Sequence[ChangeRow]
    other_groups: int
    flips: Sequence[FlipsView]
    verdict_changes: Sequence[tuple[str, str, Verdict, Verdict]]
    left_out: Sequence[str]


def render_comparison(comparison: RunComparison) -> str:
    """The page of a comparison."""
    runs = [comparison.reference, comparison.run]
    allowed = [] if comparison.max_drop is None else ["--max-drop", f"{comparison.max_drop:g}"]
    return render_template(
        "comparison_page.html.j2",
        run=comparison.run,
        reference=comparison.reference,
        conclusion=explain_comparison(comparison)[0],
        max_drop=comparison.max_drop,
        confidence=comparison.confidence,
        command=shlex.join(["mqa", "compare", *runs, *allowed]),
        comparison=make_comparison_view(comparison),
    )


def make_comparison_view(comparison: RunComparison) -> ComparisonView:
    """The record of a comparison."""
    others = [change for change in comparison.changes if not comparison.counts(change)]
    allowed = "" if comparison.max_drop is None else f", at most {comparison.max_drop:g} worse"
    return ComparisonView(
        title=f"Against run {comparison.reference} of {comparison.started}{allowed}",
        verdict=comparison.verdict,
        changes=[_make_row(change) for change in comparison.shown_changes],
        more_groups=comparison.unshown_groups,
        others=[_make_row(change) for change in others if not change.group],
        other_groups=sum(bool(change.group) for change in others),
        flips=[_make_flips(one) for one in comparison.flips if one.test.negative_flips + one.test.positive_flips],
        verdict_changes=[(one.check, one.backend, one.before, one.now) for one in comparison.verdict_changes],
        left_out=comparison.left_out,
    )


def _make_row(change: Change) -> ChangeRow:
    severity = "" if change.severity is None else f" at severity {change.severity:g}"
    group = f", {_describe_group(change.by, change.group)}" if change.by else ""
    return ChangeRow(
        measure=describe_use(change.measure),
        rows=_describe_rows(change.data, change.perturb) + severity + group,
        backend=change.backend,
        before=_format(change.before),
        now=_format(change.now),
        change=_format(change.change),
        verdict=change.verdict,
        note=change.note,
    )


def _make_flips(flips: Flips) -> FlipsView:
    where = f"{_describe_rows(flips.data, flips.perturb)} on {flips.backend}"
    examples = make_example_table(flips.backend, flips.examples) if flips.examples else None
    hidden = flips.test.negative_flips - len(flips.examples)
    groups = [f"{_describe_group(one.by, one.group)}: {describe_flips(one)}" for one in flips.groups]
    return FlipsView(f"{where}: {describe_flips(flips)}", groups, examples, hidden if examples else 0)


def _describe_group(by: Mapping[str, Any] | None, group: str) -> str:
    return f"{group} of {describe_use(by)}" if group else f"by {describe_use(by)}"


def _describe_rows(data: str, perturb: Sequence[object]) -> str:
    return f"{data} under {describe_use(perturb)}" if perturb else data


def _format(number: Number | None) -> str:
    return "" if number is None else format_with_interval(number)
