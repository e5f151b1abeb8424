"""Conformance as a test of pytest: three lines hold a plugin to every rule."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from mqa_registry.testing.cases import NO_TRIALS, Case, check_names, list_cases

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from mqa_registry.testing.subject import Trial

NO_FAILURES: Mapping[str, str] = MappingProxyType({})


def conformance(
    plugin: str | Path,
    *,
    trials: Mapping[str, Trial] = NO_TRIALS,
    expected_failures: Mapping[str, str] = NO_FAILURES,
) -> Callable[[Case], None]:
    """A test for pytest of every rule for a plugin and its contributions.

    A module of tests has it under a name that begins with `test`, as in `test_conforms = conformance("emoji")`. `plugin` is the name of an installed plugin, or a file as `--plugin` takes it. Each test is named after contribution and
    rule, as `shout-deterministic`; two contributions of one name have their kinds before it. `trials` has, by contribution,
    what it is tried with. A rule that cannot be tried is skipped, with the reason.

    `expected_failures` are reasons by the id of a test: such a test has to fail, and fails itself where it does not. Raises a
    UsageError for a name that is no test's or contribution's, and a PluginError where there is no such plugin.
    """
    import pytest  # here, since `mqa plugins NAME --test` does without

    cases = list_cases(plugin, trials)
    check_names(expected_failures, (case.id for case in cases), "test")

    def mark(case: Case) -> list[pytest.MarkDecorator]:
        reason = expected_failures.get(case.id)
        return [] if reason is None else [pytest.mark.xfail(reason=reason, strict=True)]

    @pytest.mark.parametrize("case", [pytest.param(case, id=case.id, marks=mark(case)) for case in cases])
    def test_conforms(case: Case) -> None:
        outcome = case.run()
        if outcome.not_tried:
            pytest.skip(outcome.not_tried)
        if outcome.seen:
            pytest.fail(outcome.message, pytrace=False)

    return test_conforms
