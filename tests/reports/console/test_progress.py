"""Progress: nothing where it is quiet, lines in a pipe, a live view on a terminal alone."""

from __future__ import annotations

import io

import pytest

from mqa_registry.process import current_step
from mqa_registry.reports.console import progress
from mqa_registry.reports.console.live_view import LiveView
from mqa_registry.reports.console.progress import is_drawn, open_progress


@pytest.fixture(name="stream")
def _stream():
    return io.StringIO()


@pytest.fixture(name="clock")
def _clock(monkeypatch):
    """A clock that a test sets by hand, in seconds."""
    times = {"now": 100.0}
    monkeypatch.setattr(progress.time, "monotonic", lambda: times["now"])
    return times


def test_a_pipe_gets_a_line_at_the_start_at_the_end_and_in_every_interval(stream, clock):
    with open_progress(stream) as shown:
        shown.stage("reading [b]rows[/b] of a long name" + " and so on" * 20)
        shown.start("torch", 4000)
        for _ in range(4):
            clock["now"] += 6
            shown.advance("torch", 1000)
        shown.stage("loading \x1b[7mtorch")
    assert stream.getvalue().splitlines() == [
        "reading [b]rows[/b] of a long name" + " and so on" * 20,
        "predicting 4,000 rows on torch",
        "torch: 2,000 of 4,000 rows",
        "torch: 4,000 of 4,000 rows",
        r"loading \x1b[7mtorch",
    ]


def test_a_probe_gets_a_line_at_the_start_and_in_every_interval(stream, clock, samples):
    with open_progress(stream) as shown:
        shown.update(samples.probe, 0, 0)
        for done in range(0, 5000, 1000):
            shown.update(samples.probe, done, 5000)
            clock["now"] += 5
        shown.complete(samples.probe)
    assert stream.getvalue().splitlines() == [
        "probing: parity/tensors", "parity/tensors: 2,000 of 5,000", "parity/tensors: 4,000 of 5,000",
    ]  # fmt: skip


def test_a_pipe_says_once_that_checks_are_judged(stream, samples):
    with open_progress(stream) as shown:
        for _ in range(2):
            shown.judge(samples.case)
            shown.judged(samples.result())
    assert stream.getvalue() == "judging\n"


def test_with_more_detail_a_pipe_gets_what_views_took_and_the_verdicts(stream, clock, samples):
    with open_progress(stream, detail=1) as shown:
        shown.begin(samples.plan)
        shown.update(samples.view, 100, 1000)
        clock["now"] += 30
        shown.update(samples.view, 1000, 1000)
        shown.complete(samples.view)
        shown.complete(samples.probe)
        shown.judge(samples.case)
        shown.judged(samples.result())
    assert stream.getvalue().splitlines() == [
        "words on one: 900 rows in 30.0 s, 30 rows/s", "probing: parity/tensors: nothing was left to do", "judging",
        "✓ accuracy on one",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["stream", "terminal"])
def test_where_it_is_quiet_nothing_is_written(request, name, samples):
    stream = request.getfixturevalue(name)
    with open_progress(stream, detail=-1) as shown:
        shown.begin(samples.plan)
        shown.stage("reading")
        shown.start("torch", 2)
        shown.advance("torch", 2)
        shown.update(samples.view, 1, 2)
        shown.complete(samples.view)
        shown.judge(samples.case)
        shown.judged(samples.result())
    assert stream.getvalue() == ""


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, True), ({"NO_COLOR": "1"}, True), ({"TERM": "dumb"}, False), ({"TTY_INTERACTIVE": "0"}, False),
    ],
)  # fmt: skip
def test_a_terminal_that_cannot_draw_gets_lines(monkeypatch, terminal, environment, expected):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert is_drawn(terminal) is expected


@pytest.mark.parametrize("name", ["FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"])
def test_nothing_is_drawn_into_a_pipe_in_which_colours_are_forced(monkeypatch, stream, name):
    monkeypatch.setenv(name, "1")
    monkeypatch.setenv("TERM", "xterm")
    assert not is_drawn(stream)


def test_a_terminal_gets_the_live_view(terminal):
    with open_progress(terminal) as shown:
        assert isinstance(shown._inner, LiveView)


def test_what_was_begun_last_is_recorded(stream, samples):
    with open_progress(stream, detail=-1) as shown:
        shown.stage("reading the rows")
        assert current_step() == "reading the rows"
        shown.start("torch", 30)
        shown.start("onnx", 12)
        assert current_step() == "predicting 12 rows on onnx"
        shown.advance("torch", 5)
        assert current_step() == "predicting 30 rows on torch"
        shown.judge(samples.case)
        assert current_step() == "judging"
        shown.judged(samples.result())
        assert current_step() == "predicting 30 rows on torch"
        shown.update(samples.probe, 0, 0)
        assert current_step() == "probing: parity/tensors"
