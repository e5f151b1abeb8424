"""What `mqa doctor` asks of the plugins: to look at this machine, and say what they find."""

from __future__ import annotations

from dataclasses import dataclass

from mqa_registry.contributions import Contribution


@dataclass(frozen=True, kw_only=True)
class Diagnosis(Contribution):
    """`() -> iterable of Finding`, each yielded as soon as it is known.

    It runs in a process of its own: it may load whatever it asks about, and where it crashes or hangs, that is a
    finding too, behind those that it yielded before.
    """

    kind = "diagnosis"
    takes_arguments = ()
