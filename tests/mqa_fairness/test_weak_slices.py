"""Weak slices: one that is there is found and confirmed, and nothing is where there is nothing."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import fisher_exact
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import confint_proportions_2indep

from mqa_fairness.weak_slice_accuracy import confirm_slices, newcombe_interval
from mqa_fairness.weak_slices import WeakSliceOptions, WeakSlices
from mqa_registry import DataError, NotRunError, Predictions, ProbeContext, ViewContext
from mqa_registry.options import contribution_options, validate
from mqa_registry.types import Rows

PROBE = WeakSlices()
WORDS = np.array(["red", "blue", "slow", "fast", "tea", "sun", "rain", "map", "sea", "hill", "road", "song"])


def view_of(table, correct):
    """A model that predicts `yes` where it is correct; every target is `yes`."""
    predictions = pa.array([None if one is None else ("yes" if one else "no") for one in correct], pa.string())
    sure = pa.array([None if one is None else [0.2, 0.8] for one in correct], pa.list_(pa.float64()))
    predicted = pa.table({"id": table.column("id"), "label": predictions, "probability": sure})
    return ViewContext("one", Rows(table, ("text",)), Predictions("label", predicted, ("no", "yes")))


def rows_of(count, rng, **columns):
    texts = [" ".join(rng.choice(WORDS, rng.integers(2, 9))) + f" {row}" for row in range(count)]
    given = {"id": [str(row) for row in range(count)], "text": texts, "target": ["yes"] * count}
    return pa.table(given | columns)


def search_view(table, correct, seed=7, **options):
    return observe(ProbeContext(view_of(table, correct), np.random.default_rng(seed)), **options)


def observe(context, **options):
    return PROBE.observe(context, WeakSliceOptions(**options))


def planted(rng, count=1200, inside=0.4, outside=0.9, cities=("rome", "oslo", "lima", "kyiv")):
    """Rows of which those of one city are predicted worse."""
    city = rng.choice(list(cities), count).tolist()
    table = rows_of(count, rng, city=city, age=rng.integers(18, 90, count).tolist())
    weak = [name == "oslo" for name in city]
    return table, [rng.random() < (inside if one else outside) for one in weak]


def test_rows_without_fields_are_no_duplicates_and_are_sliced_by_their_columns():
    table, correct = planted(np.random.default_rng(1))
    view = view_of(table.drop_columns(["text"]), correct)
    observations = observe(
        ProbeContext(ViewContext("one", Rows(view.rows.table, ()), view.predictions), np.random.default_rng(7))
    )
    evidence = PROBE.evidence(observations)
    assert next(each for each in evidence.details["slices"] if each["slice"] == "`city` is oslo")["confirmed"]
    assert PROBE.numbers(observations)["accuracy"].size == len(correct)


def test_rows_with_nothing_to_slice_by_are_not_run_and_it_is_said_what_to_bring():
    table, correct = planted(np.random.default_rng(1))
    view = view_of(table.select(["id", "target"]), correct)
    with pytest.raises(NotRunError, match="nothing to make slices of") as raised:
        observe(ProbeContext(ViewContext("one", Rows(view.rows.table, ()), view.predictions), np.random.default_rng(7)))
    assert "bring columns" in raised.value.hint


def test_a_planted_slice_is_confirmed_with_its_support_scores_interval_and_p():
    table, correct = planted(np.random.default_rng(1))
    observations = search_view(table, correct)
    numbers, evidence = PROBE.numbers(observations), PROBE.evidence(observations)
    assert numbers["weak_slices"] >= 1
    assert numbers["value"] == pytest.approx(0.5, abs=0.15)
    assert numbers["accuracy"].mean() == pytest.approx(np.mean(correct))
    worst = next(each for each in evidence.details["slices"] if each["slice"] == "`city` is oslo")
    assert worst["confirmed"]
    assert worst["low"] <= worst["gap"] <= worst["high"]
    assert worst["gap"] == pytest.approx(worst["accuracy_elsewhere"] - worst["accuracy"])
    assert worst["adjusted_p_value"] <= 0.05
    assert any("where `city` is oslo" in remark for remark in evidence.remarks)


def test_its_examples_are_rows_of_it_that_are_predicted_wrong_and_are_held_out():
    table, correct = planted(np.random.default_rng(1))
    observations = search_view(table, correct)
    held = {row["id"] for row in observations.to_pylist() if row["split"] == "held-out"}
    examples = PROBE.evidence(observations).examples
    assert examples
    for example in examples:
        assert example.id in held
        assert not correct[int(example.id)]
        assert example.fields == {"text": table.column("text")[int(example.id)].as_py()}
        assert (example.prediction, example.target, example.probability) == ("no", "yes", 0.8)


def test_a_slice_of_words_and_one_of_two_things_together_are_found():
    rng = np.random.default_rng(3)
    table = rows_of(3000, rng, city=rng.choice(["rome", "oslo"], 3000).tolist())
    texts, cities = table.column("text").to_pylist(), table.column("city").to_pylist()
    weak = ["tea" in text and city == "oslo" for text, city in zip(texts, cities, strict=True)]
    observations = search_view(table, [rng.random() < (0.4 if one else 0.95) for one in weak])
    names = [each["slice"] for each in PROBE.evidence(observations).details["slices"] if each["confirmed"]]
    assert "`city` is oslo and `text` has “tea”" in names


def test_a_slice_of_a_number_and_one_of_length_are_found():
    rng = np.random.default_rng(4)
    table = rows_of(2000, rng, age=rng.integers(18, 90, 2000).tolist())
    ages = np.array(table.column("age").to_pylist())
    lengths = np.array([len(text.split()) for text in table.column("text").to_pylist()])
    old = PROBE.evidence(search_view(table, (rng.random(2000) < np.where(ages > 72, 0.5, 0.9)).tolist()))
    long = PROBE.evidence(search_view(table, (rng.random(2000) < np.where(lengths > 8, 0.5, 0.9)).tolist()))
    assert any("`age` is 7" in each["slice"] for each in old.details["slices"] if each["confirmed"])
    assert any("`text` has 9 words" in each["slice"] for each in long.details["slices"] if each["confirmed"])


def test_on_noise_nothing_is_confirmed_in_more_than_one_seed_of_twenty():
    rng = np.random.default_rng(5)
    table = rows_of(400, rng, city=rng.choice(["rome", "oslo", "lima"], 400).tolist())
    seeds, wrong, weak = 120, 0, 0
    for seed in range(seeds):
        observations = search_view(table, (rng.random(400) < 0.7).tolist(), seed, min_rows=15)
        found = PROBE.evidence(observations).details["slices"]
        weak += len(found) > 0
        wrong += PROBE.numbers(observations)["weak_slices"] > 0
    assert weak > seeds / 2, "the search found something to try, so that the test could have failed"
    assert wrong <= 0.05 * seeds + 2 * np.sqrt(0.05 * 0.95 * seeds)


def test_what_was_tried_and_what_was_left_out_is_counted():
    rng = np.random.default_rng(6)
    table = rows_of(600, rng, note=[f"note {row}" for row in range(600)], tags=[["a"]] * 600)
    correct = [None if row < 10 else bool(rng.random() < 0.8) for row in range(600)]
    evidence = " | ".join(PROBE.evidence(search_view(table, correct, max_terms=5)).remarks)
    assert "10 rows were ignored: without a prediction" in evidence
    assert "`note` has neither numbers nor few values" in evidence
    assert "`tags` has neither numbers nor few values" in evidence
    assert "7 less frequent words of `text` were not tried" in evidence
    assert "words of `text` are in too few rows" in evidence
    assert "slices were tried" in evidence


@pytest.mark.parametrize(("column", "reason"), [("text", "equal to another row"), ("cluster", "in the same cluster")])
def test_rows_that_are_no_further_evidence_are_ignored(column, reason):
    rng = np.random.default_rng(7)
    table = rows_of(300, rng, cluster=[str(row) for row in range(300)])
    values = table.column(column).to_pylist()
    values[:50] = values[:1] * 50
    table = table.set_column(table.column_names.index(column), column, pa.array(values))
    observations = search_view(table, (rng.random(300) < 0.7).tolist())
    ignored = observations.column("ignored").drop_null().to_pylist()
    assert sum(reason in one for one in ignored) == len(ignored) == 49
    assert PROBE.numbers(observations)["accuracy"].shape == (251,)


def test_only_the_named_columns_are_tried():
    rng = np.random.default_rng(8)
    table, correct = planted(rng)
    assert PROBE.numbers(search_view(table, correct, columns=["age"], max_terms=0))["weak_slices"] == 0
    assert PROBE.numbers(search_view(table, correct, exclude_columns=["city"], max_terms=0))["weak_slices"] == 0
    assert PROBE.numbers(search_view(table, correct, exclude_columns=["age"], max_terms=0))["weak_slices"] >= 1


def test_rows_without_a_value_are_a_slice_of_their_own_whatever_stands_for_it():
    rng = np.random.default_rng(14)
    table = rows_of(400, rng, city=[("", None, "rome")[row % 3] for row in range(400)])
    table = table.append_column("rate", pa.array([(float("nan"), 1.0)[row % 2] for row in range(400)]))
    weak = [row % 3 != 2 for row in range(400)]
    observations = search_view(table, [rng.random() < (0.5 if one else 0.95) for one in weak], max_terms=0)
    confirmed = [each["slice"] for each in PROBE.evidence(observations).details["slices"] if each["confirmed"]]
    assert "(no city)" in confirmed
    rate = search_view(table, [rng.random() < (0.95 if row % 2 else 0.5) for row in range(400)], max_terms=0)
    assert "(no rate)" in [each["slice"] for each in PROBE.evidence(rate).details["slices"] if each["confirmed"]]


def test_a_copy_of_the_targets_is_tried_only_where_it_is_named():
    rng = np.random.default_rng(13)
    table = rows_of(400, rng)
    kinds = rng.choice(["no", "yes"], 400).tolist()
    table = table.set_column(2, "target", pa.array(kinds)).append_column("label", pa.array(kinds))
    correct = [rng.random() < (0.9 if kind == "yes" else 0.4) for kind in kinds]
    predictions = [kind if hit else {"no": "yes", "yes": "no"}[kind] for kind, hit in zip(kinds, correct, strict=True)]
    predicted = Predictions("label", pa.table({"id": table.column("id"), "label": predictions}), ("no", "yes"))
    context = ProbeContext(ViewContext("one", Rows(table, ("text",)), predicted), np.random.default_rng(7))
    observations = observe(context, max_terms=0)
    assert PROBE.numbers(observations)["weak_slices"] == 0
    assert "the column `label` has the values of the targets, and was not tried" in PROBE.evidence(observations).remarks
    assert PROBE.numbers(observe(context, max_terms=0, columns=["label"]))["weak_slices"] == 1


def test_left_out_options_are_thirty_rows_five_hundred_words_and_a_confidence_of_95_percent():
    assert WeakSliceOptions() == WeakSliceOptions(min_rows=30, max_terms=500, confidence=0.95)


@pytest.mark.parametrize(
    ("option", "allowed", "refused"), [("min_rows", 5, 4), ("max_terms", 0, -1), ("confidence", 0.51, 0.5)]
)
def test_options_are_held_to_their_bounds(option, allowed, refused):
    options = contribution_options(PROBE)
    assert not validate(options, {option: allowed}, owner="it").faults
    assert validate(options, {option: refused}, owner="it").faults


def test_no_column_but_that_of_texts_holds_texts():
    table, correct = planted(np.random.default_rng(1))
    observations = search_view(table, correct)
    others = str(observations.drop_columns(list(PROBE.text_columns)).to_pylist())
    assert not any(text in others for text in table.column("text").to_pylist())


def test_the_same_seed_sees_the_same_and_another_one_halves_otherwise():
    table, correct = planted(np.random.default_rng(9))
    assert search_view(table, correct).equals(search_view(table, correct))
    assert not search_view(table, correct).equals(search_view(table, correct, seed=8))


@pytest.mark.parametrize("correct", [True, False])
def test_nothing_is_weak_where_every_prediction_is_correct_or_none_is(correct):
    table = rows_of(300, np.random.default_rng(10))
    numbers = PROBE.numbers(search_view(table, [correct] * 300))
    assert (numbers["value"], numbers["weak_slices"]) == (0.0, 0.0)
    assert numbers["candidate_slices"] > 0


def test_what_cannot_be_searched_says_why():
    rng = np.random.default_rng(11)
    table, correct = planted(rng, 300)
    with pytest.raises(DataError, match="no column `ctiy`") as error:
        search_view(table, correct, columns=["ctiy"])
    assert "did you mean `city`?" in error.value.hint
    with pytest.raises(DataError, match="no column `target`"):
        search_view(table.drop_columns("target"), correct)
    with pytest.raises(DataError, match="`maybe`, which the model does not know"):
        search_view(table.set_column(2, "target", pa.array(["maybe"] * 300)), correct)
    with pytest.raises(NotRunError, match="1 row that counts is too few"):
        search_view(table.slice(0, 1), correct[:1])
    with pytest.raises(NotRunError, match="119 rows that count are too few for slices of 30, which take 120"):
        search_view(table.slice(0, 119), correct[:119])
    same = pa.table({"id": [str(n) for n in range(300)], "text": ["the same"] * 300, "target": ["yes"] * 300})
    with pytest.raises(NotRunError, match="299 equal to another row"):
        search_view(same, correct)


@pytest.mark.parametrize("text", ["", " ", "你好世界", "שלום", "😀😀", "\u202eabc\u0000", "<b>[red]x[/red]</b>"])
def test_hostile_texts_are_searched(text):
    rng = np.random.default_rng(12)
    table = rows_of(300, rng)
    texts = [text + f" {row}" if row % 2 else one for row, one in enumerate(table.column("text").to_pylist())]
    observations = search_view(table.set_column(1, "text", pa.array(texts)), (rng.random(300) < 0.7).tolist())
    assert PROBE.numbers(observations)["candidate_slices"] > 0


@settings(deadline=None)  # the first example may load a library
@given(st.lists(st.booleans(), min_size=4, max_size=60), st.data())
def test_the_test_is_fishers(correct, data):
    inside = data.draw(st.lists(st.booleans(), min_size=len(correct), max_size=len(correct)))
    inside[0], inside[1] = True, False
    one, in_it = np.array(correct), np.array(inside)
    (found,) = confirm_slices(["slice"], [in_it], one, 0.95)
    table = [[(one & in_it).sum(), (~one & in_it).sum()], [(one & ~in_it).sum(), (~one & ~in_it).sum()]]
    assert found.p_value == pytest.approx(fisher_exact(table, alternative="less")[1])


def test_every_slice_is_corrected_for_the_number_of_all():
    rng = np.random.default_rng(3)
    correct, slices = rng.random(200) < 0.8, [rng.random(200) < share for share in (0.1, 0.3, 0.5, 0.7)]
    found = confirm_slices(["a", "b", "c", "d"], slices, correct, 0.95)
    assert [one.adjusted_p_value for one in found] == pytest.approx(
        multipletests([one.p_value for one in found], method="holm")[1]
    )


@settings(deadline=None)  # the first example may load a library
@given(st.integers(1, 60), st.integers(1, 60), st.data())
def test_the_interval_is_newcombes(one, two, data):
    hits = data.draw(st.integers(0, one)), data.draw(st.integers(0, two))
    expected = confint_proportions_2indep(
        hits[0], one, hits[1], two, compare="diff", method="newcomb", correction=False
    )
    assert newcombe_interval(hits, (one, two), 0.95) == pytest.approx(expected, abs=1e-9)


def test_no_more_than_five_slices_and_five_rows_are_shown():
    rng = np.random.default_rng(15)
    count = 6000
    columns = {f"c{number}": rng.choice(["bad", "fine"], count, p=[0.1, 0.9]).tolist() for number in range(7)}
    table = rows_of(count, rng, **columns)
    bad = np.sum([np.array(values) == "bad" for values in columns.values()], axis=0)
    observations = search_view(table, (rng.random(count) < 0.95 - 0.3 * np.minimum(bad, 2)).tolist(), max_terms=0)
    evidence = PROBE.evidence(observations)
    confirmed = int(PROBE.numbers(observations)["weak_slices"])
    assert confirmed > 6
    assert sum(" correct where " in remark for remark in evidence.remarks) == 5
    assert f"{confirmed - 5} more slices are confirmed" in evidence.remarks
    assert len(evidence.examples) == 5
    assert len({example.id for example in evidence.examples}) == 5
