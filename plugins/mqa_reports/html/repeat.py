"""How to repeat a run: the command, and the digests, versions and machine that its numbers depend on."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mqa_reports.html.examples import format_plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mqa_registry import Report


@dataclass(frozen=True)
class Repetition:
    """Commands with what each does, and tables of facts by their titles."""

    commands: Sequence[tuple[str, str]]
    tables: Sequence[tuple[str, Sequence[tuple[str, str]]]]


def describe_repetition(report: Report) -> Repetition:
    """The commands and facts of a report."""
    environment, suite = report.environment, report.suite
    confidence = f"{suite.confidence:g}" + (f" ({suite.confidence_reason})" if suite.confidence_reason else "")
    run = [
        ("run", report.run),
        ("suite", suite.path),
        ("digest", suite.digest),
        ("seed", str(suite.seed)),
        ("confidence", confidence),
        ("mqa", str(environment.get("mqa", ""))),
        ("Python", str(environment.get("python", ""))),
    ]
    named = ["machine", "model", "packages", "plugins", "plugin_files"]
    tables = [("run", [pair for pair in run if pair[1]])]
    tables += [(name.replace("_", " "), _flatten(environment.get(name))) for name in named]
    for kind in ("data", "backends"):
        entries = environment.get(kind)
        if isinstance(entries, Mapping):
            tables += [(f"{kind}: {name}", _flatten(facts)) for name, facts in entries.items()]
    return Repetition(_list_commands(report), [table for table in tables if table[1]])


def _list_commands(report: Report) -> list[tuple[str, str]]:
    commands = []
    in_memory = report.environment.get("in_memory")  # parts that a caller in Python passed
    if report.suite.path.endswith(".toml") and not in_memory:  # else a command or a caller made the suite in memory
        commands.append((shlex.join(["mqa", "run", report.suite.path, *report.options]), "runs it again"))
    commands.append((shlex.join(["mqa", "judge", report.run]), "judges it again, without model and data"))
    return commands


def _flatten(value: Any, prefix: str = "") -> list[tuple[str, str]]:
    """The plain values of nested tables, by their paths; empty ones are left out."""
    if not isinstance(value, Mapping):
        text = ", ".join(map(format_plain, value)) if isinstance(value, list | tuple) else format_plain(value)
        return [] if value in (None, "", [], ()) else [(prefix, text)]
    return [
        pair for name, inner in value.items() for pair in _flatten(inner, f"{prefix} {name}".strip().replace("_", " "))
    ]
