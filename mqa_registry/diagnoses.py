"""What `mqa doctor` asks of the plugins: to look at this machine, and say what they find."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from mqa_registry.contributions import Contribution

Level: TypeAlias = Literal["ok", "note", "problem"]


@dataclass(frozen=True)
class Finding:
    """One thing that a diagnosis found, about a `subject` such as a library or a provider.

    `level` is `problem` where something cannot do here what it is there for, `note` where that is as it has to be, or
    harms nobody yet. `mend` is the line that mends it; `evidence` is what a library said of itself, as it said it.
    """

    level: Level
    subject: str
    message: str
    mend: str = ""
    evidence: str = ""


@dataclass(frozen=True, kw_only=True)
class Diagnosis(Contribution):
    """`() -> iterable of Finding`, each yielded as soon as it is known.

    It runs in a process of its own: it may load whatever it asks about, and where it crashes or hangs, that is a
    finding too, behind those that it yielded before.
    """

    kind = "diagnosis"
    takes_arguments = ()
