"""Progress of a run on standard error: bars on a terminal, plain lines in a pipe."""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress

from mqa_registry.execution import SilentProgress
from mqa_registry.naming import counted
from mqa_registry.process import begin_step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from mqa_registry.execution import Progress

LINE_INTERVAL = 10.0  # seconds between two lines about one backend


@contextmanager
def open_progress(console: Console, *, quiet: bool) -> Iterator[Progress]:
    """The progress of a run, shown as suits the console: `quiet` not at all."""
    with ExitStack() as stack:
        if quiet:
            yield RecordedProgress(SilentProgress())
        elif console.is_terminal:
            bars = stack.enter_context(RichProgress(*_columns(), console=console, transient=True))
            yield RecordedProgress(ProgressBars(bars))
        else:
            yield RecordedProgress(ProgressLines(console))


def _columns() -> tuple[TextColumn, BarColumn, MofNCompleteColumn, TimeRemainingColumn]:
    return (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )


class RecordedProgress:
    """Records what was begun last, so that a message about too little memory can name it; passes all on to `inner`."""

    def __init__(self, inner: Progress) -> None:
        self._inner = inner
        begin_step("reading the suite")

    def stage(self, text: str) -> None:
        begin_step(text)
        self._inner.stage(text)

    def start(self, backend: str, rows: int) -> None:
        begin_step(f"predicting {counted(rows, 'row')} on {backend}")
        self._inner.start(backend, rows)

    def advance(self, backend: str, rows: int) -> None:
        self._inner.advance(backend, rows)

    def advance_probe(self, probe: str, done: int, total: int) -> None:
        self._inner.advance_probe(probe, done, total)


class ProgressBars:
    """One bar for each backend, and a line above them for each stage."""

    def __init__(self, bars: RichProgress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def stage(self, text: str) -> None:
        self._bars.console.print(text, style="dim", markup=False, highlight=False)

    def start(self, backend: str, rows: int) -> None:
        self._tasks[backend] = self._bars.add_task(f"predicting on {backend}", total=rows)

    def advance(self, backend: str, rows: int) -> None:
        self._bars.advance(self._tasks[backend], rows)

    def advance_probe(self, probe: str, done: int, total: int) -> None:
        if probe not in self._tasks:
            self._tasks[probe] = self._bars.add_task(f"probing: {probe}", total=total)
        self._bars.update(self._tasks[probe], completed=done, total=total)


class ProgressLines:
    """A plain line when something begins, and one with the count in every interval."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._done: dict[str, int] = {}  # rows, by backend
        self._total: dict[str, int] = {}
        self._printed_at: dict[str, float] = {}

    def stage(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def start(self, backend: str, rows: int) -> None:
        self._done[backend], self._total[backend], self._printed_at[backend] = 0, rows, time.monotonic()
        self.stage(f"predicting {counted(rows, 'row')} on {backend}")

    def advance(self, backend: str, rows: int) -> None:
        self._done[backend] += rows
        is_finished = self._done[backend] >= self._total[backend]
        if is_finished or time.monotonic() - self._printed_at[backend] >= LINE_INTERVAL:
            self._printed_at[backend] = time.monotonic()
            self.stage(f"{backend}: {self._done[backend]:,} of {counted(self._total[backend], 'row')}")

    def advance_probe(self, probe: str, done: int, total: int) -> None:
        if time.monotonic() - self._printed_at.setdefault(probe, time.monotonic()) >= LINE_INTERVAL:
            self._printed_at[probe] = time.monotonic()
            self.stage(f"{probe}: {done:,} of {total:,}")
