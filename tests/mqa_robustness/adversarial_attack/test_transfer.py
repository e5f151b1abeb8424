"""Transfer: adversarial edits of the reference, replayed on another model."""

from __future__ import annotations

import json
from dataclasses import asdict, fields

import pytest

from mqa_registry import NotRunError
from mqa_registry import plan as plans
from mqa_registry.judging import judge
from mqa_registry.suite import Expect, Use
from mqa_robustness.adversarial_attack.attack import AttackOptions
from mqa_robustness.adversarial_attack.probes import REPLAY_SCHEMA, TRANSFER_RANGES, ReplayRecord, Transfer
from mqa_robustness.adversarial_attack.results import SCHEMA, AttackRecord

TEXTS = ["a splendid film", "a great film", "a terrible film", "an awful film indeed"]


PROBE = Transfer()


def replayed(context, **options):
    table = PROBE.observe(context, AttackOptions(**options))
    return table, PROBE.numbers(table), PROBE.evidence(table)


@pytest.mark.parametrize(("record", "schema"), [(AttackRecord, SCHEMA), (ReplayRecord, REPLAY_SCHEMA)])
def test_a_record_has_a_field_for_every_column_of_its_schema(record, schema):
    assert {field.name for field in fields(record)} == set(schema.names)


def test_what_succeeds_on_a_model_succeeds_on_the_same_model(make_context, bag_of_words):
    _, numbers, evidence = replayed(make_context(TEXTS, reference=bag_of_words()))
    assert numbers["value"].tolist() == numbers["same_prediction"].tolist() == [True, True]
    assert evidence.remarks[0] == "of 2 edits that succeeded on the reference, 2 succeeded here"
    example = evidence.examples[0]
    assert all((example.id, example.fields, example.perturbed, example.reference, example.prediction))
    assert json.dumps(asdict(example))


def test_edits_of_a_model_that_misspellings_fool_fail_on_one_that_they_do_not(make_context, bag_of_words):
    context = make_context(TEXTS, model=bag_of_words(forgiving=True), reference=bag_of_words())
    _, numbers, evidence = replayed(context, transformations=["insert", "delete"])
    assert numbers["value"].tolist() == numbers["same_prediction"].tolist() == [False, False]
    assert evidence.examples[0].prediction["label"] == "sweet" != evidence.examples[0].reference["label"]


def test_a_row_that_is_predicted_otherwise_as_it_is_is_ignored(make_context, bag_of_words):
    context = make_context(TEXTS, model=bag_of_words(bias=2.5), reference=bag_of_words())
    table, numbers, evidence = replayed(context)
    assert {row["id"]: row["candidate_original_label"] for row in table.to_pylist() if row["replayed"]} == {
        "row 0": "sweet",
        "row 1": "sour",
    }
    assert numbers["value"].tolist() == [True]
    assert "ignored, as the row itself is predicted otherwise here: 1 of 2 rows" in evidence.remarks


def test_an_edit_that_leaves_the_candidate_without_a_prediction_succeeds_with_no_same_prediction(
    make_context, bag_of_words
):
    context = make_context(
        ["great trees"], model=bag_of_words(broken="\u0435"), reference=bag_of_words()
    )  # the Cyrillic look-alike of e
    table, numbers, evidence = replayed(context, transformations=["homoglyphs"], max_candidates=9)
    (row,) = table.to_pylist()
    broken = "\u0435" in row["perturbed_fields"]
    assert numbers["value"].tolist() == [True]
    assert numbers["same_prediction"].tolist() == [not broken]
    assert ("edits without a prediction (NaN or Inf) here: 1" in evidence.remarks) == broken


def test_where_no_attack_succeeded_there_is_nothing_to_replay(make_context, bag_of_words):
    with pytest.raises(NotRunError, match="no attack on `torch` succeeded, so there is nothing to replay"):
        replayed(make_context(["a film"], reference=bag_of_words()))


def test_the_reference_is_attacked_and_the_candidate_is_queried_twice_a_success(make_context, bag_of_words):
    model, reference = bag_of_words(), bag_of_words()
    table, _, _ = replayed(make_context(TEXTS, model=model, reference=reference))
    counts = table.column("queries").to_pylist() + table.column("minimizing_queries").to_pylist()
    assert len(reference.texts) == sum(counts) + 2 * 2
    assert sum(rows for rows, _ in model.batches) == 2 * 2


def test_a_whole_run_judges_and_reports_it(engine):
    options = {"rows": 20, "max_perturbed_share": 0.5}
    use = Use("robustness/transfer", PROBE, options, options)
    engine.table = engine.table.rename_columns(["text", "target"])
    check = engine.check("moved", measure=use, expect={"value": Expect(min=0.0)}, on=("two",))
    suite = engine.suite(check, backends=("one", "two"))
    (result,) = judge(plans.make(suite), engine.run(suite))
    assert set(result.numbers) == set(TRANSFER_RANGES)
    assert result.numbers["value"].estimate == 1.0
