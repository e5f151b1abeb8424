"""Checks whose groups make one number together, and groups that take more than a row to tell."""

from __future__ import annotations

import numpy as np
import pytest

from mqa_registry import plan as plans
from mqa_registry.contributions import Metric, Slice, Statistic
from mqa_registry.errors import NotRunError
from mqa_registry.judging import Verdict, judge
from mqa_registry.judging.required_rows import RowCounts, find_required_rows
from mqa_registry.suite import Against, Expect, Severity, Use


@pytest.fixture
def got():
    """What the judge gave the metric of groups, call by call."""
    return []


@pytest.fixture
def judged(engine, got):
    """The results of a suite of these checks on the letters model."""

    def results(*checks, **suite):
        whole = engine.suite(*checks, **suite)
        observations = engine.run(whole)
        got.clear()  # the preflight tries it on sample predictions
        return judge(plans.make(whole), observations)

    return results


@pytest.fixture
def spread(got):
    """A metric of groups: how far the shares of `many` among the answers lie apart, at most."""

    def function(predictions, targets, groups):
        got.append((predictions.ids.to_pylist(), {name: rows.tolist() for name, rows in groups.items()}))
        bins = np.full(len(predictions), -1)
        for number, rows in enumerate(groups.values()):
            bins[rows] = 2 * number + predictions.codes[rows]

        def of(counts):
            pairs = counts.reshape(*counts.shape[:-1], -1, 2)
            return np.ptp(pairs[..., 1] / pairs.sum(axis=-1), axis=-1)

        return Statistic(of, bins, 2 * len(groups), per_group={"many": predictions.codes == 1})

    return Use("letters/spread", Metric("spread", function, schemas=("label",), version=3))


def parity(row):
    return "even" if int(row["text"].split()[1]) % 2 == 0 else "odd"


def by(function=parity, **how):
    return Use("letters/by", Slice("by", function, **how))


def expect(**bounds):
    return {"value": Expect(**{"min_rows": 5} | bounds)}


def test_a_metric_of_groups_gets_the_rows_of_each_and_all_of_them_once(engine, judged, spread, got):
    (result,) = judged(engine.check(measure=spread, by=by(), expect=expect(max=1)))
    assert len(got) == 1
    assert got[0][1] == {"even": list(range(0, 50, 2)), "odd": list(range(1, 50, 2))}
    assert result.definition == "spread/3"
    assert result.numbers["value"].rows == 50


def test_its_number_has_an_interval_and_a_verdict_like_any_other(engine, judged, spread):
    passing, failing = judged(
        engine.check("loose", measure=spread, by=by(), expect=expect(max=1)),
        engine.check("tight", measure=spread, by=by(), expect=expect(max=0.001)),
    )
    number = passing.numbers["value"]
    assert number.method == "bca"
    assert number.low < number.estimate < number.high
    assert passing.verdict is Verdict.PASS
    assert failing.verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE)
    assert failing.note.startswith("value is")


def test_it_is_the_number_that_the_groups_own_rows_make(engine, judged, spread):
    (result,) = judged(engine.check(measure=spread, by=by(), expect=expect(max=1)))
    shares = [part.numbers["many"].estimate for part in result.groups.values()]
    assert result.numbers["value"].estimate == pytest.approx(max(shares) - min(shares))


def test_what_the_metric_shows_of_each_group_has_rows_and_an_interval(engine, judged, spread):
    (result,) = judged(engine.check(measure=spread, by=by(), expect=expect(max=1)))
    assert set(result.groups) == {"even", "odd"}
    even = result.groups["even"]
    assert (even.numbers["many"].rows, even.numbers["many"].method) == (25, "exact")
    assert even.verdict is Verdict.PASS


def test_small_groups_are_left_out_of_the_number_and_listed(engine, judged, spread, got):
    slices = by(lambda row: "eves" if row["text"].startswith("eve") else parity(row))
    (result,) = judged(engine.check(measure=spread, by=slices, expect=expect(max=1, min_rows=10)))
    assert set(got[0][1]) == {"even", "odd"}
    assert result.groups["eves"].verdict is Verdict.INCONCLUSIVE
    assert result.groups["eves"].note == "5 rows are too few"


@pytest.mark.parametrize(("slices", "least"), [(lambda row: "all", 5), (parity, 30)], ids=["one group", "small groups"])
def test_with_fewer_than_two_groups_nothing_is_shown(engine, judged, spread, slices, least):
    (result,) = judged(engine.check(measure=spread, by=by(slices), expect=expect(max=1, min_rows=least)))
    assert result.verdict is Verdict.INCONCLUSIVE
    assert result.note == "too few groups have enough rows to be judged"
    assert result.numbers["value"].estimate is None


def test_rows_in_several_groups_and_in_none_are_given_as_they_are(engine, judged, spread, got):
    def slices(row):
        number = int(row["text"].split()[1])
        return [name for name, step in (("twos", 2), ("threes", 3)) if number % step == 0]

    judged(engine.check(measure=spread, by=by(slices), expect=expect(max=1)))
    assert got[0][1] == {"threes": list(range(0, 50, 3)), "twos": list(range(0, 50, 2))}


def test_too_many_groups_to_compare_are_refused(engine, judged, spread):
    slices = by(lambda row: [str(n) for n in range(201)])
    (result,) = judged(engine.check(measure=spread, by=slices, expect=expect(max=1)))
    assert result.verdict is Verdict.ERROR
    assert result.note.startswith("201 groups are too many to compare")


