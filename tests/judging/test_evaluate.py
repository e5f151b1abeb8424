from __future__ import annotations

import json
import time
from dataclasses import asdict

import numpy as np
import pyarrow as pa
import pytest

from mqa_registry import plan as plans
from mqa_registry.contributions import Metric, Perturbation, Quantile, Slice, Statistic
from mqa_registry.errors import DataError
from mqa_registry.judging import Verdict, judge
from mqa_registry.judging.result import StepEvidence
from mqa_registry.observations import Observations, ObservedView, PerturbedRows
from mqa_registry.reports.json_report import _number_to_json
from mqa_registry.stats.proportions import Proportion
from mqa_registry.suite import Against, Expect, Severity, Use
from mqa_registry.types import Predictions, Rows


@pytest.fixture
def judged(engine):
    """The results of a suite of these checks on the letters model."""

    def results(*checks, **suite):
        whole = engine.suite(*checks, **suite)
        return judge(plans.make(whole), engine.run(whole))

    return results


def by(function):
    return Use("letters/by", Slice("by", function))


def expect(**bounds):
    return {"value": Expect(**bounds)}


def test_a_result_says_all_that_was_asked(engine, judged, swap):
    (result,) = judged(engine.check("swapped", swap, expect=expect(max_drop=0.5), tags=("nightly",)))
    assert (result.check, result.backend, result.data) == ("swapped", "one", "words")
    assert (result.measure, result.definition) == ({"use": "letters/accuracy"}, "accuracy/1")
    assert (result.against, result.expect, result.tags) == ({"perturb": False}, {"max_drop": 0.5}, ("nightly",))
    assert set(result.numbers) == {"value", "drop"}
    assert result.numbers["drop"].method == "tango"


def test_a_comparison_leaves_out_the_reference_itself(engine, judged):
    results = judged(engine.check("agreement", on=("one", "two")), backends=("one", "two"))
    assert [(result.backend, result.against) for result in results] == [("two", {"backend": "one"})]


def test_a_comparison_against_the_unperturbed_rows_is_an_invariance_test(engine, judged, shout):
    (result,) = judged(engine.check("agreement", shout, against=Against(unperturbed=True), expect=expect(min=0.9)))
    assert (result.verdict, result.against) == (Verdict.PASS, {"perturb": False})


def test_groups_are_judged_one_by_one_and_small_ones_left_alone(engine, judged):
    result = judged(engine.check(by=by(lambda row: row["text"][0]), expect=expect(min=0.2, min_rows=5)))[0]
    assert result.groups["b"].numbers["value"].rows == 5
    assert set(result.groups) == {"t", "b", "s", "r", "e", "c"}
    few = judged(engine.check(by=by(lambda row: row["text"][0]), expect=expect(min=0.2, min_rows=6)))[0]
    assert few.groups["b"].verdict is Verdict.INCONCLUSIVE
    assert few.groups["b"].note == "5 rows are too few"


def test_where_all_groups_are_small_nothing_is_shown(engine, judged):
    (result,) = judged(engine.check(by=by(lambda row: row["text"][0]), expect=expect(min=0.01)))
    assert (result.verdict, result.note) == (Verdict.INCONCLUSIVE, "too few groups have enough rows to be judged")


def test_a_gap_needs_two_groups(engine, judged):
    (result,) = judged(engine.check(by=by(lambda row: "all"), expect=expect(max_gap=0.9)))
    assert (result.verdict, result.note) == (Verdict.INCONCLUSIVE, "too few groups have enough rows to be judged")


def test_a_gap_names_the_two_groups(engine, judged):
    slices = by(lambda row: "even" if int(row["text"].split()[1]) % 2 else "odd")
    (result,) = judged(engine.check(by=slices, expect=expect(max_gap=0.001, min_rows=10)))
    assert result.numbers["gap"].method == "newcombe"
    assert result.verdict in (Verdict.INCONCLUSIVE, Verdict.FAIL)
    assert "`even`" in result.note
    assert "`odd`" in result.note


