"""What was found in a file or on a machine, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


Level: TypeAlias = Literal["error", "warning", "note", "ok"]


@dataclass(frozen=True)
class Finding:
    """Something that somebody should know of a file or a machine, and what to do about it.

    `error`: it is not what it has to be; `warning`: it may not be; `note`: it is worth knowing; `ok`: it is as it has to
    be. `subject` is what it is about, such as a library; `evidence` is what that said of itself, as it said it.
    """

    level: Level
    message: str
    hint: str = ""
    subject: str = field(default="", kw_only=True)
    evidence: str = field(default="", kw_only=True)


@dataclass(frozen=True)
class Exported:
    """What a backend exported: the main file first, what was found in it, and all that is known of it, as JSON has it."""

    files: Sequence[Path]
    findings: Sequence[Finding]
    facts: Mapping[str, Any]
