"""Progress: what the costly step tells whoever is watching."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Somebody who watches. Every call is cheap and must not raise."""

    def stage(self, text: str) -> None:
        """Something has begun that takes a while."""

    def start(self, backend: str, rows: int) -> None:
        """A backend is about to predict so many rows."""

    def advance(self, backend: str, rows: int) -> None:
        """It has predicted so many more."""

    def look(self, probe: str, done: int, total: int) -> None:
        """A probe has done so much, of so much."""


class Silence:
    """Nobody watches."""

    def stage(self, text: str) -> None:
        pass

    def start(self, backend: str, rows: int) -> None:
        pass

    def advance(self, backend: str, rows: int) -> None:
        pass

    def look(self, probe: str, done: int, total: int) -> None:
        pass
