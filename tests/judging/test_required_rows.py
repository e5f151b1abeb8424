"""None"""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

from mqa_registry import plan as plans
from mqa_registry.contributions import Metric, Quantile, Scores, Slice
from mqa_registry.judging import Verdict
from mqa_registry.judging.required_rows import RowCounts, count_rows, find_required_rows
from mqa_registry.stats.estimates import Claim
from mqa_registry.stats.means import BoundedMean
from mqa_registry.stats.paired_proportions import PairedProportions
from mqa_registry.stats.proportions import Proportion
from mqa_registry.stats.unpaired_differences import ProportionDifference
from mqa_registry.suite import Against, Expect, Use
from tests.benchmarks.statistics import decide_claims

ROWS = 1000


def require(engine, *, rows=ROWS, groups=None, by=None, confidence=0.95, **rest):
    """The needs of one check, about so many rows and groups of these sizes."""
    from dataclasses import replace

    rest["expect"] = {"value": rest.pop("expect")}
    if groups is not None:
        rest["by"] = by or Use("letters/by", Slice("by", lambda example: "x"))
    check = engine.check(**rest)
    suite = replace(engine.suite(check), confidence=confidence)
    return find_required_rows(
        plans.make(suite), RowCounts({"words": rows}, {"words": rows}, {check.name: groups or {}})
    )


def one(engine, **rest):
    (required,) = require(engine, **rest)
    return required


@pytest.mark.parametrize(
    ("bound", "confidence", "least"), [(0.999, 0.95, 3688), (0.98, 0.95, 183), (0.9, 0.95, 36), (0.9, 0.99, 51)]
)
def test_a_share_of_all_rows_clears_its_bound_from_a_known_number_on(engine, bound, confidence, least):
    assert one(engine, expect=Expect(min=bound), confidence=confidence).required == least
    assert math.ceil(math.log((1 - confidence) / 2) / math.log(bound)) == least
    assert one(engine, expect=Expect(max=1 - bound), confidence=confidence).required == least


@pytest.mark.parametrize("bound", [0.001, 0.01, 0.05, 0.3])
def test_a_drop_takes_as_many_rows_as_tango_needs_where_nothing_changes(engine, shout, bound):
    rest = {"expect": Expect(max_drop=bound)}
    (required,) = _perturbed(engine, shout, **rest)
    rows = required.required
    assert required.best_case == "no row changes"
    assert Claim("", PairedProportions(0, 0, rows), high=bound).holds(0.95)
    assert not Claim("", PairedProportions(0, 0, rows - 1), high=bound).holds(0.95)
    # Without a change the score interval is that of a share without one: z² / (n + z²).
    assert rows == pytest.approx(3.8415 * (1 / bound - 1), abs=1)


def _perturbed(engine, shout, *, rows=ROWS, **rest):
    rest["expect"] = {"value": rest.pop("expect")}
    check = engine.check("loud", shout, **rest)
    return find_required_rows(plans.make(engine.suite(check)), RowCounts({"words": rows}, {"words": rows}))


def test_a_drop_from_other_rows_takes_as_many_on_both_sides_as_newcombe_needs(engine):
    check = engine.check(against=Against(data="old"), expect={"value": Expect(max_drop=0.05)})
    plan = plans.make(engine.suite(check))
    counts = {"words": 900, "old": ROWS}
    (need,) = find_required_rows(plan, RowCounts(counts, counts))

    def holds(number):
        return Claim("", ProportionDifference(Proportion(number, number), Proportion(number, number)), high=0.05).holds(
            0.95
        )

    assert (holds(need.required - 1), holds(need.required)) == (False, True)
    assert (need.available, need.best_case) == (900, "other rows, as many, each scores 1")


@pytest.mark.parametrize("bound", [0.0, -0.02])
def test_a_gain_that_is_asked_for_can_be_shown_only_where_rows_get_better(engine, shout, bound):
    (required,) = _perturbed(engine, shout, expect=Expect(max_drop=bound))
    assert required.best_case == "each row gets better"
    assert 0 < required.required < 20