def test_a_drop_is_of_the_same_groups_of_the_reference(engine, judged, spread, got, swap):
    (result,) = judged(engine.check("swapped", swap, measure=spread, by=by(), expect=expect(max_drop=1)))
    assert result.verdict is Verdict.PASS
    assert result.numbers["drop"].method == "paired bca"
    assert got[0] == got[1]


def test_a_reason_why_it_is_undefined_is_repeated(engine, judged):
    def undefined(predictions, targets, groups):
        return Statistic(lambda counts: counts[..., 0] * np.nan, undefined="no row of `odd` is positive")

    measure = Use("letters/undefined", Metric("undefined", undefined, schemas=("label",)))
    (result,) = judged(engine.check(measure=measure, by=by(), expect=expect(max=1)))
    assert result.verdict is Verdict.INCONCLUSIVE
    assert result.note == "value is undefined, since no row of `odd` is positive"
    assert result.numbers["value"].estimate is None


def test_a_metric_that_refuses_the_groups_is_not_run_and_the_others_are(engine, judged, spread):
    def refusing(predictions, targets, groups):
        raise NotRunError("no group `women`", hint="there are `even`, `odd`")

    measure = Use("letters/refusing", Metric("refusing", refusing, schemas=("label",)))
    refused, other = judged(
        engine.check("refused", measure=measure, by=by(), expect=expect(max=1)),
        engine.check("other", measure=spread, by=by(), expect=expect(max=1)),
    )
    assert (refused.verdict, refused.note) == (Verdict.NOT_RUN, "no group `women` (there are `even`, `odd`)")
    assert other.verdict is Verdict.PASS


def test_before_a_run_a_grouped_metric_is_known_to_require_two_groups(engine, spread):
    plan = plans.make(engine.suite(engine.check(measure=spread, by=by(), expect=expect(max=1))))

    def required_rows(**groups):
        (found,) = find_required_rows(plan, RowCounts({"words": 50}, {"words": 50}, {"accuracy": groups}))
        return found.best_case, found.is_enough, found.group, found.is_per_group

    assert required_rows(even=25, odd=24) == ("resampled: depends on the rows", True, "odd", False)
    assert required_rows(even=25) == ("resampled: depends on the rows", False, "even", False)


def test_a_slice_may_see_the_whole_table(engine, judged):
    def halves(table):
        lengths = np.array([len(text) for text in table.column("text").to_pylist()])
        return ["long" if long else None for long in lengths > np.median(lengths)]

    (result,) = judged(engine.check(by=by(halves, inputs="table"), expect=expect(min=0.01)))
    lengths = [len(text) for text in engine.table.column("text").to_pylist()]
    assert result.groups["long"].numbers["value"].rows == sum(length > np.median(lengths) for length in lengths)
    assert list(result.groups) == ["long"]


def test_a_slice_may_read_the_predictions_of_the_view_itself(engine, judged):
    def answered(predictions):
        return predictions.main.to_pylist()

    results = judged(engine.check(by=by(answered, inputs="predictions"), expect=expect(min=0.01)))
    assert set(results[0].groups) == {"few", "many"}
    assert sum(part.numbers["value"].rows for part in results[0].groups.values()) == 50


def test_a_slice_of_predictions_reads_those_of_the_reference(engine, judged, swap):
    def answered(predictions):
        return [f"was {label}" for label in predictions.main.to_pylist()]

    slices = by(answered, inputs="predictions")
    plain = judged(engine.check("plain", by=slices, expect=expect(min=0.01)))[0]
    invariant = judged(
        engine.check("agreement", swap, by=slices, against=Against(unperturbed=True), expect=expect(min=0.01))
    )[0]
    assert {name: part.numbers["value"].rows for name, part in plain.groups.items()} == {
        name: part.numbers["value"].rows for name, part in invariant.groups.items()
    }


def test_a_slice_that_gives_groups_for_too_few_rows_is_an_error(engine, judged):
    (result,) = judged(engine.check(by=by(lambda table: ["a"], inputs="table")))
    assert result.verdict is Verdict.ERROR
    assert "gave 1 item for 50 rows" in result.note


def test_before_a_run_groups_that_depend_on_predictions_have_no_size(engine):
    slices = by(lambda predictions: predictions.main.to_pylist(), inputs="predictions")
    plan = plans.make(engine.suite(engine.check(by=slices, expect=expect(min=0.1))))
    (required_rows,) = find_required_rows(plan, RowCounts({"words": 50}, {"words": 50}, {"accuracy": {}}))
    assert (required_rows.available, required_rows.required, required_rows.best_case) == (
        50,
        None,
        "the groups depend on the predictions",
    )


@pytest.mark.parametrize("least", [5, 26])
def test_a_sweep_starts_from_the_number_of_the_same_groups(engine, judged, spread, shout, least):
    (clean,) = judged(engine.check(measure=spread, by=by(), expect={"value": Expect(max=0.9, min_rows=5)}))
    uses = engine.check("shout", shout).steps[0].perturb
    check = engine.check(
        measure=spread, by=by(), steps=(Severity(uses, 1.0),), expect={"value": Expect(max=0.9, min_rows=least)}
    )
    (result,) = judged(check)
    clean_value = result.evidence.sweep.clean_value
    assert clean_value == (pytest.approx(clean.numbers["value"].estimate, abs=1e-6) if least < 25 else None)
    assert result.verdict is not Verdict.ERROR
