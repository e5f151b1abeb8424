"""A finished run, and its results by check, backend and family, as every kind of report sees them."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from mqa_registry.judging.result import Verdict
from mqa_registry.judging.waivers import is_accepted, is_overdue
from mqa_registry.naming import referenced_names, shorten_check_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    import pyarrow as pa

    from mqa_registry.errors import ExitCode
    from mqa_registry.findings import Finding
    from mqa_registry.judging.result import Part, Result, RunComparison
    from mqa_registry.judging.view_summary import ViewSummary
    from mqa_registry.observations import Work

NOTEBOOK_REPORTER = "html"
_WORST_FIRST = (Verdict.ERROR, Verdict.NOT_RUN, Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.PASS)


@dataclass(frozen=True)
class SuiteIdentity:
    """The suite of a run: its name, the path and the digest of its file, and what its intervals depend on.

    `confidence_reason` is why the suite has another confidence than usual, in its own words; empty where it gives none.
    """

    name: str
    path: str
    digest: str
    seed: int
    confidence: float
    confidence_reason: str = ""


@dataclass(frozen=True)
class Report:
    """A finished run.

    `suite` says of which suite it is a run; `environment` all it takes to repeat the run; `backends` are the
    names in the suite's order. `work` counts rows predicted, rows found in the store and forward passes, per backend.
    `note` says what happened to the run as a whole, where its verdict is not what the results add up to, and `hint` what
    to do about it. `findings` are about files and machines rather than about a check. `against` is how it differs from an
    earlier run, where it was held against one: that counts for the verdict and the exit code. `views` are the unperturbed
    rows as each backend predicts them, and `options` the flags that the run had on the command line. `tags` are the names
    that people gave the run.
    """

    run: str
    suite: SuiteIdentity
    verdict: Verdict
    exit_code: ExitCode
    started: datetime
    seconds: float
    environment: Mapping[str, Any]
    results: tuple[Result, ...]
    backends: tuple[str, ...] = ()
    work: Mapping[str, Work] | None = None
    note: str = ""
    hint: str = ""
    findings: tuple[Finding, ...] = ()
    against: RunComparison | None = None
    views: tuple[ViewSummary, ...] = ()
    options: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()

    def _repr_html_(self) -> str | None:
        """The report in a notebook: the page of the reporter `html` in a frame of its own; None where there is none."""
        from mqa_registry.reports.reporters import REPORTS, list_names, render

        if NOTEBOOK_REPORTER not in list_names(REPORTS):
            return None
        page = escape(render(NOTEBOOK_REPORTER, self).decode())
        title = escape(f"{self.verdict}: {self.suite.name}")
        # Its scripts run, and reach nothing of the notebook.
        return f'<iframe title="{title}" sandbox="allow-scripts" srcdoc="{page}" width="100%" height="700"></iframe>'

    def to_table(self) -> pa.Table:
        """Every number in long form, a row for each, as an Arrow table: by check, backend, severity, group and number.

        A result without numbers, as one that crashed, has a row with its verdict alone.
        """
        from mqa_registry.reports.numbers_table import make_numbers_table

        return make_numbers_table(self)

    def to_frame(self) -> Any:
        """The rows of `to_table` as a pandas `DataFrame`; a UsageError where pandas is not installed."""
        from mqa_registry.extras import optional_import

        with optional_import("pandas"):
            return self.to_table().to_pandas().astype({"rows": "Int64"})


@dataclass(frozen=True)
class CheckResults:
    """One check with its results by backend; `backends` are all of the report, in the suite's order."""

    name: str
    results: Mapping[str, Result]
    backends: tuple[str, ...]

    @property
    def aligned_results(self) -> tuple[Result | None, ...]:
        """A result or None for every backend of the report; a result of no backend comes first."""
        rest = self.backends[1:] if "" in self.results else self.backends
        return (*([self.results[""]] if "" in self.results else []), *(self.results.get(backend) for backend in rest))

    @property
    def first_result(self) -> Result:
        """The result of the first backend that has one."""
        return next(iter(self.results.values()))

    @property
    def title(self) -> str:
        """The check's name; one that was derived from measure, perturbation and slices is shortened."""
        first = self.first_result
        return shorten_check_name(self.name, first.measure, first.perturb, first.by)

    @property
    def reference_backend(self) -> str | None:
        """The backend that the others are compared with; None where the check compares no backends."""
        return (self.first_result.against or {}).get("backend")

    @property
    def is_critical(self) -> bool:
        """Whether it counts for the exit code."""
        return self.first_result.critical

    @property
    def verdict(self) -> Verdict:
        """The worst verdict on any backend."""
        return worst_verdict(result.verdict for result in self.results.values())

    @property
    def is_waived(self) -> bool:
        """Whether it does not hold, which is known and accepted."""
        return any(is_accepted(result) and result.verdict is self.verdict for result in self.results.values())

    @property
    def is_overdue(self) -> bool:
        """Whether its waiver is itself a failure."""
        return is_overdue(self.first_result)

    @property
    def blocks_release(self) -> bool:
        """Whether it keeps the verdict of the run from being PASS."""
        return self.is_overdue or (self.is_critical and self.verdict is not Verdict.PASS and not self.is_waived)


def blocks_release(result: Result) -> bool:
    """Whether a result keeps the verdict of the run from being PASS: a critical one that does not hold and is not waived.

    So does any whose waiver is itself a failure.
    """
    does_not_hold = result.verdict is not Verdict.PASS and not is_accepted(result)
    return is_overdue(result) or (result.critical and does_not_hold)


@dataclass(frozen=True, eq=False)
class Family:
    """The checks that one plugin makes what they are."""

    name: str
    checks: tuple[CheckResults, ...]


def list_backends(report: Report) -> tuple[str, ...]:
    """The backends of a report, in the suite's order; one without a name where no result has a backend."""
    named = dict.fromkeys(result.backend for result in report.results if result.backend)
    return report.backends or tuple(named) or ("",)


def list_checks(report: Report) -> list[CheckResults]:
    """Every check of the report, in its order."""
    by_check: dict[str, dict[str, Result]] = {}
    for result in report.results:
        by_check.setdefault(result.check, {})[result.backend] = result
    backends = list_backends(report)
    return [CheckResults(name, results, backends) for name, results in by_check.items()]


def group_by_family(report: Report) -> list[Family]:
    """The checks by family; families and checks in the order in which the report first names them."""
    members: dict[str, list[CheckResults]] = {}
    for check in list_checks(report):
        members.setdefault(name_family(check.first_result), []).append(check)
    return [Family(name, tuple(checks)) for name, checks in members.items()]


def name_family(result: Result) -> str:
    """The plugin of a check's perturbation, else of its slices, else of its measure; `checks` where none is named."""
    named = (
        referenced_names(result.perturb)
        or referenced_names(result.by)
        or referenced_names(result.measure)
        or ["checks"]
    )
    return named[0].partition("/")[0]


def worst_verdict(verdicts: Iterable[Verdict]) -> Verdict:
    """The worst of some verdicts, of which there is at least one."""
    return min(verdicts, key=_WORST_FIRST.index)


def overall_part(result: Result) -> Part:
    """The numbers of all rows: of a sweep, those at its last severity."""
    return result.series[-1] if result.series else result


def groups_of(result: Result) -> Mapping[str, Part]:
    """The groups of a result by name: of a sweep, those at its last severity."""
    return result.series[-1].groups if result.series else result.groups
