"""The attack: a success changes the prediction, is minimal, and stays within its limits."""

from __future__ import annotations

import json
from dataclasses import asdict
from itertools import product

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import Levenshtein

from mqa_registry import DataError, MqaError, NotRunError
from mqa_registry import plan as plans
from mqa_registry.judging import judge
from mqa_registry.suite import Expect, Use
from mqa_robustness.adversarial_attack.attack import AttackOptions, attack_rows
from mqa_robustness.adversarial_attack.candidates import apply_edits, count_perturbed_words
from mqa_robustness.adversarial_attack.probes import ADVERSARIAL_RANGES, Adversarial
from mqa_robustness.adversarial_attack.search import SearchLimits

LOADED = ["good", "great", "splendid", "terrible", "awful", "dreadful", "film", "their", "colour", "do not", "it"]
SENTENCES = st.lists(st.sampled_from(LOADED), max_size=12).map(lambda words: " ".join(["their", *words]))
LIMITS = st.builds(SearchLimits, st.sampled_from([5, 30, 200]), st.floats(0.1, 1.0))
QUICK = settings(max_examples=60, deadline=None)


PROBE = Adversarial()


def observe(context, **options):
    return PROBE.observe(context, AttackOptions(**options))


def attacked(context, **options):
    """The observation of every row, by its id."""
    return {row["id"]: row for row in observe(context, **options).to_pylist()}


def test_a_word_that_the_prediction_rests_on_is_found_and_edited(make_context):
    row = attacked(make_context(["we saw a film, and it was splendid, in our town of old"], ["sweet"]))["row 0"]
    before, after = (json.loads(row[name])["text"].split() for name in ("fields", "perturbed_fields"))
    (pair,) = [pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]]
    assert pair[0] == "splendid,"
    assert Levenshtein.distance(*pair) == row["edit_distance"] == 1
    assert (row["outcome"], row["original_label"], row["perturbed_label"], row["perturbed_words"]) == (
        "success",
        "sweet",
        "sour",
        1,
    )


def test_several_words_are_edited_where_one_is_not_enough_and_no_more_than_are_needed(make_context):
    text = "a great and splendid film, good or not, it is what it is and that is it"
    row = attacked(make_context([text], ["sweet"]), max_perturbed_share=1.0)["row 0"]
    assert (row["outcome"], row["perturbed_words"]) == ("success", 3)
    row = attacked(make_context([text], ["sweet"]), max_perturbed_share=0.15)["row 0"]
    assert (row["outcome"], row["perturbed_words"]) == ("failed", None)


def test_the_word_without_which_the_model_is_least_sure_comes_first(make_context, bag_of_words):
    model = bag_of_words(bias=4.5)
    attacked(make_context(["a great film that is splendid"], ["sweet"], model=model), transformations=["delete"])
    weighed = {"great", "film", "that", "splendid"}  # all that have letters enough
    assert {*["a", "great", "film", "that", "is", "splendid"]} - {*model.texts[1].split()} <= weighed
    edited = model.texts[1 + len(weighed) :]
    assert edited
    assert all(text.startswith("a great film that is s") for text in edited)


@QUICK
@given(text=SENTENCES, seed=st.integers(0, 9), limits=LIMITS, bias=st.sampled_from([0.5, -0.5]))
def test_a_success_flips_is_minimal_and_within_its_limits(make_context, bag_of_words, *, text, seed, limits, bias):
    model = bag_of_words(bias=bias)
    context = make_context([text], model=model, seed=seed)
    (result,) = attack_rows(
        context, context.view, AttackOptions(rows=1, query_budget=limits.queries, max_perturbed_share=limits.share)
    )
    found = result.search
    assert found.queries <= limits.queries
    assert found.queries + found.minimizing_queries == len(model.texts)
    before = model.label_of(text)
    if not found.edits:
        return
    assert model.label_of(result.perturbed_example["text"]) == found.perturbed.label != before
    assert count_perturbed_words(found.edits) <= max(1, int(limits.share * len(text.split())))
    for one in found.edits:
        rest = [other for other in found.edits if other != one]
        assert model.label_of(apply_edits(result.row.example, rest)["text"]) == before


