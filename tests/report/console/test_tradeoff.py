"""Cost against damage: a row for each backend, a column for each check that says it is one or the other."""

from __future__ import annotations

import pytest

from mqa_registry.judging.result import Verdict


@pytest.fixture(name="table")
def _table(make):
    """The lines of the table, of a report of these results."""

    def found(results, **report):
        text = make.rendered(make.finished(results, **report), 120)
        whole = text.partition("cost against damage")[2].partition("─")[0]
        return [line.rstrip() for line in whole.split("\n") if line.strip()]

    return found


def sized(make, **parts):
    expect = {"size": {"use": "performance/size"}}
    numbers = {"torch": make.number(20.4), "onnx": make.number(10.3)}
    return [
        make.result(
            "size", name, measure=expect["size"], expect={"max": 50}, numbers={"value": number}, tags=("cost",), **parts
        )
        for name, number in numbers.items()
    ]


def flips(make, **parts):
    usual = {"measure": {"use": "parity/flip-rate"}, "expect": {"max": 0.01}, "tags": ("damage",)}
    usual |= {"against": {"backend": "torch"}, "numbers": {"value": make.number(0.043, 0.01)}}
    return [make.result("flips", "onnx", **(usual | parts))]


def test_every_backend_has_a_row_and_every_tagged_check_a_column(make, table):
    heads, torch, onnx = table([*sized(make), *flips(make, verdict=Verdict.FAIL)])
    assert heads.split() == ["size", "flips"]
    assert torch.split() == ["torch", "✓", "20.40", "reference"]
    assert onnx.split() == ["onnx", "✓", "10.30", "✗", "0.043"]


def test_one_side_alone_is_no_trade_off(make, table):
    assert table(sized(make)) == []
    assert table(flips(make)) == []


def test_one_backend_has_nothing_to_choose_from(make, table):
    one = [result for result in [*sized(make), *flips(make)] if result.backend == "onnx"]
    assert table(one, backends=("onnx",)) == []


def test_a_number_other_than_the_value_is_named(make, table):
    measure, numbers = {"use": "performance/latency"}, {"value": make.number(9.0), "p50_ms": make.number(7.5)}
    slow = [
        make.result("latency", name, measure=measure, expect={"p50_ms": {"max": 20}}, numbers=numbers, tags=("cost",))
        for name in ("torch", "onnx")
    ]
    lines = table([*slow, *flips(make)])
    assert "p50_ms" in lines[1]
    assert "7.5" in lines[2]


def test_of_groups_the_worst_is_shown_with_its_name(make, table):
    groups = {"news": make.part(0.9, 400), "tweets": make.part(0.6, 400)}
    split = make.both("domains", by={"use": "fairness/column"}, groups=groups, expect={"min": 0.5}, tags=("damage",))
    lines = table([*sized(make), *split])
    assert "worst group" in lines[1]
    assert "0.600" in lines[2]
    assert lines[3].strip() == "tweets"
