"""Explanations: why a check does not hold, in the judge's words, and what became of its rows. Plain sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mqa_registry.judging.result import Verdict
from mqa_registry.judging.waivers import WaiverState, is_overdue
from mqa_registry.naming import counted
from mqa_registry.reports.number_format import format_count, format_estimate, format_p_value, format_with_interval
from mqa_registry.reports.summary import NOT_JUDGED

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mqa_registry.judging.result import Change, Flips, GroupFlips, Result, RunComparison
    from mqa_registry.judging.waivers import AppliedWaiver

MAX_CLASSES = 5  # that no row has, by name
MAX_LOST = 5  # lost rows of a view, by their ids
_DEFAULT_REASONS = {
    Verdict.FAIL: "it lies beyond its bound",
    Verdict.INCONCLUSIVE: "the rows at hand settle it neither way",
    **NOT_JUDGED,
}
_WAIVERS = {
    WaiverState.ACCEPTED: "waived until {}",
    WaiverState.EXPIRED: "FAIL: the waiver expired after {}; fix the check, or renew the waiver",
    WaiverState.UNNEEDED: "FAIL: the check holds without its waiver until {}; take that out of the suite",
}
_CHANGES = {
    Verdict.PASS: "Nothing is shown to be worse.",
    Verdict.FAIL: "It is worse.",
    Verdict.INCONCLUSIVE: "These rows do not settle whether it is worse by more than that.",
}
_NOTHING_COMPARED = "The runs have no measure in common."


def explain_result(result: Result) -> tuple[str, ...]:
    """Sentences on one check on one backend; none where there is nothing to say.

    The first says why it does not hold, or why its waiver is itself a failure. It has the numbers, their intervals, the
    bound, and about how many rows would settle it. Texts of rows are in no sentence of the judge.
    """
    holds = result.verdict is Verdict.PASS
    waiver = [explain_waiver(result.waiver)] if result.waiver else []
    sentences = [
        *(waiver if is_overdue(result) else ()),
        *(() if holds else [explain_verdict([result])]),
        *(() if is_overdue(result) else waiver),
        *(() if holds else result.evidence.remarks),
        *result.evidence.notes,
        name_absent_classes([result]),
        count_rows([result], is_explained=not holds),
    ]
    return tuple(filter(None, sentences))


def explain_verdict(results: Sequence[Result]) -> str:
    """The reason that the judge gives for a verdict which several backends share, and how many rows would settle it."""
    first = results[0]
    return (first.note or _DEFAULT_REASONS.get(first.verdict, "")) + _name_required_rows(results)


def _name_required_rows(results: Sequence[Result]) -> str:
    """How many rows, or what else, would settle it; nothing where the judge does not know or its note says so."""
    required = max(result.evidence.required_rows or 0 for result in results)
    is_in_note = str(required) in results[0].note.replace(",", "")
    unit = results[0].evidence.required_unit
    return f"; about {format_count(required)} {unit} would settle it" if required and not is_in_note else ""


def explain_waiver(waiver: AppliedWaiver) -> str:
    """Why a failure is accepted and until when, or that its waiver is overdue."""
    return f"{name_waiver_state(waiver)}: {waiver.reason}"


def name_waiver_state(waiver: AppliedWaiver) -> str:
    """Until when a failure is accepted, or that the waiver is overdue."""
    return _WAIVERS[waiver.state].format(waiver.until.isoformat())


def name_absent_classes(results: Iterable[Result]) -> str:
    """Classes that no row has, whatever the verdict: the number is one of the other classes alone. Empty without any."""
    results = list(results)
    absent = dict.fromkeys(name for one in results for name in one.evidence.absent_classes)
    notes = [one.note for one in results if one.verdict is not Verdict.PASS]
    names = [f"`{name}`" for name in absent if not any(f"no row is `{name}`" in note for note in notes)]
    if not names:
        return ""
    more = f" and {len(names) - MAX_CLASSES:,} more" if len(names) > MAX_CLASSES else ""
    noun = "class" if len(names) == 1 else "the classes"
    return f"no row is of {noun} {', '.join(names[:MAX_CLASSES])}{more}"


def count_rows(results: Iterable[Result], *, is_explained: bool) -> str:
    """Rows by what became of them: those that were ignored, and for a check that is explained all others.

    So too where a perturbation changed few rows. A sweep has lines for how far its rows were perturbed. Empty where there
    is nothing to count.
    """
    results = list(results)
    evidence = [result.evidence for result in results]
    words = []
    if (is_explained or any(map(_changed_few_rows, results))) and not results[0].series:
        edits = max(one.mean_edits or 0.0 for one in evidence)
        by_edits = f" by {edits:.1f} edits each" if edits else ""
        if changed := max(one.changed or 0 for one in evidence):
            words.append(f"{format_count(changed)} changed{by_edits}")
        if declined := max(one.declined for one in evidence):
            words.append(f"{format_count(declined)} declined")
    if lost := max(map(count_lost_rows, results)):
        words.append(f"{format_count(lost)} lost")
    if missing := max(one.missing_predictions for one in evidence):
        words.append(f"{format_count(missing)} without an answer")
    if missing := max(one.missing_targets for one in evidence):
        words.append(f"{format_count(missing)} without a target")
    return f"rows: {', '.join(words)}" if words else ""


def describe_lost_rows(result: Result) -> tuple[str, ...]:
    """A sentence for each view that lost rows, with the ids of the first of them and the reasons."""
    return tuple(
        f"{loss.lost:,} of {counted(loss.rows, 'row')} of `{loss.view}`{f' on `{loss.backend}`' if loss.backend else ''} lost: "
        + "; ".join(f"`{row.id}`: {row.reason}" for row in loss.first[:MAX_LOST])
        + (f"; and {loss.lost - MAX_LOST:,} more" if loss.lost > MAX_LOST else "")
        for loss in result.evidence.lost
    )


def count_lost_rows(result: Result) -> int:
    """How many rows that view lost which lost the most of those that a check read."""
    return max((loss.lost for loss in result.evidence.lost), default=0)


def _changed_few_rows(result: Result) -> bool:
    """Whether a perturbation left most rows as they were, so that the number says little of it."""
    rows = max((number.rows for number in result.numbers.values()), default=0)
    return 0 < 2 * (result.evidence.changed or 0) < rows


def explain_comparison(comparison: RunComparison) -> tuple[str, ...]:
    """Sentences on how a run differs from an earlier one: the conclusion, what is worse, and how many rows are newly wrong."""
    flips = [one for one in comparison.flips if not one.perturb and one.test.negative_flips]
    return (
        f"against the run {comparison.reference} of {comparison.started}: {conclude_comparison(comparison)}",
        *(f"{name_change(one)}: {describe_change(one)}" for one in comparison.shown_changes),
        *([describe_unshown_groups(comparison)] if comparison.unshown_groups else []),
        *(sentence for one in flips for sentence in _explain_flips(one)),
        *(f"not compared: {reason}" for reason in comparison.left_out),
    )


def conclude_comparison(comparison: RunComparison) -> str:
    """What a comparison with an earlier run comes to."""
    return _CHANGES[comparison.verdict] if comparison.changes else _NOTHING_COMPARED


def describe_change(change: Change) -> str:
    """What a measure was, is, and by how much it is worse; the reason where it could not be compared."""
    if change.before is None or change.now is None or change.change is None:
        return change.note
    before, now = (format_estimate(number)[0] for number in (change.before, change.now))
    return f"{before} → {now}, worse by {format_with_interval(change.change)}"


def describe_unshown_groups(comparison: RunComparison) -> str:
    """How many measures of groups count besides those that are named."""
    return f"{counted(comparison.unshown_groups, 'more measure', 'more measures')} of groups"


def _explain_flips(flips: Flips) -> list[str]:
    where = f"{flips.data} on {flips.backend}"
    groups = [f"`{one.group}` of {where}: {describe_flips(one)}" for one in flips.groups]
    return [f"{where}: {describe_flips(flips)}", *groups]


def describe_flips(flips: Flips | GroupFlips) -> str:
    """How many rows are newly wrong and newly right."""
    test = "" if flips.test.p_value is None else f", McNemar {format_p_value(flips.test.p_value)}"
    share = format_with_interval(flips.share)
    negative = (
        f"{format_count(flips.test.negative_flips)} newly wrong, {share} of {format_count(flips.share.rows)} rows"
    )
    return f"{negative}; {format_count(flips.test.positive_flips)} newly right{test}"


def name_change(change: Change) -> str:
    """The measure that was compared: a check that has it, in which group, at which severity, and on which backend."""
    group = f" in `{change.group}`" if change.group else ""
    severity = "" if change.severity is None else f" at severity {change.severity:g}"
    return f"{change.check}{group}{severity}" + (f" on {change.backend}" if change.backend else "")
