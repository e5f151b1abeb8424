"""Progress of a run on standard error: a live view on a terminal, plain lines in a pipe."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console

from mqa_registry.naming import counted
from mqa_registry.plan import ProbeRequest
from mqa_registry.process import begin_step, current_step
from mqa_registry.reports.console.live_view import LiveView
from mqa_registry.reports.console.meters import Meter, describe_completed, name_work
from mqa_registry.reports.console.text import MAX_NOTE_CELLS, TextBuilder
from mqa_registry.reports.console.verdict_lines import render_verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import TextIO

    from rich.text import Text

    from mqa_registry.judging import Result
    from mqa_registry.plan import Case, Plan, View
    from mqa_registry.suite import Waiver

LINE_INTERVAL = 10.0  # seconds between two lines about one backend or probe


@contextmanager
def open_progress(stream: TextIO, *, detail: int = 0) -> Iterator[RecordedProgress]:
    """The progress of a run, shown as suits the stream.

    A `detail` below 0 shows nothing. Above 0 shows what each view took, and the verdicts in a pipe too.
    """
    if detail >= 0 and is_drawn(stream):
        with LiveView(stream, verbose=detail > 0) as view:
            yield RecordedProgress(view)
    else:
        yield RecordedProgress(ProgressLines(Console(file=stream, quiet=detail < 0), verbose=detail > 0))


def is_drawn(stream: TextIO) -> bool:
    """Whether lines of a stream can be drawn anew: a terminal that moves its cursor. Colours may be forced on any."""
    return stream.isatty() and Console(file=stream).is_interactive


class RecordedProgress:
    """Records what was begun last, so that a message about too little memory can name it; passes all on to `inner`."""

    def __init__(self, inner: LiveView | ProgressLines) -> None:
        self._inner = inner
        self._before_judging = ""
        self._steps: dict[str, str] = {}  # by backend, which take turns
        begin_step("reading the suite")

    def begin(self, plan: Plan) -> None:
        self._inner.begin(plan)

    def stage(self, text: str) -> None:
        begin_step(text)
        self._inner.stage(text)

    def start(self, backend: str, rows: int) -> None:
        self._steps[backend] = f"predicting {counted(rows, 'row')} on {backend}"
        begin_step(self._steps[backend])
        self._inner.start(backend, rows)

    def advance(self, backend: str, rows: int) -> None:
        begin_step(self._steps[backend])
        self._inner.advance(backend, rows)

    def update(self, work: View | ProbeRequest, done: int, total: int) -> None:
        if isinstance(work, ProbeRequest):
            begin_step(name_work(work))
        self._inner.update(work, done, total)

    def complete(self, work: View | ProbeRequest) -> None:
        self._inner.complete(work)

    def judge(self, case: Case) -> None:
        self._before_judging = current_step()
        begin_step("judging")
        self._inner.judge(case)

    def judged(self, result: Result) -> None:
        begin_step(self._before_judging)
        self._inner.judged(result)


class ProgressLines:
    """A plain line when something begins, and one with the count in every interval; `verbose` adds what was completed."""

    def __init__(self, console: Console, *, verbose: bool) -> None:
        self._console = console
        self._verbose = verbose
        self._meters: dict[View | ProbeRequest | str, Meter] = {}  # of a backend by its name
        self._printed_at: dict[View | ProbeRequest | str, float] = {}
        self._builder = TextBuilder(console)
        self._waivers: Sequence[Waiver] = ()
        self._has_judged = False

    def begin(self, plan: Plan) -> None:
        self._waivers = plan.suite.waivers

    def stage(self, text: str) -> None:
        self._print(self._builder.quote(text, cells=MAX_NOTE_CELLS))

    def start(self, backend: str, rows: int) -> None:
        self._meters[backend], self._printed_at[backend] = Meter(rows), time.monotonic()
        self.stage(f"predicting {counted(rows, 'row')} on {backend}")

    def advance(self, backend: str, rows: int) -> None:
        meter = self._meters[backend]
        meter.done += rows
        if meter.is_done or self._is_due(backend):
            self.stage(f"{backend}: {meter.done:,} of {counted(meter.total, 'row')}")

    def update(self, work: View | ProbeRequest, done: int, total: int) -> None:
        if work not in self._meters:
            self._meters[work], self._printed_at[work] = Meter(total, done), time.monotonic()
            if isinstance(work, ProbeRequest):
                self.stage(name_work(work))
        self._meters[work].done, self._meters[work].total = done, total
        if isinstance(work, ProbeRequest) and self._is_due(work):
            self.stage(f"{work.use.name}: {done:,} of {total:,}")

    def complete(self, work: View | ProbeRequest) -> None:
        meter = self._meters.pop(work, None)
        if self._verbose:
            self.stage(describe_completed(work, meter))

    def judge(self, case: Case) -> None:
        if not self._has_judged:
            self.stage("judging")
        self._has_judged = True

    def judged(self, result: Result) -> None:
        if self._verbose:
            self._print(render_verdict(result, self._waivers, self._builder))

    def _is_due(self, work: View | ProbeRequest | str) -> bool:
        """Whether the interval since its last line is over; the next one begins."""
        now = time.monotonic()
        is_due = now - self._printed_at[work] >= LINE_INTERVAL
        self._printed_at[work] = now if is_due else self._printed_at[work]
        return is_due

    def _print(self, text: Text) -> None:
        self._console.print(text, highlight=False, soft_wrap=True)
