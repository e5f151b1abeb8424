"""The plan: which views a suite needs, each once, and which of them every check reads."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from mqa_registry.contributions import Comparison
from mqa_registry.suite import Against

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mqa_registry.suite import Check, Expect, Severity, Suite, Use


@dataclass(frozen=True)
class RowSet:
    """Rows that a model is to see: one data set, as it is or disturbed."""

    data: str
    perturb: tuple[Use, ...] = ()

    @cached_property
    def name(self) -> str:
        """A file stem: the data set's name, and a dot and a slug where the rows are disturbed."""
        if not self.perturb:
            return self.data
        keys = "\n".join(use.key for use in self.perturb)
        words = "-".join(re.sub(r"[^a-z0-9]+", "-", use.name.partition("/")[2].lower()) for use in self.perturb)
        return f"{self.data}.{words[:40]}-{hashlib.blake2b(keys.encode(), digest_size=3).hexdigest()}"


@dataclass(frozen=True)
class View:
    """Some rows, predicted by one backend. Equal views are predicted once."""

    backend: str
    rows: RowSet


@dataclass(frozen=True)
class Step:
    """What a case reads at one severity; `reference` is the view it is held against, where it is held against one."""

    view: View
    reference: View | None = None
    severity: float | None = None


@dataclass(frozen=True)
class Case:
    """One check on one backend. `expect` is the check's, without the bounds that need a reference it lacks.

    `clean` are the undisturbed rows beside those of a sweep, None for a check that is no sweep; its verdict does not
    rest on them.
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


@dataclass(frozen=True)
class Plan:
    """What will be predicted, and what will be judged by it."""

    suite: Suite
    cases: tuple[Case, ...]

    @cached_property
    def views(self) -> tuple[View, ...]:
        """Every view that some case reads, each once, in the order of first use."""
        return tuple(dict.fromkeys(view for case in self.cases for view in case.views))

    @cached_property
    def row_sets(self) -> tuple[RowSet, ...]:
        """Every set of rows that some view predicts, each once."""
        return tuple(dict.fromkeys(view.rows for view in self.views))

    def row_sets_of(self, backend: str) -> tuple[RowSet, ...]:
        """The rows that one backend predicts."""
        return tuple(view.rows for view in self.views if view.backend == backend)


def make(suite: Suite) -> Plan:
    """The plan of a suite; pure."""
    cases = (_case(suite, check, backend) for check in suite.checks for backend in check.on)
    return Plan(suite, tuple(case for case in cases if case is not None))


def _case(suite: Suite, check: Check, backend: str) -> Case | None:
    """One check on one backend, or None where it would hold a view against itself and nothing else."""
    steps = tuple(_step(suite, check, backend, severity) for severity in check.steps)
    expect = check.expect["value"]
    if steps[0].reference is None:
        if isinstance(check.measure.contribution, Comparison):
            return None
        expect = replace(expect, max_drop=None, max_rise=None)
    clean = _clean(suite, check, backend) if steps[0].severity is not None else None
    return Case(check, backend, expect, steps, clean) if expect.bounds() else None


def _step(suite: Suite, check: Check, backend: str, severity: Severity) -> Step:
    view = View(backend, RowSet(check.data, severity.perturb))
    reference = _reference(suite, check, view) if _needs_reference(check) else None
    return Step(view, None if reference == view else reference, severity.severity)


def _clean(suite: Suite, check: Check, backend: str) -> Step:
    """The rows of a sweep as they are; a comparison of them is with its reference, which may be the view itself."""
    view = View(backend, RowSet(check.data))
    compares = isinstance(check.measure.contribution, Comparison)
    return Step(view, _reference(suite, check, view) if compares else None)


def _needs_reference(check: Check) -> bool:
    expect = check.expect["value"]
    held_against = expect.max_drop is not None or expect.max_rise is not None
    return held_against or isinstance(check.measure.contribution, Comparison)


def _reference(suite: Suite, check: Check, view: View) -> View:
    """The view that another is held against: what `against` changes, or the usual one for this kind of check."""
    against = check.against or _usual(suite, check, view)
    rows = RowSet(against.data or view.rows.data, () if against.undisturbed else view.rows.perturb)
    return View(against.backend or view.backend, rows)


def _usual(suite: Suite, check: Check, view: View) -> Against:
    """A comparison holds backends against the first one; a drop under a perturbation, the row against itself."""
    disturbed_metric = view.rows.perturb and not isinstance(check.measure.contribution, Comparison)
    return Against(undisturbed=True) if disturbed_metric else Against(backend=suite.reference)


def lines(plan: Plan) -> Iterator[str]:
    """The plan in words, for `--dry-run`."""
    yield f"{len(plan.cases)} results from {len(plan.views)} views:"
    for view in plan.views:
        uses = sum(view in case.views for case in plan.cases)
        yield f"  {view.rows.name} on {view.backend}: read by {uses} result{'s' if uses != 1 else ''}"