def test_a_gap_is_of_two_equal_groups(engine):
    required = one(engine, groups={"a": 500, "b": 400, "c": 29}, expect=Expect(max_gap=0.05))
    rows = required.required

    def holds(number):
        pair = ProportionDifference(Proportion(number, number), Proportion(number, number))
        return Claim("", pair, -0.05, 0.05).holds(0.95)

    assert holds(rows)
    assert not holds(rows - 1)
    assert (required.available, required.group, required.is_enough) == (400, "b", True)


def test_is_enough_is_about_the_groups_of_the_data(engine):
    rows = one(engine, groups={"a": 500, "b": 400}, expect=Expect(max_gap=0.05)).required
    lopsided = one(engine, groups={"a": 5000, "b": rows - 1}, expect=Expect(max_gap=0.05))
    assert lopsided.available < lopsided.required
    assert lopsided.is_enough is Claim(
        "", ProportionDifference(Proportion(rows - 1, rows - 1), Proportion(5000, 5000)), -0.05, 0.05
    ).holds(0.95)


def test_every_group_has_to_clear_a_bound(engine):
    required = one(engine, groups={"a": 500, "b": 35}, expect=Expect(min=0.9))
    assert (required.available, required.required, required.group, required.is_enough) == (35, 36, "b", False)


@pytest.mark.parametrize(
    ("groups", "expect"), [({"a": 29}, Expect(min=0.5)), ({}, Expect(min=0.5)), ({"a": 900}, Expect(max_gap=0.3))]
)
def test_too_few_groups_are_never_enough(engine, groups, expect):
    assert not one(engine, groups=groups, expect=expect).is_enough


def test_each_bound_has_required_rows(engine, shout):
    found = _perturbed(engine, shout, expect=Expect(min=0.9, max_drop=0.1))
    assert [set(required.expect) for required in found] == [{"min"}, {"max_drop"}]


@pytest.mark.parametrize(
    ("expect", "best_case"),
    [
        (Expect(min=0.9), "each row scores 1"),
        (Expect(max=0.1), "each row scores 0"),
        (Expect(min=0.4, max=0.6), "the share lies in between"),
    ],
)
def test_the_best_case_of_a_share_is_said(engine, expect, best_case):
    assert one(engine, expect=expect).best_case == best_case


def test_bounds_on_both_sides_leave_room_for_an_interval(engine):
    required = one(engine, expect=Expect(min=0.4, max=0.6))
    assert any(Claim("", Proportion(k, required.required), 0.4, 0.6).holds(0.95) for k in range(required.required))
    assert 90 < required.required < 110


def test_a_bound_that_nothing_reaches_has_no_number(engine):
    required = one(engine, expect=Expect(min=1.0))
    assert (required.required, required.is_enough) == (None, False)


def test_a_point_needs_one_row(engine):
    assert one(engine, expect=Expect(min=0.9999), gate="point").required == 1


def _measure(function, kind=Metric):
    return Use("letters/x", kind("x", function, schemas=("label",)))


def crashes(*_):
    raise ValueError


@pytest.mark.parametrize("expect", [Expect(max=0.3), Expect(min=0.6), Expect(min=0.2, max=0.7)])
def test_scores_with_a_range_take_as_many_rows_as_the_judge_does(engine, expect):
    squares = Metric("x", lambda one, other: 2 * one.probabilities[:, 1] ** 2, schemas=("label",), range=(0.0, 2.0))
    required = one(engine, expect=expect, measure=Use("letters/x", squares))
    low, high = expect.min, expect.max
    best = 0.0 if low is None else 2.0 if high is None else (low + high) / 2
    low, high = -np.inf if low is None else low, np.inf if high is None else high

    def holds(rows):
        return Claim("", BoundedMean.from_scores(np.full(rows, best), 0.0, 2.0, None), low, high).holds(0.95)

    assert holds(required.required)
    assert not holds(required.required - 1)
    assert required.best_case == f"each row scores {best:g}"


