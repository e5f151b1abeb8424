"""Findings about a file or a machine, what a backend exported, and how a run judged an exported file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

Level: TypeAlias = Literal["ok", "note", "warning", "problem"]


@dataclass(frozen=True)
class Finding:
    """One fact about a `topic`, such as a library, a provider or the weights of a file.

    `level` is `problem` where something is not as it must be, `warning` where that is possible, `note` where it is as it
    must be or does no harm yet, and `ok` where it works. `fix` says what repairs it; `evidence` is a library's message
    about it, unchanged.
    """

    level: Level
    topic: str
    message: str
    fix: str = ""
    evidence: str = ""


@dataclass(frozen=True)
class Exported:
    """What a backend exported: the files, findings about them, and all facts about them, as plain values.

    `summary` are the lines that a person reads first, by a title of a word or two.
    """

    files: Sequence[Path]
    findings: Sequence[Finding]
    facts: Mapping[str, Any]
    summary: Mapping[str, str]


@dataclass(frozen=True)
class SuiteSelection:
    """What a run selected of its suite: the checks with `only` these tags or names, these `backends`, `limit` rows.

    What is empty, or None, selects nothing: all checks were run, on all backends and rows.
    """

    only: tuple[str, ...] = ()
    backends: tuple[str, ...] = ()
    limit: int | None = None


@dataclass(frozen=True)
class Judgement:
    """How one run judged the file that one of its backends runs.

    `verdict` is that of the critical checks that ran on this backend or on rows alone. `suite` is the suite's digest and
    `name` its name; `selection` says which part of it ran. `model` is the model's digest, `judged` the time in UTC.
    """

    verdict: str
    run: str
    suite: str
    name: str
    backend: str
    selection: SuiteSelection
    model: str
    judged: str
