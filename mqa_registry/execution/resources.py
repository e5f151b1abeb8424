"""What all steps of an execution share: the store, the runners that are open, and where progress is reported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from contextlib import ExitStack

    from mqa_registry.plan import ProbeRequest, View
    from mqa_registry.store import Store


class Progress(Protocol):
    """Receives the progress of a run. Its methods are called often: they have to be cheap, and must not raise."""

    def stage(self, text: str) -> None:
        """A stage of the run begins."""

    def start(self, backend: str, rows: int) -> None:
        """A backend begins to predict this many distinct rows."""

    def advance(self, backend: str, rows: int) -> None:
        """A backend has predicted this many further rows."""

    def update(self, work: View | ProbeRequest, done: int, total: int) -> None:
        """So much of a view or a probe is done: of a view, rows that have a prediction; of a probe, its own units.

        `total` is 0 at the start of a probe, which may never say how much there is.
        """

    def complete(self, work: View | ProbeRequest) -> None:
        """A view or a probe is observed, or has failed."""


class SilentProgress:
    """Reports nothing."""

    def stage(self, text: str) -> None:
        pass

    def start(self, backend: str, rows: int) -> None:
        pass

    def advance(self, backend: str, rows: int) -> None:
        pass

    def update(self, work: View | ProbeRequest, done: int, total: int) -> None:
        pass

    def complete(self, work: View | ProbeRequest) -> None:
        pass


@dataclass(frozen=True)
class Resources:
    """What the steps of one execution share.

    Runners stay open as long as the `stack`. With `fresh`, what the store has is made again.
    """

    store: Store
    stack: ExitStack
    progress: Progress
    fresh: bool = False
