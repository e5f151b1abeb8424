"""The progress of a run, as it is reported to the terminal or a log."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Receives the progress of a run. Its methods are called often: they have to be cheap, and must not raise."""

    def stage(self, text: str) -> None:
        """A stage of the run begins."""

    def start(self, backend: str, rows: int) -> None:
        """A backend begins to predict this many rows."""

    def advance(self, backend: str, rows: int) -> None:
        """A backend has predicted this many further rows."""

    def advance_probe(self, probe: str, done: int, total: int) -> None:
        """A probe has done this much of its total, in units of its choice."""


class SilentProgress:
    """Reports nothing."""

    def stage(self, text: str) -> None:
        pass

    def start(self, backend: str, rows: int) -> None:
        pass

    def advance(self, backend: str, rows: int) -> None:
        pass

    def advance_probe(self, probe: str, done: int, total: int) -> None:
        pass
