"""The plan: which views a suite needs, each once, and which of them every check reads."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mqa_registry.contributions import Comparison, Perturbation, Probe
from mqa_registry.naming import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mqa_registry.bounds import Expect
    from mqa_registry.suite import Check, Severity, Suite, Use


@dataclass(frozen=True)
class RowSet:
    """Rows that a model is to see: one data set, as it is or perturbed."""

    data: str
    perturb: tuple[Use, ...] = ()

    @cached_property
    def name(self) -> str:
        """A file stem: the data set's name, and a dot and a slug where the rows are perturbed."""
        if not self.perturb:
            return self.data
        keys = "\n".join(use.key for use in self.perturb)
        words = "-".join(re.sub(r"[^a-z0-9]+", "-", use.name.partition("/")[2].lower()) for use in self.perturb)
        return f"{self.data}.{words[:40]}-{hashlib.blake2b(keys.encode(), digest_size=3).hexdigest()}"

    @property
    def changes_targets(self) -> bool:
        """Whether the targets of the data do not hold for the perturbed rows, and others are unknown."""
        return any(use.contribution_as(Perturbation).target_effect == "changes" for use in self.perturb)


@dataclass(frozen=True)
class View:
    """Some rows, predicted by one backend. Equal views are predicted once.

    A probe that sees rows alone has a view of no backend: its name is empty.
    """

    backend: str
    rows: RowSet


@dataclass(frozen=True)
class Sight:
    """What a probe looks at: a view, and the reference where it compares. Equal sights are looked at once."""

    use: Use
    view: View
    reference: View | None = None

    @property
    def probe(self) -> Probe[Any]:
        return self.use.contribution_as(Probe)

    @property
    def views(self) -> tuple[View, ...]:
        """The views in sight, the reference first."""
        return tuple(view for view in (self.reference, self.view) if view is not None)


@dataclass(frozen=True)
class Step:
    """What a case reads at one severity; `reference` is the view it is held against, where it is held against one."""

    view: View
    reference: View | None = None
    severity: float | None = None


@dataclass(frozen=True)
class Case:
    """One check on one backend. `expect` is the check's, without the bounds that need a reference it lacks.

    Of a probe, it is the expectation of `value` alone, and the check has the others. `clean` are the unperturbed rows
    of a sweep, None for a check that is no sweep; its verdict does not rest on them.
    """

    check: Check
    backend: str
    expect: Expect
    steps: tuple[Step, ...]
    clean: Step | None = None

    @property
    def views(self) -> tuple[View, ...]:
        """Every view that it reads, a reference before the view that is held against it."""
        steps = [*self.steps, *([self.clean] if self.clean else [])]
        return tuple(view for step in steps for view in (step.reference, step.view) if view is not None)

    @property
    def sights(self) -> tuple[Sight, ...]:
        """What there is to look at, one sight for every severity; nothing for a measure that is no probe."""
        measure = self.check.measure
        probes = isinstance(measure.contribution, Probe)
        return tuple(Sight(measure, step.view, step.reference) for step in self.steps) if probes else ()


@dataclass(frozen=True)
class Plan:
    """What will be predicted, and what will be judged by it."""

    suite: Suite
    cases: tuple[Case, ...]

    @cached_property
    def views(self) -> tuple[View, ...]:
        """Every view that has to be predicted, each once, in the order of first use."""
        cases = (case for case in self.cases if _reads_predictions(case.check))
        return tuple(dict.fromkeys(view for case in cases for view in case.views))

    @cached_property
    def sights(self) -> tuple[Sight, ...]:
        """Everything that some probe looks at, each once."""
        return tuple(dict.fromkeys(sight for case in self.cases for sight in case.sights))

    @cached_property
    def row_sets(self) -> tuple[RowSet, ...]:
        """Every set of rows that some case is about, each once."""
        return tuple(dict.fromkeys(view.rows for case in self.cases for view in case.views))

    def row_sets_of(self, backend: str) -> tuple[RowSet, ...]:
        """The rows that one backend predicts."""
        return tuple(view.rows for view in self.views if view.backend == backend)


def make(suite: Suite) -> Plan:
    """The plan of a suite; pure."""
    cases = (_case(suite, check, backend) for check in suite.checks for backend in _backends(check))
    return Plan(suite, tuple(case for case in cases if case is not None))


def _case(suite: Suite, check: Check, backend: str) -> Case | None:
    """One check on one backend, or None where it would hold a view against itself and nothing else."""
    steps = tuple(_step(suite, check, backend, severity) for severity in check.steps)
    expect = check.value
    if steps[0].reference is None:
        if check.compares:
            return None
        expect = expect.without("reference")
    bounded = expect.bounds() or check.expect.keys() - {"value"}
    swept = steps[0].severity is not None and not isinstance(check.measure.contribution, Probe)
    clean = _clean(suite, check, backend) if swept else None
    return Case(check, backend, expect, steps, clean) if bounded else None


def _backends(check: Check) -> tuple[str, ...]:
    """The backends that a check has a case for; rows alone are no backend's."""
    measure = check.measure.contribution
    return ("",) if isinstance(measure, Probe) and measure.inputs == "rows" else check.on


def _reads_predictions(check: Check) -> bool:
    measure = check.measure.contribution
    return not isinstance(measure, Probe) or measure.inputs == "predictions"


def _step(suite: Suite, check: Check, backend: str, severity: Severity) -> Step:
    view = View(backend, RowSet(check.data, severity.perturb))
    reference = _reference(suite, check, view) if check.needs_reference else None
    return Step(view, None if reference == view else reference, severity.severity)


def _clean(suite: Suite, check: Check, backend: str) -> Step:
    """The rows of a sweep as they are; a comparison of them is with its reference, which may be the view itself."""
    view = View(backend, RowSet(check.data))
    compares = isinstance(check.measure.contribution, Comparison)
    return Step(view, _reference(suite, check, view) if compares else None)


def _reference(suite: Suite, check: Check, view: View) -> View:
    """The view that another is held against: what `against` changes, or the default for this kind of check."""
    against = check.reference(suite.reference, perturbed=bool(view.rows.perturb))
    rows = RowSet(against.data or view.rows.data, () if against.unperturbed else view.rows.perturb)
    return View((against.backend or view.backend) if view.backend else "", rows)


def lines(plan: Plan) -> Iterator[str]:
    """The plan in words, for `--dry-run`."""
    yield f"{counted(len(plan.cases), 'result')} from {counted(len(plan.views), 'view')}:"
    for view in plan.views:
        uses = sum(view in case.views for case in plan.cases)
        yield f"  {view.rows.name} on {view.backend}: read by {counted(uses, 'result')}"
    for sight in plan.sights:
        on = f" on {sight.view.backend}" if sight.view.backend else ""
        yield f"  {sight.view.rows.name}{on}: looked at by {sight.use.name}"
