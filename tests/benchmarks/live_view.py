"""What the live view costs: the processor time of a run with it, over that of all else in the same run.

    python -m tests.benchmarks.live_view [--suite SUITE] [--limit ROWS] [--backends NAME ...] [--rounds 3]

The view draws on a terminal of its own, which another process reads. Counted are its drawings and all that a run tells it.
Every run predicts anew, in this process.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import struct
import subprocess
import termios
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TextIO

from mqa_registry.reports.console.live_view import LiveView
from mqa_registry.reports.console.progress import RecordedProgress
from mqa_registry.runs import RunOptions, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LINES, COLUMNS = 40, 100
MAX_RATIO = 1.02


class Stopwatch:
    """Adds up the processor time of calls, of the threads that make them."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.calls = 0

    def measure(self, function: Callable[..., Any], *given: Any) -> Any:
        began = time.thread_time()
        try:
            return function(*given)
        finally:
            self.seconds += time.thread_time() - began
            self.calls += 1


class MeasuredView(LiveView):
    """A live view whose drawings are measured."""

    def __init__(self, terminal: TextIO) -> None:
        super().__init__(terminal, verbose=False)
        self.drawings = Stopwatch()

    def redraw(self) -> None:
        self.drawings.measure(super().redraw)


class MeasuredProgress:
    """Passes on what a run tells, and measures how long that takes."""

    def __init__(self, inner: RecordedProgress) -> None:
        self._inner = inner
        self.events = Stopwatch()

    def __getattr__(self, name: str) -> Any:
        return partial(self.events.measure, getattr(self._inner, name))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suite", default="suites/nlp.toml")
    parser.add_argument("--limit", type=int, default=100)
    parser.add_argument("--backends", nargs="*", default=["torch"])
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with TemporaryDirectory() as folder:
        options = RunOptions(limit=given.limit, backends=tuple(given.backends), store=Path(folder) / "store")
        run(given.suite, options)  # what is loaded once is loaded
        for _ in range(given.rounds):
            print(measure_run(given.suite, options))


def measure_run(suite: str, options: RunOptions) -> str:
    """A line about one run: its processor time with the view over that without."""
    with open_terminal() as terminal:
        began = time.process_time()
        with MeasuredView(terminal) as view:
            progress = MeasuredProgress(RecordedProgress(view))
            run(suite, options, fresh=True, progress=progress)
        seconds = time.process_time() - began
    drawings, events = view.drawings, progress.events
    ratio = seconds / (seconds - drawings.seconds - events.seconds)
    return (
        f"{ratio:.4f} (at most {MAX_RATIO}): of {seconds:.2f} s of processor time, {drawings.seconds:.3f} s were"
        f" {drawings.calls} drawings, and {events.seconds:.3f} s {events.calls:,} events"
    )


@contextmanager
def open_terminal() -> Iterator[TextIO]:
    """A terminal that takes whatever is drawn on it."""
    reading, writing = os.openpty()
    fcntl.ioctl(writing, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    with subprocess.Popen(["/bin/cat"], stdin=reading, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
        os.close(reading)
        with os.fdopen(writing, "w") as terminal:
            yield terminal


if __name__ == "__main__":
    main()
