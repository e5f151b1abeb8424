"""What a comparison shows beside its number: its own evidence, and answers that are newly right or wrong."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from mqa_registry import plan as plans
from mqa_registry.contributions import Comparison, Evidence, ExampleRow, Perturbation, Slice
from mqa_registry.judging import Verdict, judge
from mqa_registry.judging.evidence import MAX_PICKED_EXAMPLES, mcnemar_test
from mqa_registry.judging.result import McNemarTest, ResultEvidence
from mqa_registry.observations import Observations, ObservedView, PerturbedRows
from mqa_registry.stats.paired_proportions import PairedProportions
from mqa_registry.suite import Against, Expect, Severity, Use
from mqa_registry.types import Predictions, Rows

RIGHT = ["many"] * 20 + ["few"] * 20
BEFORE = ["many"] * 18 + ["few"] * 22  # wrong twice
AFTER = ["many"] * 12 + ["few"] * 6 + ["many"] * 2 + ["few"] * 20  # six newly wrong, two newly right


def agreement(one, other):
    return one.codes == other.codes


def evidence(reference, candidate, *, slack: int = 0):
    """Every flip, the last row first, with the slack if there is some."""
    ids = reference.ids.filter(pa.array(reference.codes != candidate.codes)).to_pylist()[::-1]
    rows = [ExampleRow(name, prediction="no word of mine", details={"position": int(name)}) for name in ids]
    remarks = [f"{len(ids)} flips", *(f"slack {slack}",) * bool(slack)]
    return Evidence(remarks=remarks, examples=rows, details={"flips": len(ids)})


def compare(function=agreement, options=None, **rest):
    comparison = Comparison("agreement", function, schemas=("label",), **rest)
    return Use("letters/agreement", comparison, options or {}, options or {})


@pytest.fixture
def judged(engine):
    """The result of comparing two backends' answers, by hand; further columns are those of the data."""

    def result(measure, *, most=1.0, least=0.99, columns=None, **rest):
        count = len(RIGHT)
        ids = pa.chunked_array([pa.array([str(number) for number in range(count)])])
        texts = pa.array([f"text {number}" for number in range(count)])
        columns_too = {"target": RIGHT} if columns is None else columns
        rows = Rows(pa.table({"id": ids, "text": texts, **columns_too}), ("text",))
        views = {
            plans.View(name, plans.RowSet("words")): ObservedView(
                PerturbedRows(rows), Predictions("label", pa.table({"id": ids, "label": answers}), ("few", "many"))
            )
            for name, answers in (("one", BEFORE), ("two", AFTER))
        }
        expect = {"value": Expect(min=least, max=most, min_rows=5)}
        check = engine.check("compared", measure=measure, expect=expect, on=("two",), **rest)
        plan = plans.make(engine.suite(check, backends=("one", "two")))
        (found,) = judge(plan, Observations({"words": rows}, views))
        return found

    return result


def test_a_failed_check_shows_the_rows_that_the_comparison_picked_in_its_order(judged):
    result = judged(compare(evidence=evidence))
    assert result.verdict is Verdict.FAIL
    examples = result.evidence.examples
    assert [row.id for row in examples] == ["19", "18", "17", "16", "15", "14", "13", "12"]
    fields = {"text": "text 19"}
    assert examples[0] == ExampleRow("19", fields, prediction="many", reference="few", details={"position": 19})
    assert result.evidence.details["flips"] == 8
    assert result.evidence.remarks == ("8 flips",)
    assert json.dumps(asdict(result.evidence))


def test_a_check_that_holds_keeps_the_counts_and_shows_no_row(judged):
    result = judged(compare(evidence=evidence, is_correct=agreement), least=0.0)
    assert result.verdict is Verdict.PASS
    assert result.evidence.details["flips"] == 8
    assert result.evidence.mcnemar.negative_flips == 6
    assert result.evidence.examples == ()


def test_no_more_rows_are_kept_than_a_person_reads(judged):
    def every(reference, candidate):
        return Evidence(examples=[ExampleRow(name) for name in reference.ids.to_pylist()])

    assert len(judged(compare(evidence=every)).evidence.examples) == MAX_PICKED_EXAMPLES < len(RIGHT)


def test_evidence_is_asked_with_those_options_of_the_measure_that_it_takes(judged):
    def loosely(reference, candidate, *, slack: int, other: str = ""):
        return agreement(reference, candidate)

    result = judged(compare(loosely, {"slack": 3, "other": "none of its own"}, evidence=evidence))
    assert result.evidence.remarks == ("8 flips", "slack 3")


def test_rows_newly_wrong_and_newly_right_are_counted_and_tested(judged):
    result = judged(compare(evidence=evidence, is_correct=agreement))
    p = binomtest(2, 8).pvalue
    assert result.evidence.mcnemar == McNemarTest(6, 2, pytest.approx(p))
    assert result.evidence.remarks == (f"8 flips; 6 newly wrong, 2 newly right, McNemar p = {p:.2g}",)
    assert {row.id: row.target for row in result.evidence.examples}["19"] == "many"


def test_flips_are_reported_alone_where_the_comparison_has_no_evidence(judged):
    result = judged(compare(is_correct=agreement))
    assert result.evidence.remarks == ("6 newly wrong, 2 newly right, McNemar p = 0.29",)
    assert {row.id for row in result.evidence.examples} <= {str(row) for row in range(12, 20)}


def test_as_many_newly_right_as_newly_wrong_are_told_all_the_same(judged):
    targets = ["many"] * 16 + ["few"] * 2 + RIGHT[18:]
    result = judged(compare(is_correct=agreement), columns={"target": targets})
    assert result.evidence.remarks == ("4 newly wrong, 4 newly right, McNemar p = 1",)