@QUICK
@given(SENTENCES, st.integers(0, 9), st.sampled_from(["insert", "keyboard", "homophones"]))
def test_only_the_named_transformations_are_made(make_context, text, seed, kind):
    context = make_context([text], seed=seed)
    for row in attacked(context, transformations=[kind], max_perturbed_share=1.0).values():
        assert set(row["transformations"] or ()) <= {kind}
        if row["outcome"] == "success" and kind == "insert":
            before, after = (json.loads(row[name])["text"] for name in ("fields", "perturbed_fields"))
            assert len(after) == len(before) + row["edit_distance"]


def test_only_the_named_fields_are_perturbed(make_context):
    texts = {"text": ["a splendid film"], "text_pair": ["a splendid night"]}
    row = attacked(make_context(texts, ["sweet"]), fields=["text_pair"], max_perturbed_share=1.0)["row 0"]
    assert row["outcome"] == "failed"
    row = attacked(make_context(texts, ["sweet"]), max_perturbed_share=1.0)["row 0"]
    assert row["outcome"] == "success"
    assert set(json.loads(row["perturbed_fields"])) == {"text", "text_pair"}


def test_the_same_seed_finds_the_same_whatever_other_rows_batches_and_memory_there_are(make_context, bag_of_words):
    texts = [f"{one} {two} film, {three} in all" for one, two, three in product(LOADED[:6], repeat=3)][:60]
    whole = attacked(make_context(texts, seed=3), rows=60)
    assert attacked(make_context(texts, seed=3), rows=60) == whole
    fewer = attacked(make_context(texts, seed=3), rows=7)
    assert fewer == {name: whole[name] for name in fewer}
    for model in (bag_of_words(budget=1), bag_of_words(budget=10_000), bag_of_words(most_rows=3)):
        assert attacked(make_context(texts, model=model, seed=3), rows=60) == whole
    other = attacked(make_context(texts, seed=4), rows=60)
    assert [row["perturbed_fields"] for row in other.values()] != [whole[name]["perturbed_fields"] for name in other]


def test_every_row_has_a_generator_that_does_not_depend_on_other_rows(make_context):
    rows = attacked(make_context(["a splendid film"] * 20), transformations=["insert"])
    assert len({row["perturbed_fields"] for row in rows.values()}) > 10


def test_batches_stay_within_the_runners_budget_and_equal_texts_are_run_once(make_context, bag_of_words):
    model = bag_of_words(budget=200)
    attacked(make_context(["a good film of great renown"] * 5, ["sweet"] * 5, model=model), max_perturbed_share=1.0)
    assert all(rows == 1 or rows * width <= 200 for rows, width in model.batches)
    assert model.batches[0][0] == 1


def test_rows_that_are_predicted_wrong_are_skipped_and_without_targets_none_is_wrong(make_context):
    texts = ["a good film", "an awful film"]
    rows = attacked(make_context(texts, ["sour", "sour"]))
    assert [(row["outcome"], row["queries"]) for row in rows.values() if row["original_label"] == "sweet"] == [
        ("skipped_wrong", 1)
    ]
    table = observe(make_context(texts))
    assert set(table.column("outcome").to_pylist()) <= {"success", "failed"}
    assert "the data have no targets, so that every prediction counts as correct" in PROBE.evidence(table).remarks
    assert len(PROBE.numbers(table)["robust_accuracy"]) == 0


@pytest.mark.parametrize("targets", [[1, 0], [True, False], ["sweet", "sour"]])
def test_targets_are_labels_or_their_positions(make_context, targets):
    rows = attacked(make_context(["a good film", "an awful film"], targets))
    assert [rows[f"row {number}"]["target"] for number in (0, 1)] == ["sweet", "sour"]


def test_numbers_are_of_the_rows_that_were_attacked(make_context):
    texts = ["a good film", "a splendid, splendid film", "a great film", "an awful film", "", None]
    table = observe(
        make_context(texts, ["sweet", "sweet", "sour", "sour", "sweet", "sweet"]), transformations=["insert"]
    )
    found = PROBE.numbers(table)
    assert set(found) == set(ADVERSARIAL_RANGES)
    assert sorted(found["value"].tolist()) == [False, False, True]
    assert sorted(found["robust_accuracy"].tolist()) == [False, False, True, True]
    queries = {row["id"]: row["queries"] for row in table.to_pylist()}
    assert _mean(found["queries"]) == pytest.approx(np.mean([queries[f"row {number}"] for number in (0, 1, 3)]))
    assert _mean(found["edit_distance"]) == _mean(found["perturbed_words"]) == 1


