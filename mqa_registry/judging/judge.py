"""The judge of a plan: each case is judged once, as soon as everything that it reads is observed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from mqa_registry.judging.evaluate import judge_case
from mqa_registry.judging.samples import SampleCache
from mqa_registry.judging.sweeps import compare_with_reference

if TYPE_CHECKING:
    from mqa_registry.judging.result import Result
    from mqa_registry.observations import Observations
    from mqa_registry.plan import Case, Plan, ProbeRequest, View


class VerdictListener(Protocol):
    """Receives verdicts as they come."""

    def judge(self, case: Case) -> None:
        """A case is judged from now on."""

    def judged(self, result: Result) -> None:
        """The case has this result, in which nothing depends on other cases."""


class SilentListener:
    """Does nothing with verdicts."""

    def judge(self, case: Case) -> None:
        pass

    def judged(self, result: Result) -> None:
        pass


class Judge:
    """Judges the cases of a plan while their observations come in."""

    def __init__(self, plan: Plan, listener: VerdictListener) -> None:
        self._plan = plan
        self._listener = listener
        self._cache: SampleCache | None = None
        self._results: list[Result | None] = [None] * len(plan.cases)
        self._missing: list[int] = []  # how many observations each case still waits for
        self._readers: dict[View | ProbeRequest, list[int]] = {}
        for number, case in enumerate(plan.cases):
            needed: set[View | ProbeRequest] = {*(case.probe_requests or case.views)}
            self._missing.append(len(needed))
            for work in needed:
                self._readers.setdefault(work, []).append(number)

    def observe(self, work: View | ProbeRequest, observations: Observations) -> None:
        """Judge the cases that waited for this view or probe alone. `observations` grow: they have all that came before."""
        for number in self._readers.get(work, ()):
            self._missing[number] -= 1
            if not self._missing[number]:
                self._judge(number, observations)

    def finish(self, observations: Observations) -> tuple[Result, ...]:
        """The results of all cases in the plan's order; what is not judged yet is judged now."""
        results = [self._results[number] or self._judge(number, observations) for number in range(len(self._results))]
        return compare_with_reference(results, self._plan.suite.reference)

    def _judge(self, number: int, observations: Observations) -> Result:
        case = self._plan.cases[number]
        self._listener.judge(case)
        self._cache = self._cache or SampleCache(observations)
        self._results[number] = result = judge_case(self._plan, case, self._cache)
        self._listener.judged(result)
        return result


def judge(plan: Plan, observations: Observations) -> tuple[Result, ...]:
    """A result for every case of the plan; pure."""
    return Judge(plan, SilentListener()).finish(observations)
