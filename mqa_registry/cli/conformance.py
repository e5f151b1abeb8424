"""What `mqa plugins NAME --test` prints: every rule that is broken, or was not tried, and how many hold."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from mqa_registry.errors import ExitCode, UsageError
from mqa_registry.naming import counted, did_you_mean
from mqa_registry.reports.output import output

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mqa_registry.testing import Case, Outcome


def try_plugin(name: str | None, files: Sequence[Path]) -> ExitCode:
    """Try every rule on a plugin, or on one of its contributions, and print what becomes of them.

    A rule that is broken is exit code 2: the plugin is wrong.
    """
    if name is None:
        raise UsageError("`--test` tries one plugin", hint="name it: `mqa plugins NAME --test`")
    outcomes = [case.run() for case in _select_cases(name, files)]
    for outcome in outcomes:
        if outcome.seen:
            print(outcome.message, file=output())
    for reason, labels in _group_untried(outcomes).items():
        print(f"not tried, of {', '.join(labels)}: {reason}", file=output())
    counts = Counter("broken" if one.seen else "not tried" if one.not_tried else "held" for one in outcomes)
    parts = [
        f"{counted(counts['held'], 'rule holds', 'rules hold')}",
        f"{counted(counts['broken'], 'is broken', 'are broken')}",
        f"{counted(counts['not tried'], 'was not tried', 'were not tried')}",
    ]
    print(", ".join(parts), file=output())
    return ExitCode.WRONG_INPUT if counts["broken"] else ExitCode.OK


def _select_cases(name: str, files: Sequence[Path]) -> list[Case]:
    """The cases of a plugin, or those of one contribution, `plugin/name`."""
    from mqa_registry.testing import list_cases

    plugin, slash, contribution = name.partition("/")
    cases = list_cases(next((file for file in files if file.stem == plugin), plugin))
    if not slash:
        return cases
    chosen = [case for case in cases if case.subject.contribution and case.subject.contribution.name == contribution]
    if not chosen:
        names = {case.subject.contribution.name for case in cases if case.subject.contribution}
        raise UsageError(f"plugin `{plugin}` has no `{contribution}`", hint=did_you_mean(contribution, names))
    return chosen


def _group_untried(outcomes: Sequence[Outcome]) -> dict[str, list[str]]:
    """The tests that were not tried, by the reason."""
    found: dict[str, list[str]] = {}
    for outcome in outcomes:
        if outcome.not_tried:
            found.setdefault(outcome.not_tried, []).append(f"`{outcome.id}`")
    return found