def _mean(statistic):
    counts = np.bincount(statistic.bins[statistic.bins >= 0], minlength=statistic.n_bins)
    return statistic.compute(counts.astype(float))


def test_no_success_means_no_size_and_not_a_size_of_zero(make_context):
    found = PROBE.numbers(observe(make_context(["an awful film"]), transformations=["insert"]))
    assert found["edit_distance"].undefined == "no attack succeeded"
    assert np.isnan(found["edit_distance"].compute(np.zeros(found["edit_distance"].n_bins)))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "there is no text"),
        (None, "there is no text"),
        (" \n\u2028", "there is no text"),
        ("good " * 2001, "there are more than 10,000 characters"),
        ("12:30, 4/5 !!!", "the edits fit no word"),
        ("\u8fd9" * 41, "the edits fit no word"),
        ("\U0001f600\U0001f44d", "the edits fit no word"),
    ],
)
def test_a_text_that_cannot_be_edited_is_declined_and_counted(make_context, text, reason):
    table = observe(make_context(["a good film", text], ["sweet", "sour"]))
    assert {row["id"]: row["reason"] for row in table.to_pylist()} == {"row 0": "", "row 1": reason}
    assert f"declined, as {reason}: 1 of 2 rows" in PROBE.evidence(table).remarks
    assert len(PROBE.numbers(table)["value"]) == 1


@pytest.mark.parametrize(
    "text",
    [
        "\u0445\u043e\u0440\u043e\u0448\u0438\u0439 \u0444\u0438\u043b\u044c\u043c",  # Russian
        "\u05e1\u05e8\u05d8\u05d9\u05dd \u05e0\u05d4\u05d3\u05e8\u05d9\u05dd",  # Hebrew
        "\u3042\u3044\u3046\u3048\u304a\u3002",  # Japanese
    ],
)
def test_other_scripts_are_attacked_in_their_own_letters(make_context, bag_of_words, text):
    model = bag_of_words()
    (row,) = attacked(make_context([text], model=model), transformations=["insert", "replace"]).values()
    assert row["outcome"] == "failed"
    assert len(set(model.texts)) > 4
    assert set("".join(model.texts)) <= set(text)


def test_where_no_row_can_be_attacked_nothing_was_tested(make_context):
    with pytest.raises(NotRunError, match="of 3, 1 are predicted wrong as they are, 2 cannot be edited"):
        observe(make_context(["a good film", "", "1"], ["sour"] * 3))
    with pytest.raises(NotRunError, match="there are no rows to attack"):
        observe(make_context([]))


def test_a_row_without_a_prediction_is_skipped_and_counted(make_context, bag_of_words):
    table = observe(make_context(["a good film", "a broken film"], ["sweet"] * 2, model=bag_of_words(broken="broken")))
    assert [row["outcome"] for row in table.to_pylist() if row["original_label"] is None] == ["skipped_no_prediction"]
    assert "skipped, as the row itself has no prediction (NaN or Inf): 1 of 2 rows" in PROBE.evidence(table).remarks


def test_an_edit_that_leaves_the_model_without_a_prediction_is_a_success_and_counted(make_context, bag_of_words):
    model = bag_of_words(bias=-0.5, broken="\u0435")  # the Cyrillic look-alike of e
    table = observe(
        make_context(["we like these trees"], ["sweet"], model=model), transformations=["homoglyphs"], max_candidates=9
    )
    (row,) = table.to_pylist()
    assert (row["outcome"], row["perturbed_label"], row["perturbed_probability"]) == ("success", None, None)
    (remark,) = [one for one in PROBE.evidence(table).remarks if "a prediction (NaN" in one]
    assert (
        remark
        == f"queries without a prediction (NaN or Inf): {row['queries_without_prediction']}; attacks that succeeded so: 1"
    )


