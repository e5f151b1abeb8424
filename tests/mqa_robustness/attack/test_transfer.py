"""Transfer: what brings down the reference, replayed elsewhere."""

from __future__ import annotations

import json

import pytest

from mqa_registry import NotRunError
from mqa_registry import plan as plans
from mqa_registry.judging import judge
from mqa_registry.suite import Expect, Use
from mqa_robustness import mqa_probes
from mqa_robustness.attack.telling import REPLAY_GIVES, replay_evidence, replay_numbers
from mqa_robustness.attack.transfer import transfer

TEXTS = ["a splendid film", "a great film", "a terrible film", "an awful film indeed"]


def replayed(scene, **options):
    table = transfer(scene, **options)
    return table, replay_numbers(table), replay_evidence(table)


def test_what_brings_down_a_model_brings_down_the_same_model(tasting, taste):
    _, numbers, shown = replayed(tasting(TEXTS, reference=taste()))
    assert numbers["value"].tolist() == numbers["same_answer"].tolist() == [True, True]
    assert shown["remarks"][0] == "of 2 edits that brought down the reference, 2 did so here"
    assert set(shown["examples"][0]) >= {"id", "fields", "disturbed", "reference", "candidate"}
    assert json.dumps(shown)


def test_a_model_that_reads_past_slips_does_not_fall_with_one_that_does_not(tasting, taste):
    scene = tasting(TEXTS, model=taste(forgiving=True), reference=taste())
    _, numbers, shown = replayed(scene, edits=["insert", "delete"])
    assert numbers["value"].tolist() == numbers["same_answer"].tolist() == [False, False]
    assert shown["examples"][0]["candidate"]["label"] == "sweet" != shown["examples"][0]["reference"]["label"]


def test_a_row_that_is_answered_otherwise_as_it_is_has_no_say(tasting, taste):
    scene = tasting(TEXTS, model=taste(bias=2.5), reference=taste())
    table, numbers, shown = replayed(scene)
    assert {row["id"]: row["candidate_before"] for row in table.to_pylist() if row["replayed"]} == {
        "row 0": "sweet",
        "row 1": "sour",
    }
    assert numbers["value"].tolist() == [True]
    assert "answered otherwise here as they are, and without a say: 1 of 2 rows that fell" in shown["remarks"]


def test_an_edit_that_leaves_the_candidate_without_an_answer_brings_it_down_with_no_same_answer(tasting, taste):
    scene = tasting(["great trees"], model=taste(broken="\u0435"), reference=taste())  # the Cyrillic look-alike of e
    table, numbers, shown = replayed(scene, edits=["homoglyphs"], tries=9)
    (row,) = table.to_pylist()
    broken = "\u0435" in row["disturbed"]
    assert numbers["value"].tolist() == [True]
    assert numbers["same_answer"].tolist() == [not broken]
    assert ("edits without an answer (NaN or Inf) here: 1" in shown["remarks"]) == broken


def test_where_nothing_fell_there_is_nothing_to_replay(tasting, taste):
    with pytest.raises(NotRunError, match="no row of `torch` fell, so there is nothing to replay"):
        transfer(tasting(["a film"], reference=taste()))


def test_it_is_the_reference_that_is_attacked_and_the_candidate_that_is_asked_twice_a_success(tasting, taste):
    model, reference = taste(), taste()
    table = transfer(tasting(TEXTS, model=model, reference=reference))
    asked = table.column("queries").to_pylist() + table.column("shrinking").to_pylist()
    assert len(reference.texts) == sum(asked) + 2 * 2
    assert sum(rows for rows, _ in model.batches) == 2 * 2


def test_a_whole_run_judges_and_reports_it(engine):
    (probe,) = [probe for probe in mqa_probes() if probe.name == "transfer"]
    options = {"rows": 20, "max_share": 0.5}
    use = Use("robustness/transfer", probe, options, options)
    engine.table = engine.table.rename_columns(["text", "target"])
    check = engine.check("moved", measure=use, expect={"value": Expect(min=0.0)}, on=("two",))
    suite = engine.suite(check, backends=("one", "two"))
    (result,) = judge(plans.make(suite), engine.run(suite))
    assert set(result.numbers) == set(REPLAY_GIVES)
    assert result.numbers["value"].estimate == 1.0
