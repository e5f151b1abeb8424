"""What was found in a file or on a machine, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


@dataclass(frozen=True)
class Finding:
    """Something that somebody should know of a file or a machine, and what to do about it.

    `error`: it is not what it has to be; `warning`: it may not be; `note`: it is worth knowing.
    """

    level: Literal["error", "warning", "note"]
    message: str
    hint: str = ""


@dataclass(frozen=True)
class Exported:
    """What a backend exported: the files, what was found in them, and all that is known of them, as JSON has it.

    `summary` is what a person wants to know first, each line under a word or two.
    """

    files: Sequence[Path]
    findings: Sequence[Finding]
    facts: Mapping[str, Any]
    summary: Mapping[str, str]