def test_a_check_that_cannot_be_judged_costs_no_other(engine, judged):
    every = by(lambda row: [str(n) for n in range(201)])
    many, sound = judged(engine.check(by=every, expect=expect(max_gap=0.1, min_rows=1)), engine.check("sound"))
    assert many.verdict is Verdict.ERROR
    assert many.note.startswith("201 groups are too many to compare every two of them (slice by something with")
    assert sound.verdict is Verdict.PASS


def test_a_slice_that_wants_what_a_later_row_lacks_is_an_error_of_its_check(engine, judged):
    def picky(row):
        if row["text"].startswith("sky"):
            raise DataError("the sky has no group", hint="name one")
        return "other"

    wrong, sound = judged(engine.check(by=by(picky)), engine.check("sound"))
    assert (wrong.verdict, wrong.note) == (
        Verdict.ERROR,
        "the slice `letters/by` reports: the sky has no group (name one)",
    )
    assert sound.verdict is Verdict.PASS


def test_a_slice_that_takes_no_row_is_not_run_and_never_fair(engine, judged):
    (result,) = judged(engine.check(by=by(lambda row: None)))
    assert (result.verdict, result.note) == (Verdict.NOT_RUN, "`letters/by` puts no row into any group")


def test_a_perturbation_that_changes_nothing_has_tested_nothing(engine, judged):
    def still(example, rng):
        return example

    (result,) = judged(engine.check("still", still))
    assert (result.verdict, result.note) == (Verdict.NOT_RUN, "the perturbation changed no row, so nothing was tested")


def test_nan_from_the_reference_is_an_error(engine, judged):
    engine.letters.poison = "stone"
    (result,) = judged(engine.check())
    assert (result.verdict, result.note) == (Verdict.ERROR, "`one` gave NaN or Inf on 5 rows")
    assert result.evidence.missing_predictions == 5


def test_nan_from_the_reference_of_a_drop_is_an_error_and_said_to_be_its(engine, judged):
    def without_stones(example, rng):
        return {"text": example["text"].replace("stone", "sky")}

    engine.letters.poison = "stone"
    (result,) = judged(engine.check("sky", without_stones, expect=expect(max_drop=0.9)))
    assert (result.verdict, result.note) == (Verdict.ERROR, "the reference gave NaN or Inf on 5 rows")


def test_without_any_target_a_metric_has_tested_nothing(engine, judged):
    engine.table = engine.table.set_column(1, "label", [pa.array([None] * 50, pa.string())])
    (result,) = judged(engine.check())
    assert (result.verdict, result.note) == (
        Verdict.NOT_RUN,
        "no row has both a prediction and what it is held against",
    )
    assert result.evidence.missing_targets == 50


def test_missing_targets_are_counted_and_never_guessed(engine, judged):
    labels = engine.table["label"].to_pylist()
    labels[:7] = [None] * 7
    engine.table = engine.table.set_column(1, "label", [pa.array(labels)])
    (result,) = judged(engine.check())
    assert result.numbers["value"].rows == 43
    assert result.evidence.missing_targets == 7


def test_a_crashing_measure_is_its_own_checks_error(engine, judged):
    def explode(predictions, targets):
        raise ZeroDivisionError("boom")

    broken = engine.check(measure=Use("letters/explode", Metric("explode", explode, schemas=("label",))))
    results = judged(engine.check(), broken)
    assert [result.verdict for result in results] != [Verdict.ERROR, Verdict.ERROR]
    assert results[1].verdict is Verdict.ERROR
    assert results[1].note.startswith(
        "the metric `letters/explode` crashed: ZeroDivisionError: boom (test_evaluate.py, line "
    )


def test_a_crashed_backend_is_an_error_and_one_that_cannot_run_is_not_run(engine, judged):
    engine.letters.crash_after = 0
    assert judged(engine.check())[0].verdict is Verdict.ERROR
    engine.letters.most_rows = 0
    assert judged(engine.check())[0].verdict is Verdict.NOT_RUN


