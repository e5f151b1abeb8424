"""The shortest report: quiet about progress and about what was judged, never about why something was not."""

from __future__ import annotations

import pytest

from mqa_registry.judging.result import Verdict

ERROR, NOT_RUN = Verdict.ERROR, Verdict.NOT_RUN


@pytest.fixture(name="quiet")
def _quiet(make):
    """The lines below the verdict, at `width` cells."""

    def lines(results, width=80):
        return make.rendered(make.finished(results, ERROR), width, verbose=-1).splitlines()[1:]

    return lines


def test_what_was_judged_is_not_told(make, quiet):
    failed = make.result("one", verdict=Verdict.FAIL, note="value is 0.7, below 0.76")
    assert quiet([failed, make.result("two", verdict=Verdict.INCONCLUSIVE, note="it is open")]) == []


def test_a_reason_is_told_once_with_how_many_checks_it_is_for(make, quiet):
    note = "no CUDA device is here; hint: `--device cpu`"
    results = [make.result(f"check {one}", name, verdict=NOT_RUN, note=note) for one in "abc" for name in ("x", "y")]
    results.append(make.result("check d", verdict=ERROR, note="KeyError: 'x'"))
    assert quiet(results) == [f"  NOT-RUN  check a and 2 more: {note}", "  ERROR  check d: KeyError: 'x'"]


def test_each_reason_of_a_check_is_told(make, quiet):
    results = [make.result("one", "torch", verdict=NOT_RUN, note="left"), make.result("one", "onnx", verdict=ERROR)]
    assert quiet(results) == ["  ERROR  one: it crashed", "  NOT-RUN  one: left"]


def test_a_check_that_is_not_critical_has_its_reason_told_too(make, quiet):
    assert quiet([make.result("one", verdict=NOT_RUN, note="left", critical=False)]) == ["  NOT-RUN  one: left"]


def test_a_long_reason_wraps_below_itself_and_says_nothing_as_a_code(make, quiet):
    lines = quiet([make.result("one", verdict=ERROR, note="\x1b[31m[bold]far " + "too long " * 20)])
    assert all(len(line) <= 80 for line in lines)
    assert all(line.startswith(" " * 9) for line in lines[1:])
    assert lines[0].startswith("  ERROR  one: \\x1b[31m[bold]far too long")
