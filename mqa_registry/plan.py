"""The plan: which views a suite needs, each once, and which of them every check reads."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mqa_registry.contributions import Comparison, Perturbation, Probe, Task
from mqa_registry.naming import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mqa_registry.expect import Expect
    from mqa_registry.suite import Check, Severity, Suite, Use


@dataclass(frozen=True)
class RowSet:
    """One data set, unperturbed or with perturbations: rows that a backend predicts."""

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

    The view of a probe that reads rows alone has no backend: `backend` is empty.
    """

    backend: str
    rows: RowSet


@dataclass(frozen=True)
class ProbeRequest:
    """What a probe observes: a view, and the reference view where it compares. Equal requests are run once."""

    use: Use
    view: View
    reference: View | None = None

    @property
    def probe(self) -> Probe[Any]:
        return self.use.contribution_as(Probe)

    @property
    def views(self) -> tuple[View, ...]:
        """The views in request, the reference first."""
        return tuple(view for view in (self.reference, self.view) if view is not None)


@dataclass(frozen=True)
class Step:
    """The view that a case reads at one severity, and the reference view that it is compared with, if any."""

    view: View
    reference: View | None = None
    severity: float | None = None


@dataclass(frozen=True)
class Case:
    """One check on one backend.

    `expect` has the bounds on `value`, without those that need a reference view where there is none; the bounds on the
    other numbers of a probe are in `check`. `clean` reads the unperturbed rows of a sweep, for the report: the verdict
    does not depend on them. It is None where the check is no sweep.
    """

    check: Check
    backend: str
    expect: Expect
    steps: tuple[Step, ...]
    clean: Step | None = None

    @property
    def views(self) -> tuple[View, ...]:
        """Every view that it reads, each reference view before the view that is compared with it."""
        steps = [*self.steps, *([self.clean] if self.clean else [])]
        return tuple(view for step in steps for view in (step.reference, step.view) if view is not None)

    @property
    def probe_requests(self) -> tuple[ProbeRequest, ...]:
        """One request for every severity where the measure is a probe; none for any other measure."""
        measure = self.check.measure
        if not isinstance(measure.contribution, Probe):
            return ()
        return tuple(ProbeRequest(measure, step.view, step.reference) for step in self.steps)


@dataclass(frozen=True)
class Plan:
    """The cases of a suite, and all views that they read."""

    suite: Suite
    cases: tuple[Case, ...]

    @property
    def task(self) -> Task[Any] | None:
        """The task of the suite's model; None where it has no model."""
        return self.suite.model.task.contribution_as(Task) if self.suite.model else None

    @cached_property
    def views(self) -> tuple[View, ...]:
        """Every view that has to be predicted, each once, in the order of first use."""
        cases = (case for case in self.cases if _reads_predictions(case.check))
        return tuple(dict.fromkeys(view for case in cases for view in case.views))

    @cached_property
    def probe_requests(self) -> tuple[ProbeRequest, ...]:
        """The requests of all cases, each once."""
        return tuple(dict.fromkeys(request for case in self.cases for request in case.probe_requests))

    @cached_property
    def row_sets(self) -> tuple[RowSet, ...]:
        """Every set of rows that some case reads, each once."""
        return tuple(dict.fromkeys(view.rows for case in self.cases for view in case.views))

    def row_sets_of(self, backend: str) -> tuple[RowSet, ...]:
        """The sets of rows that one backend predicts."""
        return tuple(view.rows for view in self.views if view.backend == backend)


def make(suite: Suite) -> Plan:
    """The plan of a suite. No file is read and no model is built."""
    cases = (_make_case(suite, check, backend) for check in suite.checks for backend in _backends_of(check))
    return Plan(suite, tuple(case for case in cases if case is not None))


def _make_case(suite: Suite, check: Check, backend: str) -> Case | None:
    """One check on one backend, or None where all that it could do is compare a view with itself."""
    steps = tuple(_make_step(suite, check, backend, severity) for severity in check.steps)
    expect = check.value
    if steps[0].reference is None:
        if check.compares:
            return None
        expect = expect.without("reference")
    bounded = expect.bounds() or check.expect.keys() - {"value"}
    swept = steps[0].severity is not None and not isinstance(check.measure.contribution, Probe)
    clean = _clean_step(suite, check, backend) if swept else None
    return Case(check, backend, expect, steps, clean) if bounded else None


def _backends_of(check: Check) -> tuple[str, ...]:
    """The backends that a check has a case for; an empty name where its probe reads rows alone."""
    measure = check.measure.contribution
    return ("",) if isinstance(measure, Probe) and measure.inputs == "rows" else check.on


def _reads_predictions(check: Check) -> bool:
    measure = check.measure.contribution
    return not isinstance(measure, Probe) or measure.inputs == "predictions"


def _make_step(suite: Suite, check: Check, backend: str, severity: Severity) -> Step:
    view = View(backend, RowSet(check.data, severity.perturb))
    reference = _reference_view(suite, check, view) if check.needs_reference else None
    return Step(view, None if reference == view else reference, severity.severity)


def _clean_step(suite: Suite, check: Check, backend: str) -> Step:
    """The unperturbed rows of a sweep. The reference view of a comparison may be the view itself here."""
    view = View(backend, RowSet(check.data))
    compares = isinstance(check.measure.contribution, Comparison)
    return Step(view, _reference_view(suite, check, view) if compares else None)


def _reference_view(suite: Suite, check: Check, view: View) -> View:
    """The reference view of a view: what `against` changes, or the default for this kind of check."""
    against = check.reference(suite.reference, perturbed=bool(view.rows.perturb))
    rows = RowSet(against.data or view.rows.data, () if against.unperturbed else view.rows.perturb)
    return View((against.backend or view.backend) if view.backend else "", rows)


def describe(plan: Plan) -> Iterator[str]:
    """The plan as lines of text, for `--dry-run`."""
    yield f"{counted(len(plan.cases), 'result')} from {counted(len(plan.views), 'view')}:"
    for view in plan.views:
        uses = sum(view in case.views for case in plan.cases)
        yield f"  {view.rows.name} on {view.backend}: read by {counted(uses, 'result')}"
    for request in plan.probe_requests:
        on = f" on {request.view.backend}" if request.view.backend else ""
        yield f"  {request.view.rows.name}{on}: observed by {request.use.name}"