def test_a_sweep_has_a_part_for_every_severity(engine, judged, swap):
    uses = [Use("letters/swap", Perturbation("swap", swap, modality="text"), {"severity": level}) for level in (1, 2)]
    steps = tuple(Severity((use,), level) for use, level in zip(uses, (1.0, 2.0), strict=True))
    (result,) = judged(engine.check("sweep", steps=steps, expect=expect(max_drop=0.9)))
    assert [part.severity for part in result.series] == [1.0, 2.0]
    assert result.numbers == {}
    assert result.series[0].numbers["drop"].estimate == result.series[1].numbers["drop"].estimate


@pytest.fixture
def swept(engine, judged):
    """A sweep of replacing so many letters, and what it is held to."""

    def results(*levels, backends=("one",), **check):
        def stars(example, rng, *, severity):
            letters = list(example["text"])
            for position in rng.permutation(len(letters))[: 2 * severity]:
                letters[position] = "*"
            return None if example["text"].endswith("7") and severity > 2 else {"text": "".join(letters)}

        made = Perturbation("stars", stars, modality="text")
        uses = [Use("letters/stars", made, {"severity": level}, {"severity": level}) for level in levels]
        steps = tuple(Severity((use,), float(level)) for use, level in zip(uses, levels, strict=True))
        return judged(engine.check("sweep", steps=steps, on=backends, **check), backends=backends)

    return results


def test_a_sweep_says_how_far_it_holds_and_where_it_breaks(swept):
    (result,) = swept(1, 2, 4, 3, 5, expect=expect(max_drop=0.2))
    verdicts = {step.severity: step.verdict for step in result.series}
    sweep = result.evidence.sweep
    assert verdicts[5.0] is Verdict.FAIL
    assert sweep.break_point == min(level for level, verdict in verdicts.items() if verdict is Verdict.FAIL)
    held = [level for level in (1.0, 2.0, 3.0, 4.0, 5.0) if verdicts[level] is not Verdict.PASS]
    assert sweep.passes_through == (held[0] - 1 or None)


def test_the_corruption_error_of_a_sweep_is_compared_with_the_error_of_the_unperturbed_rows(engine, judged, swept):
    labels = engine.table["label"].to_pylist()
    engine.table = engine.table.set_column(1, "label", [pa.array(["many"] * 20 + labels[20:])])
    clean = judged(engine.check())[0].numbers["value"].estimate
    for bounds in ({"min": 0.1}, {"max_drop": 0.3}):  # with the unperturbed rows as a reference, and without
        (result,) = swept(1, 3, expect=expect(**bounds))
        errors = [1 - step.numbers["value"].estimate for step in result.series]
        assert result.evidence.sweep.clean_value == pytest.approx(clean)
        assert result.evidence.sweep.corruption_error == pytest.approx(np.mean(errors), abs=1e-6)
        assert result.evidence.sweep.clean_error_ratio == pytest.approx(np.mean(errors) / (1 - clean), abs=1e-5)


def test_a_sweep_has_its_corruption_error_relative_to_the_reference_backend(engine, swept):
    one, two = swept(1, 3, backends=("one", "two"), expect=expect(min=0.1))
    assert one.evidence.sweep.relative_corruption_error == {}
    assert two.evidence.sweep.relative_corruption_error == {"one": 1.0}


def test_a_severity_says_how_far_its_rows_were_really_perturbed(swept):
    (result,) = swept(1, 3, expect=expect(max_drop=0.9))
    one, three = (step.evidence for step in result.series)
    assert one == StepEvidence(rows=50, changed=50, declined=0, mean_edits=2.0)
    assert three.rows + three.declined == 50
    assert three.declined == 5
    assert 5 < three.mean_edits <= 6


def test_a_sweep_of_a_comparison_starts_from_the_view_itself(engine, swept):
    agreement = engine.check("agreement").measure
    (result,) = swept(1, 5, measure=agreement, against=Against(unperturbed=True), expect=expect(min=0.1))
    sweep = result.evidence.sweep
    assert (sweep.clean_value, sweep.clean_error_ratio) == (1.0, None)
    assert 0 < sweep.corruption_error < 1


