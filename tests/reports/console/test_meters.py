"""Meters: how fast work goes, how long the rest takes, and what is said of it when it is over."""

from __future__ import annotations

import pytest

from mqa_registry.reports.console import meters
from mqa_registry.reports.console.meters import Meter, describe_completed, format_clock, format_speed


@pytest.fixture(name="clock")
def _clock(monkeypatch):
    times = {"now": 50.0}
    monkeypatch.setattr(meters.time, "monotonic", lambda: times["now"])
    return times


def test_the_speed_counts_what_was_done_since_the_beginning_and_not_what_was_found(clock):
    meter = Meter(1000, 400)
    assert (meter.speed, meter.seconds_left, meter.has_advanced) == (0.0, None, False)
    clock["now"], meter.done = 54.0, 600
    meter.sample()
    assert (meter.speed, meter.seconds_left, meter.has_advanced, meter.elapsed) == (50.0, 8.0, True, 4.0)


def test_the_speed_is_that_of_the_last_samples(clock):
    meter = Meter(10**6)
    for speed in (1000, 10):
        for _ in range(meters.MAX_SAMPLES):
            clock["now"] += 1
            meter.done += speed
            meter.sample()
    assert meter.speed == 10.0
    for _ in range(meters.MAX_SAMPLES):
        clock["now"] += 1
        meter.sample()
    assert (meter.speed, meter.seconds_left) == (0.0, None)


def test_work_of_unknown_size_has_no_time_left(clock):
    meter = Meter(0)
    clock["now"] += 1
    meter.done = 3
    meter.sample()
    assert (meter.seconds_left, meter.is_done) == (None, False)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "-:--"), (0.4, "0:00"), (59.6, "1:00"), (83, "1:23"), (3600, "1:00:00"), (36_061, "10:01:01")],
)
def test_a_clock_shows_hours_where_there_are_any(seconds, text):
    assert format_clock(seconds) == text


@pytest.mark.parametrize(
    ("speed", "text"), [(0.0, "0 rows/s"), (0.44, "0.4 rows/s"), (9.96, "10.0 rows/s"), (1020.3, "1,020 rows/s")]
)
def test_a_slow_speed_has_a_decimal(speed, text):
    assert format_speed(speed) == text


@pytest.mark.parametrize(
    ("found", "done", "text"),
    [
        (20, 100, "words on one: 80 rows in 4.0 s, 20 rows/s"),
        (20, 60, "words on one: ended after 60 of 100 rows"),
        (100, 100, "words on one: nothing was left to do"),
    ],
)
def test_a_view_that_is_over_says_what_was_predicted(clock, found, done, text, samples):
    meter = Meter(100, found)
    clock["now"] += 4
    meter.done = done
    assert describe_completed(samples.view, meter) == text


def test_a_probe_that_is_over_says_how_long_it_took(clock, samples):
    meter = Meter(0)
    clock["now"] += 4
    assert describe_completed(samples.probe, meter) == "probing: parity/tensors: ended after 4.0 s"
    assert describe_completed(samples.probe, None) == "probing: parity/tensors: nothing was left to do"
