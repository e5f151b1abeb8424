"""Meters of a run's work: how far a view or a probe is, how fast it goes, and how long the rest takes."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mqa_registry.naming import counted
from mqa_registry.plan import ProbeRequest
from mqa_registry.reports.number_format import format_duration

if TYPE_CHECKING:
    from mqa_registry.plan import View

MAX_SAMPLES = 60  # of a speed: the last half minute of work that is drawn twice a second


@dataclass
class Meter:
    """Work of which `done` of `total` units are done; `total` is 0 where nobody says how much there is.

    `found` of them were done before it began, at `began` by the monotonic clock.
    """

    total: int
    done: int = 0
    found: int = field(init=False)
    began: float = field(init=False)

    def __post_init__(self) -> None:
        self.found, self.began = self.done, time.monotonic()
        self._samples = deque([(self.began, self.done)], MAX_SAMPLES)

    @property
    def elapsed(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self.began

    @property
    def is_done(self) -> bool:
        return self.done >= self.total > 0

    @property
    def has_advanced(self) -> bool:
        return self.done > self.found

    def sample(self) -> None:
        """Note how far it is now. The speed is that since the oldest of the last samples."""
        self._samples.append((time.monotonic(), self.done))

    @property
    def speed(self) -> float:
        """Units a second of late; 0 where none was done."""
        (first_time, first_done), (last_time, last_done) = self._samples[0], self._samples[-1]
        return (last_done - first_done) / (last_time - first_time) if last_time > first_time else 0.0

    @property
    def seconds_left(self) -> float | None:
        """How long the rest takes at this speed; None where that is unknown."""
        speed = self.speed
        return (self.total - self.done) / speed if speed > 0 and self.total else None


def name_work(work: View | ProbeRequest) -> str:
    """The name of a view or a probe: a view's as in the plan that `--dry-run` shows."""
    if isinstance(work, ProbeRequest):
        return f"probing: {work.use.name}"
    return f"{work.rows.name} on {work.backend}"


def describe_completed(work: View | ProbeRequest, meter: Meter | None) -> str:
    """What was done of a view or a probe that is observed or has failed; it has no meter where nothing had to be done."""
    name = name_work(work)
    if meter is None or meter.found == meter.total > 0:
        return f"{name}: nothing was left to do"
    if isinstance(work, ProbeRequest):
        return f"{name}: ended after {format_duration(meter.elapsed)}"
    done = meter.done - meter.found
    if not meter.is_done:
        return f"{name}: ended after {meter.done:,} of {counted(meter.total, 'row')}"
    return f"{name}: {counted(done, 'row')} in {format_duration(meter.elapsed)}, {format_speed(done / meter.elapsed)}"


def format_speed(speed: float) -> str:
    """A speed in rows a second: `0.4 rows/s`, `1,020 rows/s`."""
    return f"{speed:,.0f} rows/s" if speed >= 10 or not speed else f"{speed:.1f} rows/s"


def format_clock(seconds: float | None) -> str:
    """A time as a clock shows it: `0:07`, `1:02:03`; `-:--` where it is unknown."""
    if seconds is None:
        return "-:--"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
