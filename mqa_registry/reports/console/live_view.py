"""The live view of a run on a terminal: its views with their speed and time left, above them the verdicts as they come.

It is drawn in plain lines, which costs a tenth of what a table does. The cursor stays visible, and rests on an empty line
below the view: where the process is killed, nothing has to be set right, and the next words begin a line.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple, Self

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from mqa_registry.plan import View
from mqa_registry.reports.console.meters import Meter, describe_completed, format_clock, format_speed, name_work
from mqa_registry.reports.console.text import MAX_NOTE_CELLS, VERDICT_STYLES, TextBuilder
from mqa_registry.reports.console.verdict_lines import render_verdict
from mqa_registry.reports.number_format import format_duration

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType
    from typing import TextIO

    from mqa_registry.judging import Result, Verdict
    from mqa_registry.plan import Case, Plan, ProbeRequest
    from mqa_registry.suite import Waiver

# A drawing takes about 2 ms of processor time. It is worth that after so much work of the process, in seconds, or so long.
REDRAW_INTERVAL = 0.5
MIN_WORK = 0.2
MAX_INTERVAL = 1.0
MAX_WORK = 8  # views and probes that are shown
OTHER_LINES = 8  # of a terminal, that are left for all else
BAR_CELLS = 20
MIN_NAME_CELLS = 18
# What a line shows after the name, from the widest terminal to the narrowest.
LAYOUTS = (("bar", "count", "speed", "left"), ("count", "speed", "left"), ("percent", "left"), ("clock",))


class LiveView:
    """Draws the progress of a run on a terminal, until it ends; `verbose` keeps a line of every view that is completed."""

    def __init__(self, stream: TextIO, *, verbose: bool) -> None:
        self._console = _Terminal(file=stream)
        self._builder = TextBuilder(self._console)
        self._verbose = verbose
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._keep_drawn, name="mqa-live-view", daemon=True)
        self._lock = threading.Lock()  # of all below
        self._new_lines: list[Text] = []  # to be printed above the view
        self._work: dict[View | ProbeRequest, Meter] = {}  # begun and not completed
        self._backends: dict[str, Meter] = {}
        self._judging: tuple[str, Meter] | None = None
        self._verdicts: Counter[Verdict] = Counter()
        self._n_cases = 0
        self._waivers: Sequence[Waiver] = ()
        self._drawn = Group()
        self._live = Live(
            console=self._console,
            get_renderable=lambda: self._drawn,
            transient=True,
            auto_refresh=False,
            vertical_overflow="crop",
        )

    def __enter__(self) -> Self:
        self._live.start()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        self._thread.join()
        self.redraw()
        self._live.stop()

    # What the run tells.

    def begin(self, plan: Plan) -> None:
        self._n_cases, self._waivers = len(plan.cases), plan.suite.waivers

    def stage(self, text: str) -> None:
        self._add_line(self._builder.quote(text, "dim", cells=MAX_NOTE_CELLS))

    def start(self, backend: str, rows: int) -> None:
        with self._lock:
            self._backends[backend] = Meter(rows)

    def advance(self, backend: str, rows: int) -> None:
        self._backends[backend].done += rows

    def update(self, work: View | ProbeRequest, done: int, total: int) -> None:
        meter = self._work.get(work)
        if meter is not None:
            meter.done, meter.total = done, total
            return
        with self._lock:
            self._work[work] = Meter(total, done)

    def complete(self, work: View | ProbeRequest) -> None:
        with self._lock:
            meter = self._work.pop(work, None)
        if self._verbose:
            self._add_line(self._builder.quote(describe_completed(work, meter), "dim", cells=MAX_NOTE_CELLS))

    def judge(self, case: Case) -> None:
        with self._lock:
            self._judging = case.check.name, Meter(0)

    def judged(self, result: Result) -> None:
        self._add_line(render_verdict(result, self._waivers, self._builder))
        with self._lock:
            self._judging = None
            self._verdicts[result.verdict] += 1

    # Drawing.

    def _add_line(self, line: Text) -> None:
        with self._lock:
            self._new_lines.append(line)

    def _keep_drawn(self) -> None:
        worked, drawn_at = time.process_time(), time.monotonic()
        while not self._end.wait(REDRAW_INTERVAL):
            if time.process_time() - worked >= MIN_WORK or time.monotonic() - drawn_at >= MAX_INTERVAL:
                self.redraw()
                worked, drawn_at = time.process_time(), time.monotonic()

    def redraw(self) -> None:
        """Draw the view as it is now, below the lines that are new."""
        with self._lock:
            lines, self._new_lines = self._new_lines, []
        if lines:
            self._console.print(Group(*lines), highlight=False)
        self._drawn = self._draw()  # before the display is locked: whoever prints holds that lock
        self._live.refresh()

    def _draw(self) -> Group:
        """The view as lines, each shorter than the terminal is wide, and an empty one for the cursor."""
        with self._lock:
            lines = [*self._draw_work(), *self._draw_verdicts()]
        for line in lines:
            line.truncate(self._builder.width - 1, overflow="ellipsis")
        return Group(*lines, Text())

    def _draw_work(self) -> Iterator[Text]:
        """What is judged, the views and probes that are not completed, and the rest of each backend's rows."""
        if self._judging is not None:
            name, meter = self._judging
            yield self._builder.join(self._builder.quote(name), f": judging, {format_duration(meter.elapsed)}")
        begun = sorted(self._work.items(), key=lambda item: not item[1].has_advanced)
        shown = begun[: max(min(MAX_WORK, self._console.height - OTHER_LINES), 1)]
        rows = [_Row(name_work(work), meter, is_view=isinstance(work, View)) for work, meter in shown]
        n_views = Counter(work.backend for work in self._work if isinstance(work, View))
        backends = [(name, meter) for name, meter in self._backends.items() if n_views[name] > 1 and not meter.is_done]
        totals = [_Row(f"all rows on {name}", meter, is_view=True) for name, meter in backends]
        lines = list(_draw_rows([*rows, *totals], self._builder))
        yield from lines[: len(rows)]
        if hidden := len(begun) - len(shown):
            yield self._builder.literal(f"and {hidden:,} more", "dim")
        yield from lines[len(rows) :]

    def _draw_verdicts(self) -> Iterator[Text]:
        """How many checks are judged, and with which verdicts."""
        if not self._verdicts:
            return
        line = self._builder.literal(f"{self._verdicts.total():,} of {self._n_cases:,} judged")
        for verdict, style in VERDICT_STYLES.items():
            if count := self._verdicts[verdict]:
                line = self._builder.join(line, "  ", self._builder.literal(f"{count:,} {verdict}", style))
        yield line