def test_an_error_within_a_query_names_the_row(make_context, bag_of_words):
    with pytest.raises(MqaError, match="backend `onnx` fails on row `row 1` or an edit of it: RuntimeError: there is"):
        observe(make_context(["a good film", "a deadly film"], model=bag_of_words(deadly="deadly")))


def test_a_model_without_probabilities_is_attacked_by_its_labels(make_context, bag_of_words):
    (row,) = attacked(make_context(["a splendid film"], ["sweet"], model=bag_of_words(probabilities=False))).values()
    assert (row["outcome"], row["original_probability"], row["perturbed_probability"]) == ("success", None, None)


@pytest.mark.parametrize(
    ("changes", "options", "error", "message"),
    [
        ({"schema": "spans"}, {}, NotRunError, "an attack needs a model that gives a row one label, and `sweetness`"),
        ({"modality": "image"}, {}, NotRunError, "the rows of `sweetness` have no text to edit"),
        ({}, {"fields": ["title"]}, DataError, "the rows have no text `title`"),
        ({"targets": ["bitter"]}, {}, DataError, "row 1 has the label `bitter`, which the model does not know"),
        ({"targets": [2]}, {}, DataError, "row 1 has the label `2`, and the model has 2 classes"),
    ],
)
def test_what_cannot_be_attacked_is_refused(make_context, changes, options, error, message):
    with pytest.raises(error, match=message):
        observe(make_context(["a good film"], **changes), **options)


def test_evidence_shows_the_smallest_edits_first_and_no_texts_where_none_were_kept(make_context):
    texts = ["a great and splendid film", "a splendid film", "an awful film"]
    table = observe(make_context(texts, ["sweet", "sweet", "sour"]), max_perturbed_share=1.0)
    evidence = PROBE.evidence(table)
    assert json.dumps([asdict(example) for example in evidence.examples])
    assert [example.id for example in evidence.examples] == ["row 1", "row 0"]
    assert evidence.remarks[0].startswith("the attack succeeded on 2 of 3 rows, by 1.5 words, 1.5 characters and ")
    example = evidence.examples[0]
    assert example.fields == {"text": "a splendid film"}
    assert (example.reference["label"], example.prediction["label"], example.target) == ("sweet", "sour", "sweet")
    bare = table.drop_columns(["fields", "perturbed_fields"])
    for name in ("fields", "perturbed_fields"):
        bare = bare.append_column(name, pa.nulls(3, pa.string()))
    example = PROBE.evidence(bare).examples[0]
    assert (example.fields, example.perturbed) == ({}, {})


def test_a_whole_run_judges_and_reports_it(engine):
    options = {"rows": 20, "max_perturbed_share": 0.5}
    use = Use("robustness/adversarial", PROBE, options, options)
    engine.table = engine.table.rename_columns(["text", "target"])
    suite = engine.suite(engine.check("attacked", measure=use, expect={"value": Expect(max=1.0)}))
    (result,) = judge(plans.make(suite), engine.run(suite))
    assert set(result.numbers) == set(ADVERSARIAL_RANGES)
    assert result.numbers["value"].method == "exact"
    assert result.evidence.remarks
    assert json.dumps(asdict(result.evidence), allow_nan=False)


@pytest.mark.parametrize(("characters", "is_declined"), [(10_000, False), (10_001, True)])
def test_texts_of_up_to_ten_thousand_characters_are_attacked(make_context, characters, is_declined):
    texts = {"text": ["awful film".ljust(characters - 4, "x")], "text_pair": ["good"]}
    context = make_context({name: [*own, "fine film"] for name, own in texts.items()})
    outcome = attacked(context, transformations=["insert"], query_budget=4)["row 0"]["outcome"]
    assert (outcome == "declined") == is_declined


def test_no_more_than_five_examples_are_shown(make_context):
    table = observe(make_context([f"a splendid film {number}" for number in range(8)], ["sweet"] * 8))
    assert np.sum(PROBE.numbers(table)["value"]) == 8
    assert len(PROBE.evidence(table).examples) == 5


def test_no_attack_that_succeeded_says_so_with_its_queries(make_context):
    table = observe(make_context(["an awful film"]), transformations=["insert"])
    (queries,) = table.column("queries").to_pylist()
    assert PROBE.evidence(table).remarks[0] == f"the attack succeeded on none of 1 row, in {queries} queries on average"
