"""The live view: what a terminal shows of a run while it goes on, in any size, and what is left of it."""

from __future__ import annotations

import re
import sys
import threading

import pytest

from mqa_registry.judging import Verdict
from mqa_registry.plan import RowSet, View
from mqa_registry.reports.console import live_view, meters
from mqa_registry.reports.console.live_view import LiveView

HIDE_CURSOR = "\x1b[?25l"


@pytest.fixture(name="clock")
def _clock(monkeypatch):
    """A clock that a test sets by hand, in seconds."""
    times = {"now": 100.0}
    monkeypatch.setattr(meters.time, "monotonic", lambda: times["now"])
    return times


@pytest.fixture(name="shown")
def _shown(request, terminal, clock, monkeypatch):
    """A live view that a test draws by hand; by its parameter, on a terminal of other columns and lines."""
    monkeypatch.setattr(live_view, "REDRAW_INTERVAL", 600)
    for name, size in zip(("COLUMNS", "LINES"), getattr(request, "param", ()), strict=False):
        monkeypatch.setenv(name, str(size))
    with LiveView(terminal, verbose=False) as view:
        yield view


def draw(shown, terminal):
    shown.redraw()
    return terminal.screen


def test_a_view_shows_its_rows_speed_and_time_left(shown, terminal, clock, samples):
    shown.update(samples.view, 0, 4000)
    assert draw(shown, terminal) == ["words on one  ╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌  0/4,000    waiting"]
    clock["now"] += 10
    shown.update(samples.view, 1000, 4000)
    assert draw(shown, terminal) == ["words on one  ━━━━━╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌  1,000/4,000  100 rows/s  0:30 left"]
    shown.complete(samples.view)
    assert draw(shown, terminal) == []


@pytest.mark.parametrize(
    ("shown", "lines"),
    [
        ([60], [f"{'words on one':23}  1,000/4,000  100 rows/s  0:30 left", f"{'probing: parity/tensors':55}0:10"]),
        ([44], [f"{'words on one':23}  25 %  0:30 left", f"{'probing: parity/tensors':36}0:10"]),
        ([20], ["words on one   0:30", "probing: par…  0:10"]),
    ],
    indirect=["shown"],
)
def test_a_narrow_terminal_shows_less_and_nothing_is_wrapped(shown, terminal, clock, lines, samples):
    shown.update(samples.view, 0, 4000)
    shown.update(samples.probe, 0, 0)
    clock["now"] += 10
    shown.update(samples.view, 1000, 4000)
    assert draw(shown, terminal) == lines


@pytest.mark.parametrize(("shown", "n_views"), [([80, 24], 8), ([80, 10], 2), ([80, 5], 1)], indirect=["shown"])
def test_views_that_go_on_come_first_and_the_rest_is_counted(shown, terminal, clock, n_views):
    views = [View("one", RowSet(f"set{number}")) for number in range(12)]
    shown.start("one", 12_000)
    for view in views:
        shown.update(view, 0, 1000)
    clock["now"] += 2
    shown.update(views[11], 500, 1000)
    shown.advance("one", 500)
    assert [line.split("  ")[0] for line in draw(shown, terminal)] == [
        *["set11 on one", *(f"set{number} on one" for number in range(12))][:n_views],
        f"and {12 - n_views} more", "all rows on one",
    ]  # fmt: skip


def test_verdicts_are_printed_above_the_view_and_counted_below_it(shown, terminal, samples):
    shown.begin(samples.plan)
    shown.update(samples.view, 0, 10)
    for verdict, note in ((Verdict.FAIL, "value is 0.61"), (Verdict.PASS, "")):
        shown.judge(samples.case)
        shown.judged(samples.result(verdict, note=note))
    first, second, row, counts = seen = draw(shown, terminal)
    assert (first, second) == ("✗ accuracy on one: value is 0.61", "✓ accuracy on one")
    assert row.startswith("words on one")
    assert counts == "2 of 1 judged  1 PASS  1 FAIL"
    assert draw(shown, terminal) == seen  # what was printed is not printed again


def test_a_check_that_takes_long_is_named(shown, terminal, clock, samples):
    shown.judge(samples.case)
    clock["now"] += 75
    assert draw(shown, terminal) == ["accuracy: judging, 1 min 15 s"]
    shown.judged(samples.result())
    assert draw(shown, terminal)[0] == "✓ accuracy on one"


def test_the_view_is_gone_in_the_end_and_its_lines_stay(terminal, samples):
    with LiveView(terminal, verbose=True) as shown:
        shown.stage("loading [bold]one[/bold]")
        shown.update(samples.view, 0, 10)
        assert draw(shown, terminal)[1].startswith("words on one  ╌╌")
        shown.complete(samples.view)
    assert terminal.screen == ["loading [bold]one[/bold]", "words on one: ended after 0 of 10 rows"]


def test_the_cursor_stays_visible_and_rests_on_an_empty_line(shown, terminal, samples):
    shown.update(samples.view, 0, 10)
    shown.redraw()
    assert HIDE_CURSOR not in terminal.getvalue()
    assert terminal.getvalue().endswith("waiting\n")


def test_names_from_the_suite_do_not_act_on_the_terminal(shown, terminal, samples):
    shown.stage("loading \x1b[7m[b]torch")
    shown.update(View("a\x1b[31mred", RowSet("[b]x\r\n")), 0, 10)
    shown.judged(samples.result(check="a\x1b]0;title\x07b"))
    shown.redraw()
    assert not {"\x1b[31m", "\x1b[7m"} & {*re.findall(r"\x1b\[\d+m", terminal.getvalue())}
    assert r"[b]x\r\n on a\x1b[31mred" in terminal.getvalue()
    assert r"a\x1b]0;title\x07b" in terminal.getvalue()


def test_what_others_print_stands_above_the_view(terminal, samples):
    with LiveView(terminal, verbose=False) as shown:
        shown.update(samples.view, 0, 10)
        (row,) = draw(shown, terminal)
        sys.stdout.write("a library has something to say\n")
        assert terminal.screen == ["a library has something to say", row]


def test_progress_may_be_told_by_any_thread(shown, terminal, samples):
    threads = [
        threading.Thread(target=lambda: [shown.update(samples.view, done, 500) for done in range(501)])
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        shown.redraw()
    assert "500/500" in draw(shown, terminal)[0]


@pytest.mark.parametrize(("work", "interval", "is_drawn"), [(0, 600, True), (600, 0, True), (600, 600, False)])
def test_it_is_drawn_after_enough_work_or_time(terminal, monkeypatch, work, interval, is_drawn):
    for name, seconds in (("REDRAW_INTERVAL", 0.001), ("MIN_WORK", work), ("MAX_INTERVAL", interval)):
        monkeypatch.setattr(live_view, name, seconds)
    drawn = threading.Event()
    monkeypatch.setattr(LiveView, "redraw", lambda _: drawn.set())
    with LiveView(terminal, verbose=False):
        assert drawn.wait(5 if is_drawn else 0.05) is is_drawn


def test_an_error_ends_the_view_too(terminal, samples):
    def interrupt():
        with LiveView(terminal, verbose=False) as shown:
            shown.update(samples.view, 0, 10)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupt()
    assert terminal.screen == []
    assert not [thread for thread in threading.enumerate() if thread.name == "mqa-live-view"]