def test_a_verdict_depends_on_nothing_but_its_own_check(engine, judged, swap, shout):
    def f1(predictions, targets):
        return Statistic(lambda counts: counts[..., 3] / counts.sum(axis=-1), targets.codes * 2 + predictions.codes, 4)

    mine = engine.check("mine", swap, measure=Use("letters/f1", Metric("f1", f1, schemas=("label",))))
    alone = judged(mine)[0]
    among = judged(engine.check("loud", shout), engine.check(), mine)[2]
    assert among.numbers == alone.numbers


def test_equal_predictions_have_equal_intervals_on_every_backend(engine, judged, swap):
    def f1(predictions, targets):
        return Statistic(lambda counts: counts[..., 3] / counts.sum(axis=-1), targets.codes * 2 + predictions.codes, 4)

    check = engine.check("f1", swap, measure=Use("letters/f1", Metric("f1", f1, schemas=("label",))), on=("one", "two"))
    one, two = judged(check, backends=("one", "two"))
    assert one.numbers["value"].low < one.numbers["value"].high
    assert one.numbers == two.numbers


def test_examples_show_what_speaks_against_the_check(engine, judged, swap):
    (result,) = judged(engine.check("swapped", swap, expect=expect(max_drop=-0.5)))
    assert result.verdict is Verdict.FAIL
    example = result.evidence.examples[0]
    assert example.prediction != example.target == example.reference
    assert example.perturbed != example.fields
    assert json.dumps(asdict(result.evidence))


def test_a_check_that_holds_shows_no_example(engine, judged):
    assert judged(engine.check(expect=expect(min=0.0)))[0].evidence.examples == ()


def test_an_inconclusive_check_names_the_rows_that_would_settle_it(engine, judged):
    share = judged(engine.check())[0].numbers["value"].estimate
    (result,) = judged(engine.check(expect=expect(min=round(share - 0.02, 3))))
    assert result.verdict is Verdict.INCONCLUSIVE
    assert f"{result.evidence.required_rows:,} rows would settle it" in result.note


def score(share):
    """A metric of the letters model: a quantile of the scores that are not 0."""

    def of(predictions, targets):
        scores = predictions.probabilities[:, 1]
        return Quantile(np.where(scores > 0, scores, np.nan), share)

    return Use("letters/score", Metric("score", of, schemas=("label",)))


