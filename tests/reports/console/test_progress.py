"""Progress: nothing where it is quiet, lines in a pipe, bars on a terminal."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from mqa_registry.process import current_step
from mqa_registry.reports.console import progress
from mqa_registry.reports.console.progress import open_progress


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
    with open_progress(Console(file=stream, width=20), quiet=False) as shown:
        shown.stage("reading [b]rows[/b] of a long name")
        shown.start("torch", 4000)
        for _ in range(4):
            clock["now"] += 6
            shown.advance("torch", 1000)
    assert stream.getvalue().splitlines() == [
        "reading [b]rows[/b] of a long name",
        "predicting 4,000 rows on torch",
        "torch: 2,000 of 4,000 rows",
        "torch: 4,000 of 4,000 rows",
    ]


def test_a_probe_gets_a_line_in_every_interval(stream, clock):
    with open_progress(Console(file=stream), quiet=False) as shown:
        for done in range(0, 5000, 1000):
            shown.advance_probe("tensors", done, 5000)
            clock["now"] += 5
    assert stream.getvalue().splitlines() == ["tensors: 2,000 of 5,000", "tensors: 4,000 of 5,000"]


def test_where_it_is_quiet_nothing_is_written(stream):
    with open_progress(Console(file=stream), quiet=True) as shown:
        shown.stage("reading")
        shown.start("torch", 2)
        shown.advance("torch", 2)
        shown.advance_probe("tensors", 1, 2)
    assert stream.getvalue() == ""


def test_a_terminal_gets_a_bar_for_each_backend_and_each_probe(stream):
    console = Console(file=stream, force_terminal=True, width=100)
    with open_progress(console, quiet=False) as shown:
        shown.start("torch", 2)
        shown.advance("torch", 1)
        shown.advance_probe("tensors", 3, 7)
    text = stream.getvalue()
    assert "predicting on torch" in text
    assert "1/2" in text
    assert "probing: tensors" in text
    assert "3/7" in text


def test_what_was_begun_last_is_recorded(stream):
    with open_progress(Console(file=stream), quiet=True) as shown:
        shown.stage("reading the rows")
        assert current_step() == "reading the rows"
        shown.start("onnx", 12)
        assert current_step() == "predicting 12 rows on onnx"
