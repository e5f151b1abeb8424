"""What was found in a file or on a machine, what to do about it, and how a file was judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

Level: TypeAlias = Literal["ok", "note", "warning", "problem"]


@dataclass(frozen=True)
class Finding:
    """One thing that was found, about a `subject` such as a library, a provider or the weights of a file.

    `level` is `problem` where something is not what it has to be, `warning` where it may not be, `note` where that is as
    it has to be, or harms nobody yet. `mend` is what mends it; `evidence` is what a library said of itself, as it said it.
    """

    level: Level
    subject: str
    message: str
    mend: str = ""
    evidence: str = ""


@dataclass(frozen=True)
class Exported:
    """What a backend exported: the files, what was found in them, and all that is known of them, as JSON has it.

    `summary` is what a person wants to know first, each line under a word or two.
    """

    files: Sequence[Path]
    findings: Sequence[Finding]
    facts: Mapping[str, Any]
    summary: Mapping[str, str]


@dataclass(frozen=True)
class Judgement:
    """How one run judged the file that one of its backends runs.

    `verdict` is what the critical checks come to that ran on this backend or on rows alone. `suite`
    is the suite's digest and `name` its name, `part` what the command line left of it: `only`, `backends`, `limit`.
    `model` is the model's digest, `judged` the time in UTC.
    """

    verdict: str
    run: str
    suite: str
    name: str
    backend: str
    part: Mapping[str, Any]
    model: str
    judged: str
