"""Forward passes of a session, each of which can be stopped from outside while it works."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from mqa_registry import interruptible

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt

T = TypeVar("T")


def passed(session: Any, names: Sequence[str] | None, feed: Mapping[str, npt.NDArray[Any]]) -> list[npt.NDArray[Any]]:
    """The outputs of these names, or of all, for one feed; ONNX Runtime raises where it is stopped."""
    names = None if names is None else list(names)
    return list(stoppable(lambda options: session.run(names, dict(feed), options)))


def stoppable(run: Callable[[Any], T], options: Any = None) -> T:
    """What ONNX Runtime gives, called with options by which a loop without end in a file can be stopped."""
    import onnxruntime

    options = options or onnxruntime.RunOptions()  # of this run alone: what stopped one would stop the next
    with interruptible(partial(setattr, options, "terminate", True)):
        return run(options)