def test_a_comparison_without_evidence_shows_what_it_always_did(judged):
    result = judged(compare())
    assert result.evidence == ResultEvidence(examples=result.evidence.examples)
    assert {row.id for row in result.evidence.examples} < {str(row) for row in range(12, 20)}


@pytest.mark.parametrize(
    "columns",
    [
        {},
        {"target": ["another"] * 40},
        {"target": [["few"]] * 40},
        {"target": [None] * 40},
        {"target": [0.5] * 40},
    ],
    ids=["none", "unknown labels", "lists", "nulls", "numbers"],
)
def test_a_comparison_needs_no_targets_and_none_that_fit(judged, columns):
    result = judged(compare(evidence=evidence, is_correct=agreement), columns=columns)
    assert result.verdict is Verdict.FAIL
    assert result.numbers["value"].rows == 40
    assert result.evidence.remarks == ("8 flips",)
    assert result.evidence.mcnemar is None


def test_rows_without_a_target_are_no_more_than_not_counted(judged):
    targets = [None if row % 2 else label for row, label in enumerate(RIGHT)]
    result = judged(compare(evidence=evidence, is_correct=agreement), columns={"target": targets})
    assert (result.evidence.mcnemar.negative_flips, result.evidence.mcnemar.positive_flips) == (3, 1)
    assert result.numbers["value"].rows == 40
    assert result.evidence.missing_targets == 0


def test_rows_in_clusters_are_counted_and_not_tested(judged):
    columns = {"target": RIGHT, "cluster": [str(row // 4) for row in range(40)]}
    result = judged(compare(evidence=evidence, is_correct=agreement), columns=columns)
    assert result.evidence.mcnemar == McNemarTest(6, 2)
    assert result.evidence.remarks == ("8 flips; 6 newly wrong, 2 newly right",)


def test_in_groups_the_rows_are_those_of_the_worst_and_the_counts_of_all(judged):
    by = Use("letters/by", Slice("by", lambda row: "early" if int(row["text"].split()[1]) < 13 else "late"))
    result = judged(compare(evidence=evidence, is_correct=agreement), by=by)
    assert result.verdict is Verdict.FAIL
    assert {name: part.numbers["value"].estimate for name, part in result.groups.items()} == {
        "early": pytest.approx(12 / 13), "late": pytest.approx(20 / 27),
    }  # fmt: skip
    assert {int(row.id) for row in result.evidence.examples} == set(range(13, 20))
    assert (result.evidence.details["flips"], result.evidence.mcnemar.negative_flips) == (8, 6)


def crash(*predictions):
    raise ZeroDivisionError("there is nothing to see")


@pytest.mark.parametrize("part", ["evidence", "is_correct"])
def test_a_crash_of_it_is_the_checks_own_verdict(judged, part):
    result = judged(compare(**{part: crash}))
    assert result.verdict is Verdict.ERROR
    assert " crashed: ZeroDivisionError: there is nothing to see (test_evidence.py, line " in result.note
    assert "crash" in result.evidence.traceback


def swapped(engine, target_effect="stays", severities=(None,), against=None):
    """A check of the letters model, under a perturbation, against its unperturbed rows."""

    def swap(example, rng, **options):
        return {"text": example["text"].replace("e", "o")}

    uses = [
        Use(
            "letters/swap",
            Perturbation("swap", swap, modality="text", target_effect=target_effect),
            {"severity": each} if each else {},
        )
        for each in severities
    ]
    steps = tuple(Severity((use,), each) for use, each in zip(uses, severities, strict=True))
    measure = compare(evidence=lambda one, other: Evidence(remarks=["so it is"]), is_correct=agreement)
    rest = {"against": against or Against(unperturbed=True), "expect": {"value": Expect(min=1.0)}}
    return engine.check("swapped", measure=measure, steps=steps, **rest)


@pytest.fixture
def results(engine):
    def run(check, backends=("one",)):
        suite = engine.suite(replace(check, on=backends[-1:]), backends=backends)
        return judge(plans.make(suite), engine.run(suite))

    return run


def test_each_side_is_held_against_its_own_target(engine, results):
    (result,) = results(swapped(engine))
    assert result.evidence.mcnemar.negative_flips > 0
    assert result.evidence.remarks[0].startswith("so it is; ")


def test_a_sweep_says_which_severity_it_speaks_of(engine, results):
    (result,) = results(swapped(engine, severities=(1.0, 2.5)))
    assert result.evidence.remarks[0].startswith("at severity 2.5: so it is; ")


def test_predictions_that_should_change_are_neither_flips_nor_newly_wrong(engine, results):
    (result,) = results(swapped(engine, target_effect="changes"))
    assert (result.evidence.mcnemar, result.evidence.remarks) == (None, ())
    check = swapped(engine, target_effect="changes", against=Against(backend="one"))
    (beside,) = results(check, ("one", "two"))
    assert beside.evidence.remarks == ("so it is",)
    assert beside.evidence.mcnemar is None


@settings(deadline=None)
@given(negative=st.integers(0, 50), positive=st.integers(0, 50))
def test_the_p_of_a_swapped_pair_is_the_same(negative, positive):
    rows = negative + positive + 1
    found = mcnemar_test(PairedProportions(negative, positive, rows))
    assert found == mcnemar_test(PairedProportions(positive, negative, rows), is_swapped=True)
    expected = binomtest(negative, negative + positive).pvalue if negative + positive else 1.0
    np.testing.assert_allclose(found.p_value, expected)