class _Terminal(Console):
    """A terminal whose cursor is never hidden, so that it needs not be shown again where the process is killed."""

    def show_cursor(self, show: bool = True) -> bool:
        return show


class _Row(NamedTuple):
    """A line of the view: a name and its meter; rows of a view have a speed worth showing, units of a probe have none."""

    name: str
    meter: Meter
    is_view: bool

    def fields(self, builder: TextBuilder) -> dict[str, str]:
        """What the line may show, by the names that layouts have; of unknown work how long it has taken."""
        meter = self.meter
        meter.sample()
        if not meter.total:
            elapsed = format_clock(meter.elapsed)
            return {"bar": "", "count": "", "speed": "", "percent": "", "left": elapsed, "clock": elapsed}
        left = format_clock(meter.seconds_left) if meter.has_advanced else ""
        full, empty = ("#", "-") if builder.is_ascii else ("━", "╌")
        cells = BAR_CELLS * meter.done // meter.total
        return {
            "bar": full * cells + empty * (BAR_CELLS - cells),
            "count": f"{meter.done:,}/{meter.total:,}",
            "speed": format_speed(meter.speed) if self.is_view and meter.has_advanced else "",
            "percent": f"{100 * meter.done // meter.total} %",
            "left": f"{left} left" if left else "waiting",
            "clock": left,
        }


def _draw_rows(rows: Sequence[_Row], builder: TextBuilder) -> Iterator[Text]:
    """The lines of a view in columns: the most that fit next to a name that can be read."""
    fields = [row.fields(builder) for row in rows]
    for layout in LAYOUTS:
        widths = {name: max((len(one[name]) for one in fields), default=0) for name in layout}
        free = builder.width - 1 - sum(width + 2 for width in widths.values())
        if free >= MIN_NAME_CELLS:
            break
    names = [builder.quote(row.name, cells=max(free, 1)) for row in rows]
    name_cells = max((name.cell_len for name in names), default=0)
    for line, one in zip(names, fields, strict=True):
        line.pad_right(name_cells - line.cell_len)
        for name, width in widths.items():
            line.append(f"  {one[name]:>{width}}")
        yield line
