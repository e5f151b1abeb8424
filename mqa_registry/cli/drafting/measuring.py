"""The bounds of a draft, measured: those of every check by its results in one run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mqa_registry.cli.drafting.bounds import measure_bounds
from mqa_registry.cli.drafting.checks import to_plain
from mqa_registry.judging import Verdict
from mqa_registry.reports.report import list_checks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from mqa_registry.cli.drafting.bounds import MeasuredBounds
    from mqa_registry.cli.drafting.draft import Draft
    from mqa_registry.reports import Report


def measure_checks(draft: Draft, names: Sequence[str], report: Report, day: date) -> dict[int, MeasuredBounds]:
    """The measured bounds of the checks that have any, by their positions; `names` are those of all checks in order.

    A promise stays as it is, and so does a check that could not be run.
    """
    by_name = {check.name: check for check in list_checks(report)}
    measured: dict[int, MeasuredBounds] = {}
    for number, (name, check) in enumerate(zip(names, draft.checks, strict=True)):
        results = list(by_name[name].results.values()) if name in by_name else []
        is_open = not results or any(one.verdict in {Verdict.ERROR, Verdict.NOT_RUN} for one in results)
        if check.bounds != "promise" and not is_open:
            measured[number] = measure_bounds(to_plain(check.table["expect"]), results, day)
    return measured


def describe_misses(report: Report) -> Iterator[str]:
    """A line for every check that does not hold although its bounds are what was measured."""
    for check in list_checks(report):
        if check.verdict is not Verdict.PASS:
            reason = next((one.note for one in check.results.values() if one.note), "")
            yield f"`{check.title}` is {check.verdict.value}{f': {reason}' if reason else ''}"
