"""Which groups get a row, and what they are called."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mqa_registry.judging.result import Part, Verdict

GROUPS = {"low": 0.6, "middle": 0.7, "high": 0.8}


@pytest.fixture(name="lines")
def _lines(make):
    """The lines of a report below its heading for the family of slices."""

    def shown(groups, onnx=None, **parts):
        results = make.sliced("slices", 0.2, groups, **parts)
        results[1] = replace(results[1], groups=groups if onnx is None else onnx)
        lines = make.rendered(make.finished(results), 120).split("\n")
        start = next(number for number, line in enumerate(lines) if line.startswith("fairness"))
        return lines[start + 2 :]

    return shown


@pytest.fixture(name="groups")
def _groups(make):
    return {name: make.part(estimate, 500) for name, estimate in GROUPS.items()}


@pytest.mark.parametrize(
    ("expect", "first", "last"),
    [
        ({"min": 0.5}, "worst low", "best high"),
        ({"max": 0.9}, "worst high", "best low"),
        ({"max_gap": 0.5}, "lowest low", "highest high"),
        ({"min": 0.5, "max": 0.9}, "lowest low", "highest high"),
    ],
)
def test_what_is_worst_follows_from_the_bound(lines, groups, expect, first, last):
    found = lines(groups, expect=expect)
    rows = [line.strip() for line in found if "n=500" in line]
    assert [row.startswith(words) for row, words in zip(rows, (first, last), strict=True)] == [True, True]
    assert "  1 more group" in found


def test_backends_that_do_not_agree_are_named(lines, groups):
    turned = {"low": groups["high"], "middle": groups["middle"], "high": groups["low"]}
    found = "\n".join(lines(groups, onnx=turned, expect={"min": 0.5}))
    assert "worst on torch, best on onnx low" in found
    assert "worst on onnx, best on torch high" in found


def test_of_groups_that_are_alike_the_smallest_is_shown_and_none_is_the_best(lines, make):
    found = lines({"large": make.part(1.0, 900), "small": make.part(1.0, 40)}, expect={"min": 0.5})
    assert found[0].startswith("  worst small")
    assert found[1] == "  1 more group"
    assert not any("best" in line for line in found)


def test_a_group_that_is_too_small_is_neither_worst_nor_left_out(lines, groups, make):
    tiny = {"tiny": make.part(0.1, 4, Verdict.INCONCLUSIVE, "4 rows are too few")}
    found = lines(groups | tiny, expect={"min": 0.5})
    assert found[0].startswith("  worst low")
    assert "  not judged: tiny (4 rows are too few)" in found


def test_the_suite_says_how_small_is_too_small(lines, groups, make):
    some = {"some": make.part(0.1, 90, Verdict.INCONCLUSIVE, "90 rows are too few")}
    assert "some" in lines(groups | some, expect={"min": 0.5})[0]
    assert "  not judged: some (90 rows are too few)" in lines(groups | some, expect={"min": 0.5, "min_rows": 100})


def test_a_group_that_does_not_hold_has_a_row_though_it_is_not_the_worst(lines, groups):
    groups["middle"] = replace(groups["middle"], verdict=Verdict.FAIL)
    found = lines(groups, expect={"min": 0.5})
    assert any(line.startswith("  middle") and "✗ 0.700" in line for line in found)
    assert not any("more group" in line for line in found)


@pytest.fixture(name="made")
def _made(make):
    """Groups of which a metric made one number: each has the rates that it shows, and no value."""

    def part(selected, hit):
        numbers = {
            name: make.part(rate, 500).numbers["value"] for name, rate in (("hit_rate", hit), ("chosen", selected))
        }
        return Part(Verdict.PASS, numbers)

    return {"low": part(0.4, 0.7), "middle": part(0.41, 0.8), "high": part(0.42, 0.9)}


def test_of_one_number_of_all_groups_each_shows_the_rate_in_which_they_differ_most(lines, made):
    found = lines(made, expect={"max": 0.3})
    assert "  hit rate:" in found
    rows = [line.strip() for line in found if "n=500" in line]
    assert rows[0].startswith("lowest low")
    assert "0.700" in rows[0]
    assert rows[1].startswith("highest high")
    assert "0.900" in rows[1]
    assert not any("✓" in row for row in rows)


def test_a_bound_on_one_number_of_all_groups_is_not_on_each(lines, make, made):
    results = [replace(result, groups=made, expect={"max": 0.3}) for result in make.sliced("slices", 0.2, made)]
    assert "each" not in make.rendered(make.finished(results), 120)


def test_a_group_with_just_enough_rows_is_judged(lines, groups, make):
    some = {"some": make.part(0.1, 30, Verdict.INCONCLUSIVE), "few": make.part(0.1, 29, Verdict.INCONCLUSIVE)}
    found = lines(groups | some, expect={"min": 0.5})
    assert found[0].startswith("  worst some")
    assert "  not judged: few" in found


def test_no_more_than_three_groups_that_do_not_hold_have_a_row_and_three_more_a_name(lines, make):
    failed = {f"g{number}": make.part(0.1 + number / 50, 500, Verdict.FAIL) for number in range(9)}
    found = lines(failed, expect={"min": 0.5})
    assert [line.split()[:2] for line in found if "n=500" in line] == [
        ["worst", "g0"], ["g1", "n=500"], ["g2", "n=500"], ["best", "g8"],
    ]  # fmt: skip
    assert "  FAIL too: g3, g4, g5 and 2 more" in found


def test_a_group_that_was_not_judged_does_not_choose_the_rate_that_is_shown(lines, made):
    tiny = Part(
        Verdict.INCONCLUSIVE, {"hit_rate": made["low"].numbers["hit_rate"], "chosen": made["low"].numbers["chosen"]}
    )
    numbers = {name: replace(number, estimate=0.0, rows=3) for name, number in tiny.numbers.items()}
    numbers["hit_rate"] = replace(numbers["hit_rate"], estimate=0.8)
    assert "  hit rate:" in lines(made | {"tiny": replace(tiny, numbers=numbers)}, expect={"max": 0.3})