def test_scores_whose_range_depends_on_the_predictions_have_no_required_rows(engine):
    sure = _measure(lambda one, other: Scores(1 - one.probabilities.max(axis=1), 0.0, one.probabilities.max()))
    required = one(engine, expect=Expect(max=0.3), measure=sure)
    assert (required.required, required.best_case) == (None, "depends on how sure the predictions are")


@pytest.mark.parametrize(("function", "words"), [(lambda *_: 3.0, "no interval"), (crashes, "not known")])
def test_other_metrics_have_no_required_rows_and_a_reason(engine, function, words):
    required = one(engine, expect=Expect(min=0.5), measure=_measure(function))
    assert required.required is None
    assert words in required.best_case


@pytest.mark.parametrize(
    ("share", "bound", "rows"),
    [
        (0.5, Expect(max=3), 6),
        (0.5, Expect(min=3), 6),
        (0.5, Expect(min=1, max=3), 6),
        (0.95, Expect(max=3), 72),
        (0.99, Expect(max=3), 368),
        (0.99, Expect(min=3), 1),
        (0.99, Expect(max_gap=3), None),
    ],
)
def test_a_quantile_takes_as_many_rows_as_give_its_interval_an_end(engine, share, bound, rows):
    measure = _measure(lambda one, other: Quantile(one.probabilities.max(axis=1), share))
    required = one(engine, expect=bound, measure=measure, groups={"a": 500, "b": 500} if bound.max_gap else None)
    assert required.required == rows
    if rows is not None:
        assert required.best_case == "no row lies beyond the bound"
        assert one(engine, expect=bound, measure=measure, rows=rows).is_enough
        assert not one(engine, expect=bound, measure=measure, rows=rows - 1).is_enough


@pytest.mark.parametrize("bound", [0.5, 0.9, 0.97, 0.999])
def test_with_the_required_rows_the_judge_says_pass(engine, bound):
    rows = one(engine, expect=Expect(min=bound)).required
    verdicts = [decide_claims([Claim("", Proportion(number, number), bound)], 0.95) for number in (rows - 1, rows)]
    assert verdicts == [Verdict.INCONCLUSIVE, Verdict.PASS]


def test_rows_are_counted_with_their_targets_and_groups(engine):
    from mqa_registry.types import Rows

    table = engine.table.append_column("id", engine.table.column("text")).append_column(
        "target", engine.table.column("label")
    )
    first = table.column("target").to_pylist()
    first[:5] = [None] * 5
    import pyarrow as pa

    rows = Rows(table.set_column(table.column_names.index("target"), "target", pa.array(first)), ("text",))
    by = Use("letters/by", Slice("by", lambda example: "t" if example["text"].startswith("t") else None))
    plan = plans.make(engine.suite(engine.check(by=by), engine.check("agreement", by=by, on=())))
    counts = count_rows(plan, {"words": rows})
    assert (counts.whole, counts.labelled) == ({"words": 50}, {"words": 45})
    assert counts.groups == {"accuracy": {"t": 4}, "agreement": {"t": 5}}
    assert counts.classes == {"words": ("few", "many")}


def test_a_slice_that_crashes_leaves_the_rest_alone(engine):
    from mqa_registry.types import Rows

    by = Use("letters/by", Slice("by", crashes))
    plan = plans.make(engine.suite(engine.check(by=by)))
    table = engine.table.append_column("id", engine.table.column("text"))
    counts = count_rows(plan, {"words": Rows(table, ("text",))})
    assert counts.groups == {"accuracy": {}}
    assert counts.rows(SimpleNamespace(check=plan.cases[0].check, steps=plan.cases[0].steps)) == 0