def test_a_metric_may_be_a_quantile_of_all_rows_of_groups_and_of_clusters(engine, judged, swap):
    median = score(0.5)
    (whole,) = judged(engine.check(measure=median, expect=expect(min=0.1)))
    assert whole.numbers["value"].method == "order statistics"
    assert whole.numbers["value"].rows < 50
    halves = by(lambda row: "even" if int(row["text"].split()[1]) % 2 else "odd")
    (grouped,) = judged(engine.check(measure=median, by=halves, expect=expect(min=0.1, max_gap=0.9, min_rows=10)))
    assert grouped.verdict is Verdict.PASS
    assert {part.numbers["value"].method for part in grouped.groups.values()} == {"order statistics"}
    assert grouped.numbers["gap"].method == "unpaired mover"
    (dropped,) = judged(engine.check("swapped", swap, measure=median, expect=expect(max_drop=0.9)))
    assert dropped.numbers["drop"].method == "paired bca"
    engine.table = engine.table.append_column("cluster", pa.array([str(position // 5) for position in range(50)]))
    (clustered,) = judged(engine.check(measure=median, expect=expect(min=0.1)))
    assert clustered.numbers["value"].method == "cluster order statistics"
    assert clustered.numbers["value"].estimate == whole.numbers["value"].estimate


def test_an_open_end_is_null_in_the_report_file_whether_corrected_or_not(engine, judged):
    slices = by(lambda row: ["all", "again"])
    (result,) = judged(engine.check(measure=score(0.99), by=slices, expect=expect(max=1.0, min_rows=10)))
    assert result.verdict is Verdict.INCONCLUSIVE
    written = _number_to_json(result.groups["all"].numbers["value"])
    assert (written["high"], written["corrected"][1]) == (None, None)
    assert json.dumps(written, allow_nan=False)


def test_a_row_in_two_groups_counts_in_both(engine, judged):
    (result,) = judged(engine.check(by=by(lambda row: ["all", "some"]), expect=expect(min=0.1)))
    assert result.groups["all"].numbers == result.groups["some"].numbers


def test_numbers_without_an_interval_are_plain(engine, judged):
    largest = Use(
        "letters/largest", Metric("largest", lambda predictions, targets: np.float64(0.25), schemas=("label",))
    )
    (result,) = judged(engine.check(measure=largest, expect=expect(max=0.5)))
    number = result.numbers["value"]
    assert (number.estimate, number.low, number.high, number.method) == (0.25, None, None, "none")
    assert result.verdict is Verdict.PASS


def scored(function, **rest):
    """A metric that gives each row what a function of its text says."""

    def score(predictions, targets):
        return [function(number) for number in range(len(predictions))]

    return Use("letters/scored", Metric("scored", score, schemas=("label",), **rest))


def test_a_drop_has_mcnemars_test(engine, judged, swap):
    (result,) = judged(engine.check("swapped", swap, expect=expect(max_drop=0.5)))
    mcnemar = result.evidence.mcnemar
    assert mcnemar.negative_flips - mcnemar.positive_flips == pytest.approx(50 * result.numbers["drop"].estimate)
    assert 0 <= mcnemar.p_value <= 1
    (risen,) = judged(engine.check("swapped", swap, expect=expect(max_rise=0.5)))
    assert risen.evidence.mcnemar == mcnemar


def test_a_check_chooses_the_interval_of_its_share(engine, judged):
    methods = {
        kind: judged(engine.check(interval=kind))[0].numbers["value"] for kind in ("exact", "wilson", "jeffreys")
    }
    assert {kind: number.method for kind, number in methods.items()} == {kind: kind for kind in methods}
    assert len({number.low for number in methods.values()}) == 3


def test_a_column_of_clusters_makes_every_interval_aware_of_them(engine, judged, swap):
    engine.table = engine.table.append_column("cluster", pa.array([row // 5 for row in range(50)]))
    (result,) = judged(engine.check("swapped", swap, expect=expect(max_drop=0.5)))
    assert {number.method for number in result.numbers.values()} == {"cluster exact", "cluster tango"}
    assert result.evidence.clusters == 10
    assert result.evidence.mcnemar is None


def test_one_cluster_alone_settles_nothing(engine, judged):
    engine.table = engine.table.append_column("cluster", pa.array(["all"] * 50))
    (result,) = judged(engine.check(expect=expect(min=0.01)))
    assert result.verdict is Verdict.INCONCLUSIVE
    assert result.note == "value rests on one cluster, which shows nothing of how others would differ"


def test_a_rate_that_is_undefined_in_a_group_settles_nothing_and_is_not_left_out(engine, judged):
    measure = scored(lambda row: 1.0 if row < 40 else np.nan)
    slices = by(lambda row: "early" if int(row["text"].split()[1]) < 40 else "late")
    (result,) = judged(engine.check(measure=measure, by=slices, expect=expect(min=0.1, min_rows=5)))
    assert result.verdict is Verdict.INCONCLUSIVE
    assert result.note == "value in `late` is undefined, since no row counts"
    assert result.groups["late"].numbers["value"].estimate is None
    assert result.groups["early"].verdict is Verdict.PASS
    (gap,) = judged(engine.check(measure=measure, by=slices, expect=expect(max_gap=1.0, min_rows=5)))
    assert gap.verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("score", "reason"),
    [
        (lambda row: np.inf if row == 3 else 0.5, "value is undefined: 1 of 50 rows scores infinity"),
        (lambda row: 0.25, "value is the same in every row, which shows nothing of how others would differ"),
        (lambda row: np.nan, "value is undefined, since no row counts"),
        (lambda row: np.nan if row else 0.5, "value rests on one row, which shows nothing of how others would differ"),
    ],
)
def test_scores_that_say_nothing_settle_nothing(engine, judged, score, reason):
    (result,) = judged(engine.check(measure=scored(score), expect=expect(min=0.01)))
    assert (result.verdict, result.note) == (Verdict.INCONCLUSIVE, reason)


def test_the_correction_is_for_groups_and_severities_and_bounds_together(engine, judged, swap):
    uses = [Use("letters/swap", Perturbation("swap", swap, modality="text"), {"severity": level}) for level in (1, 2)]
    steps = tuple(Severity((use,), level) for use, level in zip(uses, (1.0, 2.0), strict=True))
    slices = by(lambda row: "even" if int(row["text"].split()[1]) % 2 else "odd")
    bounds = expect(min=0.01, max_drop=0.99, min_rows=5)
    (result,) = judged(engine.check("sweep", steps=steps, by=slices, expect=bounds))
    number = result.series[0].groups["even"].numbers["value"]
    right = round(number.estimate * number.rows)
    # Two severities, two groups and two bounds are eight claims.
    assert number.corrected == pytest.approx(Proportion(right, number.rows).interval(1 - 0.05 / 8))
    assert number.corrected[0] < number.low


def test_every_bound_keeps_its_own_verdict_and_the_worst_of_them_is_the_checks(judged, engine, swap):
    bounds = expect(min=0.2, max_drop=0.0001)
    (result,) = judged(engine.check("swapped", swap, expect=bounds))
    own = {name: number.verdict for name, number in result.numbers.items()}
    assert own == {"value": Verdict.PASS, "drop": result.verdict}
    assert result.verdict is not Verdict.PASS
    (lone,) = judged(engine.check("swapped", swap, expect=expect(max_drop=0.5)))
    assert {name: number.verdict for name, number in lone.numbers.items()} == {"value": None, "drop": lone.verdict}


def test_a_bound_on_every_group_comes_to_what_it_comes_to_in_all_of_them(judged, engine):
    slices = by(lambda row: "even" if int(row["text"].split()[1]) % 2 else "odd")
    bounds = {"min": 0.9999, "max_gap": 0.9, "min_rows": 10}
    (result,) = judged(engine.check(by=slices, expect=expect(**bounds)))
    assert result.verdict is not Verdict.PASS
    assert (result.numbers["value"].verdict, result.numbers["gap"].verdict) == (result.verdict, Verdict.PASS)
    (other,) = judged(engine.check(by=slices, expect=expect(**bounds | {"min": 0.01, "max_gap": 0.0001})))
    assert (other.numbers["value"].verdict, other.numbers["gap"].verdict) == (Verdict.PASS, other.verdict)


def test_the_widest_gap_is_shown_with_its_corrected_interval(engine, judged):
    slices = by(lambda row: str(int(row["text"].split()[1]) % 3))
    (result,) = judged(engine.check(by=slices, expect=expect(max_gap=0.9, min_rows=5)))
    gap = result.numbers["gap"]
    assert gap.corrected[0] < gap.low < gap.high < gap.corrected[1]


def answered(name, **groups):
    """A data set with (rows, right answers) in each group, and what one backend answers."""
    kinds = np.array([group for group, (rows, _) in groups.items() for _ in range(rows)])
    right = np.concatenate([np.arange(rows) < good for rows, good in groups.values()])
    order = np.random.default_rng(len(kinds)).permutation(len(kinds))
    ids = pa.chunked_array([pa.array([f"{name}-{row}" for row in order])])
    label_column = pa.array(np.where(right, "many", "few")[order])
    columns = {"id": ids, "target": pa.array(["many"] * len(kinds)), "group": pa.array(kinds[order])}
    predictions = Predictions("label", pa.table({"id": ids, "label": label_column}), ("few", "many"))
    data = Rows(pa.table(columns), ())
    return data, {plans.View("one", plans.RowSet(name)): ObservedView(PerturbedRows(data), predictions)}


def test_a_group_is_held_against_the_same_group_of_a_reference_with_other_rows(engine):
    new, seen = answered("words", a=(200, 160), b=(100, 50), new=(40, 40))
    old, seen_before = answered("old", b=(300, 150), a=(400, 360), old=(40, 0))
    check = engine.check(by=by(lambda row: row["group"]), against=Against(data="old"), expect=expect(max_drop=0.3))
    (result,) = judge(plans.make(engine.suite(check)), Observations({"words": new, "old": old}, seen | seen_before))
    drops = {name: group.numbers["drop"] for name, group in result.groups.items()}
    assert {name: drop.estimate for name, drop in drops.items()} == {
        "a": pytest.approx(0.1), "b": pytest.approx(0.0), "new": None,
    }  # fmt: skip
    assert (drops["a"].rows, drops["a"].method) == (600, "newcombe")
    assert drops["a"].low < 0.1 < drops["a"].high
    assert result.evidence.unpaired
    assert (result.verdict, result.note) == (
        Verdict.INCONCLUSIVE,
        "drop in `new` is undefined, since no row counts",
    )


def test_a_ratio_is_the_lowest_of_every_two_groups_and_each_of_them_is_judged(engine):
    rows, seen = answered("words", a=(400, 320), b=(400, 200), c=(400, 240))
    loose, tight = (
        judge(
            plans.make(engine.suite(engine.check(by=by(lambda row: row["group"]), expect=expect(min_ratio=bound)))),
            Observations({"words": rows}, seen),
        )[0]
        for bound in (0.25, 0.9)
    )
    assert loose.numbers["ratio"].estimate == pytest.approx((200 / 400) / (320 / 400))
    assert (loose.verdict, loose.numbers["ratio"].verdict) == (Verdict.PASS, Verdict.PASS)
    assert tight.verdict is Verdict.FAIL
    assert tight.note.startswith("`c` by `a` is 0.750 [")  # the first of those that fail, from the highest rate down
    assert tight.note.endswith("], below 0.9")


def test_small_groups_do_not_count_among_those_that_are_too_many_to_compare(engine, judged, monkeypatch):
    monkeypatch.setattr("mqa_registry.judging.claims.MAX_GROUPS", 3)
    slices = by(lambda row: "first" if row["text"].endswith(" 0") else str(int(row["text"].split()[1]) % 3))
    (result,) = judged(engine.check(by=slices, expect=expect(max_gap=1.0, min_rows=5)))
    assert (len(result.groups), result.verdict) == (4, Verdict.PASS)


def many(rows, groups):
    """A plan of one check on so many rows in so many groups, and what was observed."""
    rng = np.random.default_rng(0)
    codes = rng.integers(2, size=rows)
    names = pa.array(["few", "many"])
    ids = pa.chunked_array([pa.array(np.arange(rows)).cast(pa.string())])
    columns = {"id": ids, "target": names.take(pa.array(codes)), "group": pa.array(np.arange(rows) % groups)}
    data = Rows(pa.table(columns), ())
    label_column = names.take(pa.array(np.where(rng.random(rows) < 0.9, codes, 1 - codes)))
    predictions = Predictions("label", pa.table({"id": ids, "label": label_column}), ("few", "many"))
    view = plans.View("one", plans.RowSet("words"))
    return Observations({"words": data}, {view: ObservedView(PerturbedRows(data), predictions)})


def test_ten_thousand_groups_are_judged_at_once(engine):
    check = engine.check(by=by(lambda row: str(row["group"])), expect=expect(min=0.1, min_rows=5))
    observations = many(100_000, 10_000)
    start = time.process_time()
    (result,) = judge(plans.make(engine.suite(check)), observations)
    assert time.process_time() - start < 10  # 2 s on a machine with nothing else to do
    assert len(result.groups) == 10_000
    gap = engine.check(by=by(lambda row: str(row["group"])), expect=expect(max_gap=0.1, min_rows=5))
    plan = plans.make(engine.suite(gap))
    (result,) = judge(plan, observations)
    assert result.verdict is Verdict.ERROR
    assert result.note.startswith("10,000 groups are too many to compare")
