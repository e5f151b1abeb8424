"""Files and their findings: what a backend says of a file that it made or stamped, and a source of a model's task."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from mqa_registry.boundary.calls import calling, refuse
from mqa_registry.boundary.evidence import plain
from mqa_registry.boundary.measures import spelled
from mqa_registry.findings import Exported, Finding, Level

if TYPE_CHECKING:
    from mqa_registry.boundary.calls import Contributor

LEVELS = get_args(Level)


def checked_task(who: Contributor, given: Any) -> str:
    """The name of a task, as a source infers it; empty where it cannot tell."""
    if not isinstance(given, str):
        refuse(who, f"tells {spelled(given)} for a model's task", "the name of a task is due, as a suite spells it")
    return given


def checked_findings(who: Contributor, given: Any) -> list[Finding]:
    """Findings, each in words; what makes them one by one is asked for all of them within the boundary."""
    if not isinstance(given, Iterable) or isinstance(given, str | bytes | Mapping):
        refuse(who, f"gave {spelled(given)}, and findings are due", "with nothing to say, it gives an empty list")
    with calling(who):
        findings = list(given)
    for one in findings:
        if not isinstance(one, Finding):
            refuse(who, f"gave {spelled(one)}, and a `Finding` is due")
        if one.level not in LEVELS:
            refuse(who, f"gave a finding of the level {spelled(one.level)}", f"the levels are {', '.join(LEVELS)}")
        for field in fields(one):
            if not isinstance(words := getattr(one, field.name), str):
                refuse(who, f"gave a finding with {spelled(words)} for its {field.name}, and words are due")
    return findings


def checked_export(who: Contributor, given: Any) -> Exported:
    """What a backend says that it exported: files that are there, findings, facts as JSON has them, and a summary."""
    if not isinstance(given, Exported):
        refuse(who, f"gave {spelled(given)}, and an `Exported` is due")
    if not isinstance(given.files, list | tuple) or not all(isinstance(file, Path) for file in given.files):
        refuse(who, f"gave {spelled(given.files)} for its files, and a list of paths is due")
    if absent := [file for file in given.files if not file.is_file()]:
        refuse(who, f"says that it exported `{absent[0]}`, which is not there")
    if not given.files:
        refuse(who, "says that it exported no file")
    if not isinstance(given.facts, Mapping) or not isinstance(given.summary, Mapping):
        refuse(who, "gave no tables for its facts and its summary")
    if wrong := [one for pair in given.summary.items() for one in pair if not isinstance(one, str)]:
        refuse(who, f"gave {spelled(wrong[0])} in its summary, and words are due")
    return replace(given, findings=checked_findings(who, given.findings), facts=plain(who, dict(given.facts)))
