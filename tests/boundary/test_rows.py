"""What a perturbation or a slice may give for a row."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest

from mqa_registry import plan as plans
from mqa_registry.boundary import Contributor, check_decoded, check_predictions, check_table
from mqa_registry.boundary.evidence import check_correctness, check_evidence, check_example_ids
from mqa_registry.contributions import Evidence, ExampleRow, Perturbation, Slice
from mqa_registry.errors import ContributionError
from mqa_registry.execution.rows.row_sets import apply_perturbations
from mqa_registry.judging import Verdict, judge
from mqa_registry.judging.groups import groups_of
from mqa_registry.observations import Failure
from mqa_registry.suite import Severity, Use
from mqa_registry.types import Predictions, Rows

TABLE = pa.table({"id": ["a", "b"], "text": ["one two", "three"], "target": ["few", "many"]})
ROWS = Rows(TABLE, ("text",))


def perturbed(function, **declared):
    use = Use("acme/typos", Perturbation("typos", function, modality="text", **declared))
    return apply_perturbations(ROWS, [use], None, 7)


def in_place(example, rng):
    example["text"] = "changed"


@pytest.mark.parametrize(
    ("function", "declared", "words"),
    [
        (lambda example, rng: "x", {}, "gave 'x' (str) for an example"),
        (in_place, {}, "changed the example that it was given, and gave nothing back"),
        (lambda example, rng: {"text": 1}, {}, "gave `text` the value 1 (int)"),
        (lambda example, rng: {"text": None}, {}, "gave `text` the value None"),
        (lambda example, rng: {"text": "x", "more": "y"}, {}, "gave the fields `more`, `text` for `text`"),
        (lambda example, rng: {"text": "\ud800"}, {}, "lone surrogate"),
        (lambda example, rng: {"text": [(0, 1, "x")]}, {}, "gave `text` the value [(0, 1, 'x')] (list)"),
        (lambda example, rng: (yield {"text": "x"}), {}, "gave a `generator` for an example"),
        (lambda example, rng: {"text": [(0, 99, "x")]}, {"edits": True}, "edits that cannot be applied"),
        (lambda example, rng: {"text": [(0, "x")]}, {"edits": True}, "edits that cannot be applied"),
        (lambda example, rng: {"text": [(0, 1, 5)]}, {"edits": True}, "edits that cannot be applied"),
        (lambda example, rng: {"text": [(0, 1, "\udc00")]}, {"edits": True}, "lone surrogate"),
        (lambda example, rng: {"text": "x"}, {"edits": True}, "gave `text` the edits 'x' (str)"),
        (lambda example, target, rng: {"text": "x"}, {"target_effect": "moves"}, "gave {'text': 'x'} (dict)"),
        (lambda example, rng: exec("raise SystemExit(0)"), {}, "crashed: SystemExit: 0"),
    ],
)  # fmt: skip
def test_an_invalid_perturbation_fails_its_own_views_with_name_and_row(function, declared, words):
    failure = perturbed(function, **declared)
    assert isinstance(failure, Failure)
    assert failure.message.startswith("the perturbation `acme/typos` ")
    assert failure.message.endswith(", on row `a`")
    assert words in failure.message
    assert failure.trace, "which makes it an error"


def test_an_example_changed_in_place_and_given_back_is_as_good_as_another():
    assert perturbed(lambda example, rng: example.update(text="x") or example).rows.table["text"].to_pylist() == [
        "x",
        "x",
    ]


def test_edits_may_come_one_by_one():
    seen = perturbed(lambda example, rng: {"text": (edit for edit in [(0, 1, "X")])}, edits=True)
    assert seen.rows.table["text"].to_pylist() == ["Xne two", "Xhree"]


def test_all_rows_declined_is_nothing_tested_and_no_crash():
    failure = perturbed(lambda example, rng: None)
    assert (failure.message, failure.trace) == ("`acme/typos` declined all of 2 rows, so nothing was tested", "")


def test_rows_of_which_some_are_declined_and_all_others_lost_tested_nothing_and_no_crash_is_blamed():
    def decline_or_crash(example, rng):
        return None if example["text"] == "one two" else 1 / 0

    failure = perturbed(decline_or_crash)
    assert failure.message.startswith(
        "no row is left: perturbations declined 1 of 2 rows, and the others were lost, row `"
    )
    assert "division by zero" in failure.message
    assert failure.trace == ""


def test_a_function_cannot_change_the_options_of_the_suite():
    def greedy(example, rng, *, words: list[str]):
        return {"text": f"{example['text']} {words.pop() if words else 'none'}"}

    use = Use("acme/greedy", Perturbation("greedy", greedy, modality="text"), options={"words": ["one"]})
    first = apply_perturbations(ROWS, [use], None, 7).rows.table["text"].to_pylist()
    assert (
        apply_perturbations(ROWS, [use], None, 7).rows.table["text"].to_pylist()
        == first
        == ["one two one", "three none"]
    )


def grouped(function, inputs="example"):
    return groups_of(ROWS, Use("acme/size", Slice("size", function, inputs=inputs)))


@pytest.mark.parametrize(
    ("function", "inputs", "words"),
    [
        (lambda example: True, "example", "gave True (bool) for a row"),
        (lambda example: 2024, "example", "gave 2024 (int) for a row"),
        (lambda example: [1, 2], "example", "gave 1 (int) for the name of a group"),
        (lambda example: "\ud800", "example", "lone surrogate"),
        (lambda example: b"x", "example", "(bytes) for a row"),
        (lambda example: (1 / 0 for _ in "x"), "example", "crashed: ZeroDivisionError"),
        (lambda table: ["x"], "table", "gave 1 item for 2 rows"),
        (lambda table: "xy", "table", "a list with the groups of every row is expected"),
        (lambda table: None, "table", "a list with the groups of every row is expected"),
    ],
)
def test_a_slice_gives_names(function, inputs, words):
    with pytest.raises(ContributionError) as refused:
        grouped(function, inputs)
    assert refused.value.message.startswith("the slice `acme/size` ")
    assert words in refused.value.message


def test_what_it_may_give_is_any_text():
    rows = perturbed(lambda example, rng: {"text": "größer 😀"})
    assert rows.rows.table["text"].to_pylist() == ["größer 😀"] * 2
    rows = perturbed(lambda example, rng: {"text": iter([(0, 1, "é")])}, edits=True)
    assert rows.rows.table["text"].to_pylist() == ["éne two", "éhree"]
    assert set(grouped(lambda example: "größer")) == {"größer"}


@pytest.mark.parametrize("make", [np.array, pa.array, iter, lambda names: pa.chunked_array([names])])
def test_arrays_of_names_and_iterators_will_do(make):
    found = grouped(lambda table: make(["x", "y"]), "table")
    assert {name: list(rows) for name, rows in found.items()} == {"x": [0], "y": [1]}


def test_positions_of_groups_cannot_be_written_to():
    with pytest.raises(ValueError, match="read-only"):
        grouped(lambda example: "x")["x"][0] = 1


def test_a_target_moved_to_what_is_no_label_is_the_perturbations_error_alone(engine):
    use = Use(
        "acme/moves",
        Perturbation("moves", lambda example, target, rng: (example, "zzz"), modality="text", target_effect="moves"),
    )
    suite = engine.suite(engine.check(), engine.check("moved", steps=(Severity((use,)),)))
    sound, moved = judge(plans.make(suite), engine.run(suite))
    assert sound.verdict is not Verdict.ERROR
    assert moved.verdict is Verdict.ERROR
    assert moved.note.startswith("the perturbation `acme/moves` moved a target: ")


WHO = Contributor("task", "acme/classify")
CLASSES = ("few", "many")


def lists(*rows):
    return pa.array(rows, pa.list_(pa.float64()))


def table(labels=("few", "many"), probabilities=([0.75, 0.25], [0.25, 0.75]), **more):
    return pa.table({"label": pa.array(labels), "probability": lists(*probabilities), **more})


def test_further_columns_are_left_out_and_types_are_the_schemas():
    given = table(pa.array(["few", "many"]).dictionary_encode(), id=["a", "b"], logits=[1, 2])
    assert check_decoded(WHO, given, "label", CLASSES, 2).equals(table())


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([{"label": "few"}] * 2, "(list), and a `pyarrow.Table` is expected"),
        (table().slice(1), "decoded 1 prediction for 2 rows"),
        (table().drop_columns(["label"]), "without the column `label`"),
        (table(("few", "lots")), "gave the label `lots`, which is none of the classes"),
        (table((0.0, 1.0)), "gave the column `label` of double"),
        (table(probabilities=([math.nan, math.nan], [0.25, 0.75])), "gave a label with probabilities that are NaN or Inf"),
        (table(probabilities=([math.inf, 0.0], [0.25, 0.75])), "NaN or Inf"),
        (table(probabilities=(None, [0.25, 0.75])), "gave row 0 a label and no probabilities"),
        (table(probabilities=([0.5, 0.25, 0.25], [0.25, 0.75])), "gave row 0 a label and 3 probabilities, and there are 2"),
        (table(probabilities=([0.75, 0.25], [0.2, 0.2])), "gave a row probabilities that sum to 0.4"),
        (table(probabilities=([1.5, -0.5], [0.25, 0.75])), "and a probability lies in [0, 1]"),
        (pa.table([pa.array(["few"] * 2)] * 2, names=["label", "label"]), "gave a table with 2 columns `label`"),
    ],
)  # fmt: skip
def test_invalid_predictions_are_an_error_of_the_task(given, words):
    with pytest.raises(ContributionError) as refused:
        check_decoded(WHO, given, "label", CLASSES, 2)
    assert refused.value.message.startswith("the task `acme/classify` ")
    assert words in refused.value.message


def test_a_row_without_a_prediction_needs_no_probabilities():
    given = table(("few", None), ([1.0, 0.0], [math.nan, math.nan]))
    assert check_decoded(WHO, given, "label", CLASSES, 2)["label"].to_pylist() == ["few", None]


@pytest.mark.parametrize(
    ("schema", "column", "kept"),
    [
        ("value", pa.array([1.0, math.nan, -math.inf]), [1.0, None, None]),
        ("vector", lists([1, 2], [math.inf, 2], None), [[1, 2], None, None]),
    ],
)
def test_a_number_that_is_null_is_no_prediction(schema, column, kept):
    assert check_decoded(WHO, pa.table({schema: column}), schema, (), 3)[schema].to_pylist() == kept


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (table(), "(Table), and `Predictions` are expected"),
        (Predictions("label", table(), CLASSES), "without a column `id`"),
        (Predictions("label", table(id=["a", "a"]), CLASSES), "ids are not one for each row"),
        (Predictions("label", table(probabilities=([math.nan] * 2,) * 2, id=["a", "b"]), CLASSES), "NaN or Inf"),
    ],
)
def test_predictions_made_elsewhere_are_held_to_the_same(given, words):
    with pytest.raises(ContributionError) as refused:
        check_predictions(WHO, given, "label")
    assert words in refused.value.message


def test_a_list_where_a_table_is_due_is_named():
    with pytest.raises(
        ContributionError, match=r"the data set `acme/rows` gave \[1\] \(list\), and a `pyarrow.Table` is expected"
    ):
        check_table(Contributor("data set", "acme/rows"), [1])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["x"], "an `Evidence` is expected"),
        (Evidence(remarks="one"), "shows the remarks 'one' (str)"),
        (Evidence(notes=[1]), "shows the notes [1] (list)"),
        (Evidence(examples=[1]), "shows the examples [1] (list)"),
        (Evidence(details=["x"]), "shows the details ['x'] (list)"),
        (Evidence(examples=[ExampleRow(3)]), "shows the example ExampleRow(id=3"),
        (Evidence(examples=[ExampleRow("r", fields=["x"])]), "shows the example"),
        (Evidence(examples=[ExampleRow("r", probability="high")]), "shows the example"),
        (Evidence(details={"x": object()}), "in `x`, which a report cannot hold"),
        (Evidence(details={1: "x"}), "under the name 1 (int)"),
    ],
)
def test_evidence_is_what_a_report_can_hold(given, words):
    with pytest.raises(ContributionError) as refused:
        check_evidence(WHO, given)
    assert words in refused.value.message


def test_evidence_without_end_is_refused():
    endless = []
    endless.append(endless)
    with pytest.raises(ContributionError, match="without end in `x`"):
        check_evidence(WHO, Evidence(details={"x": endless}))


def test_examples_have_ids_and_is_correct_is_about_every_row():
    with pytest.raises(ContributionError, match="without the `id` of its row"):
        check_example_ids(WHO, [ExampleRow()])
    for given in ([True], [1, 0], "yes", None):
        with pytest.raises(ContributionError, match="for whether 2 rows are correct"):
            check_correctness(WHO, given, 2)
    assert check_correctness(WHO, [True, False], 2).tolist() == [True, False]
