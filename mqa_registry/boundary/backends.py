"""Backends: their identities, runners, forward passes, exports and findings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import contextmanager, suppress
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from mqa_registry.boundary.calls import ContributionCall, TimeLimitReached, reject_output, summarize_value
from mqa_registry.boundary.evidence import to_json_values
from mqa_registry.boundary.models import check_arrays, is_whole_number
from mqa_registry.contributions import RunnerFacts
from mqa_registry.errors import ContributionError
from mqa_registry.findings import Exported, Finding, Level

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mqa_registry.boundary.calls import Contributor
    from mqa_registry.contributions.backend import Runner
    from mqa_registry.contributions.task import Batch, Outputs

LEVELS = get_args(Level)


@contextmanager
def open_runner(contributor: Contributor, opened: Any) -> Iterator[Runner]:
    """The runner of the context manager that a backend returned; entering and leaving it are ContributionCalls."""
    if not (hasattr(opened, "__enter__") and hasattr(opened, "__exit__")):
        reject_output(
            contributor,
            f"gave {summarize_value(opened)}, and a context manager of a runner is expected",
            "`@contextmanager` makes one",
        )
    with ContributionCall(contributor):
        runner = opened.__enter__()
    try:
        yield runner
    except BaseException as error:
        with suppress(ContributionError), ContributionCall(contributor):  # the first error is the one that is reported
            opened.__exit__(type(error), error, error.__traceback__)
        raise
    else:
        with ContributionCall(contributor):
            opened.__exit__(None, None, None)


def check_identity(contributor: Contributor, output: Any) -> dict[str, Any]:
    """An identity, as values of JSON by name."""
    if not isinstance(output, Mapping):
        reject_output(contributor, f"says that it is {summarize_value(output)}, and a table by name is expected")
    return to_json_values(contributor, dict(output))


def check_facts(contributor: Contributor, output: Any) -> RunnerFacts:
    """A runner's facts as values of JSON, each of its type."""
    if not isinstance(output, RunnerFacts):
        reject_output(
            contributor,
            f"has the facts {summarize_value(output)}, and `RunnerFacts` are expected",
            '`RunnerFacts(device="cpu")` are such',
        )
    facts = [each for each in fields(output) if each.name != "details"]
    for each in facts:
        if not _is_like(getattr(output, each.name), each.default):
            reject_output(contributor, f"has the fact `{each.name}` {summarize_value(getattr(output, each.name))}")
    if not isinstance(output.details, Mapping):
        reject_output(
            contributor,
            f"has the details {summarize_value(output.details)} among its facts",
            "`details` is a table of values by name",
        )
    if taken := sorted({each.name for each in facts} & output.details.keys()):
        reject_output(
            contributor, f"has `{taken[0]}` among the details of its facts", f"give it as `RunnerFacts({taken[0]}=...)`"
        )
    return RunnerFacts.from_table(to_json_values(contributor, output.to_table()))


def _is_like(value: Any, default: Any) -> bool:
    """Whether a fact is of the type that its default shows: text, texts, or a number or None."""
    if isinstance(default, str):
        return isinstance(value, str)
    if default is None:
        return value is None or isinstance(value, int | np.integer | np.bool_)
    return isinstance(value, list | tuple) and all(isinstance(one, str) for one in value)


def read_facts(contributor: Contributor, runner: Runner) -> tuple[dict[str, Any], RunnerFacts]:
    """The identity and the facts of an open runner, as values of JSON."""
    with ContributionCall(contributor):
        identity, facts = runner.identity, runner.facts
    return check_identity(contributor, identity), check_facts(contributor, facts)


def read_budget(contributor: Contributor, runner: Runner) -> int:
    """The number of tokens that suits one batch of an open runner."""
    with ContributionCall(contributor):
        budget = runner.budget
    if not is_whole_number(budget, minimum=1):
        reject_output(
            contributor, f"has the budget {summarize_value(budget)}", "`budget` is a whole number of tokens, 1 or more"
        )
    return int(budget)


def check_length(contributor: Contributor, output: Any) -> int | None:
    """The number of tokens that a backend's rows must have; None where it accepts any."""
    if output is not None and not is_whole_number(output, minimum=1):
        reject_output(
            contributor,
            f"takes rows of {summarize_value(output)} tokens",
            "`fixed_length` is a whole number of tokens, or None",
        )
    return None if output is None else int(output)


class ForwardPasses:
    """The forward passes of one backend's runner. After one that did not end in time there is no other: its error is raised."""

    def __init__(self, contributor: Contributor) -> None:
        self._contributor = contributor
        self._overdue: ContributionError | None = None

    def run(self, runner: Runner, batch: Batch) -> Outputs:
        """The outputs for a batch: arrays of numbers by name."""
        if self._overdue is not None:
            raise self._overdue
        try:
            with ContributionCall(self._contributor):
                output = runner.run(batch)
        except ContributionError as error:
            if isinstance(error.__cause__, TimeLimitReached):
                self._overdue = error
            raise
        check_arrays(self._contributor, "gave for outputs", output)
        return {name: array if isinstance(array, np.ndarray) else np.asarray(array) for name, array in output.items()}


def check_findings(contributor: Contributor, output: Any) -> list[Finding]:
    """The findings that a contribution returned; a generator is exhausted inside a ContributionCall."""
    if not isinstance(output, Iterable) or isinstance(output, str | bytes | Mapping):
        reject_output(
            contributor,
            f"gave {summarize_value(output)}, and findings are expected",
            "without any, it gives an empty list",
        )
    with ContributionCall(contributor):
        findings = list(output)
    for one in findings:
        if not isinstance(one, Finding):
            reject_output(contributor, f"gave {summarize_value(one)}, and a `Finding` is expected")
        if one.level not in LEVELS:
            reject_output(
                contributor,
                f"gave a finding of the level {summarize_value(one.level)}",
                f"the levels are {', '.join(LEVELS)}",
            )
        for field in fields(one):
            if not isinstance(words := getattr(one, field.name), str):
                reject_output(
                    contributor,
                    f"gave a finding with {summarize_value(words)} for its {field.name}, and words are expected",
                )
    return findings


def check_export(contributor: Contributor, output: Any) -> Exported:
    """The export that a backend returned: files that exist, findings, facts as values of JSON, and a summary in words."""
    if not isinstance(output, Exported):
        reject_output(contributor, f"gave {summarize_value(output)}, and an `Exported` is expected")
    if not isinstance(output.files, list | tuple) or not all(isinstance(file, Path) for file in output.files):
        reject_output(
            contributor, f"gave {summarize_value(output.files)} for its files, and a list of paths is expected"
        )
    if absent := [file for file in output.files if not file.is_file()]:
        reject_output(contributor, f"says that it exported `{absent[0]}`, which is not there")
    if not output.files:
        reject_output(contributor, "says that it exported no file")
    if not isinstance(output.facts, Mapping) or not isinstance(output.summary, Mapping):
        reject_output(contributor, "gave no tables for its facts and its summary")
    if wrong := [one for pair in output.summary.items() for one in pair if not isinstance(one, str)]:
        reject_output(contributor, f"gave {summarize_value(wrong[0])} in its summary, and words are expected")
    return replace(
        output,
        findings=check_findings(contributor, output.findings),
        facts=to_json_values(contributor, dict(output.facts)),
    )
