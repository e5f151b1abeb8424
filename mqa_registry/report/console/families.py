"""Families: the checks of a report, each with its results on all backends, grouped by what they are about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mqa_registry.judging.result import Verdict
from mqa_registry.judging.waivers import is_accepted, is_overdue
from mqa_registry.naming import title, uses

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mqa_registry.judging.result import Part, Result
    from mqa_registry.report.model import Report

_WORST_FIRST = (Verdict.ERROR, Verdict.NOT_RUN, Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.PASS)


@dataclass(frozen=True)
class Row:
    """One check and its results, by backend; `backends` are all of the report, in the suite's order."""

    check: str
    results: Mapping[str, Result]
    backends: tuple[str, ...]

    @property
    def across(self) -> tuple[Result | None, ...]:
        """A result, or nothing, for every backend of the report; one of no backend stands in the first column."""
        rest = self.backends[1:] if "" in self.results else self.backends
        return (*([self.results[""]] if "" in self.results else []), *(self.results.get(backend) for backend in rest))

    @property
    def first(self) -> Result:
        """The result of the first backend that has one."""
        return next(iter(self.results.values()))

    @property
    def title(self) -> str:
        """The check's name, shortened where it was made of what the check asks."""
        return title(self.check, self.first.measure, self.first.perturb, self.first.by)

    @property
    def critical(self) -> bool:
        """Whether it counts for the exit code."""
        return self.first.critical

    @property
    def verdict(self) -> Verdict:
        """The worst one on any backend."""
        return worst(result.verdict for result in self.results.values())

    @property
    def waived(self) -> bool:
        """Whether it does not hold, which is known and accepted."""
        return any(is_accepted(result) and result.verdict is self.verdict for result in self.results.values())

    @property
    def overdue(self) -> bool:
        """Whether its waiver is itself a failure."""
        return is_overdue(self.first)

    @property
    def decisive(self) -> bool:
        """Whether it keeps the release from being let through."""
        return self.overdue or (self.critical and self.verdict is not Verdict.PASS and not self.waived)


@dataclass(frozen=True, eq=False)
class Family:
    """Checks of one kind."""

    name: str
    rows: tuple[Row, ...]


def backends_of(report: Report) -> tuple[str, ...]:
    """The backends of a report, in the suite's order."""
    named = dict.fromkeys(result.backend for result in report.results if result.backend)
    return report.backends or tuple(named) or ("",)


def rows(report: Report) -> list[Row]:
    """Every check of the report, in its order."""
    found: dict[str, dict[str, Result]] = {}
    for result in report.results:
        found.setdefault(result.check, {})[result.backend] = result
    backends = backends_of(report)
    return [Row(check, results, backends) for check, results in found.items()]


def families(report: Report) -> list[Family]:
    """The checks by family; families and checks in the order in which the report first names them."""
    found: dict[str, list[Row]] = {}
    for row in rows(report):
        found.setdefault(family_of(row.first), []).append(row)
    return [Family(name, tuple(members)) for name, members in found.items()]


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The worst of some verdicts."""
    return min(verdicts, key=_WORST_FIRST.index)


def whole(result: Result) -> Part:
    """What was found on all rows: of a sweep, at its last severity."""
    return result.series[-1] if result.series else result


def groups_of(result: Result) -> Mapping[str, Part]:
    """The groups of a result: of a sweep, those of its last severity."""
    return result.series[-1].groups if result.series else result.groups


def family_of(result: Result) -> str:
    """The plugin that makes the check what it is: of its perturbation, else of its slices, else of its measure."""
    named = uses(result.perturb) or uses(result.by) or uses(result.measure) or ["checks"]
    return named[0].partition("/")[0]
