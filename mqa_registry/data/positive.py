"""The positive class: the one that a rate is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mqa_registry.errors import UsageError
from mqa_registry.naming import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

SHOWN = 10  # classes that a hint lists


def positive_class(classes: Sequence[str], positive: str | None) -> int:
    """The position of the positive class: the one that is named, else the second of two; a UsageError without it."""
    if positive is None and len(classes) == 2:
        return 1
    listed = ", ".join(f"`{name}`" for name in classes[:SHOWN]) + (", ..." if len(classes) > SHOWN else "")
    if positive is None:
        raise UsageError(
            f"with {counted(len(classes), 'class', 'classes')} a rate needs to know which one is positive",
            hint=f"say `positive`, one of {listed}; or give an average over classes, where the metric has one",
        )
    if positive not in classes:
        raise UsageError(f"there is no class `{positive}` to be positive", hint=f"the classes are {listed}")
    return list(classes).index(positive)
