"""`parity/tensors`: every output, row by row, against PyTorch in float64, in units of PyTorch's own error."""

from __future__ import annotations

import json
import math
import re
from functools import partial
from itertools import count

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from mqa_parity.tensors.observations import TensorOptions
from mqa_parity.tensors.probe import TensorParity
from mqa_parity.tensors.summary import METRICS
from mqa_registry import DataError, MqaError, NotRunError, OutOfMemoryError, Probe, RunnerFacts, Statistic
from tests.stand_ins import make_codec

TENSORS = TensorParity()


@pytest.fixture
def network(numpy_runner):
    return numpy_runner.compute


@pytest.fixture
def compare(context, numpy_runner):
    """What the probe sees of a candidate beside the reference: its numbers, its evidence and its observations."""

    def run(candidate=None, reference=None, texts=None, **options):
        table = TENSORS.observe(
            context(candidate or numpy_runner(), reference or numpy_runner(), texts=texts), TensorOptions(**options)
        )
        return TENSORS.numbers(table), TENSORS.evidence(table), table

    return run


def changed(name, change):
    """A fault in one output, as an edit of all of them."""
    return lambda outputs: outputs | {name: change(outputs[name].copy())}


def put(place, value):
    def change(values):
        values[place] = value
        return values

    return change


def test_it_is_a_probe_of_two_runners():
    import mqa_parity

    (probe,) = [one for one in mqa_parity.mqa_probes() if one.name == "tensors"]
    assert isinstance(probe, Probe)
    assert probe.compares
    assert (probe.inputs, probe.outputs, probe.text_columns) == ("runner", METRICS, ("fields",))


def test_a_twin_errs_exactly_as_much_as_the_reference(compare):
    found, shown, _ = compare()
    assert 0 < found["ratio"] <= 1
    assert found["max_abs"] > 0
    assert (found["mismatches"], found["outside"], found["rerun"]) == (0, 0, 0)
    assert np.all(found["cosine"] > 1 - 1e-6)
    assert found["sqnr"] > 100
    assert shown.details["outputs"]["logits"]["error"] == shown.details["outputs"]["logits"]["baseline_error"]


def test_where_pytorch_is_exact_and_so_is_the_candidate_nothing_is_off(compare, numpy_runner):
    found, _, _ = compare(numpy_runner(dtype="float64"), numpy_runner(dtype="float64"))
    assert (found["ratio"], found["max_abs"], found["sqnr"]) == (0, 0, 313)


def test_every_example_has_a_row_for_every_output(compare):
    _, _, table = compare(rows=10)
    assert table.num_rows == 30
    assert len(set(table.column("id").to_pylist())) == 10
    assert set(table.column("output").to_pylist()) == {"hidden", "logits", "ids"}
    assert set(table.column("mismatch").to_pylist()) == {""}


def test_the_shortest_and_the_longest_rows_are_among_those_that_are_run(compare):
    texts = ["middle " * 3] * 100 + ["x"] + ["long " * 12]
    _, _, table = compare(texts=texts, rows=120)
    ids = table.column("id").to_pylist()
    assert {"row 100", "row 101"} <= set(ids)
    assert ids[0] == "row 100"
    assert str(compare(texts=texts, rows=120)[2].to_pydict()) == str(table.to_pydict()), (
        "the draw follows from the seed"
    )


def test_rows_are_run_in_padded_batches_within_the_budget(compare, numpy_runner):
    candidate = numpy_runner(budget=64)
    compare(candidate)
    shapes = [batch["words"].shape for batch in candidate.batches]
    assert all(rows * width <= 32 or rows == 1 for rows, width in shapes)
    assert any((batch["mask"] == 0).any() for batch in candidate.batches)
    assert max(rows for rows, _ in shapes) > 1


def test_two_rows_run_together_where_each_is_too_large_for_a_batch(compare, numpy_runner):
    """What a file makes of one row may come of another: here the rows of a batch change places."""
    turned = numpy_runner(budget=2, changes=changed("logits", lambda values: values[::-1]))
    assert compare(turned)[0]["ratio"] > 1000
    alone = numpy_runner(budget=2)
    assert compare(alone)[0]["ratio"] <= 1
    assert sum(len(batch["words"]) == 2 for batch in alone.batches) == 1


# Faults


def test_another_gelu_is_far_off(compare, numpy_runner, network):
    found, shown, _ = compare(numpy_runner(partial(network, gelu=0.04)))
    assert found["ratio"] > 30
    assert len(shown.examples) == 5
    assert "times as far from float64 as PyTorch in float32" in shown.remarks[0]
    assert found["mismatches"] == 0


def test_padding_is_not_compared(compare, numpy_runner, network):
    def compute(batch, dtype):
        found = network(batch, dtype)
        return found | {"hidden": np.where(batch["mask"][..., None] > 0, found["hidden"], dtype("nan"))}

    found, _, _ = compare(numpy_runner(compute))
    assert found["ratio"] <= 1
    assert found["mismatches"] == 0


def test_one_row_is_enough(compare, numpy_runner):
    def third(values):
        return values + np.float32(1e-3) * (np.arange(len(values)) == 3)[:, None]

    found, shown, table = compare(numpy_runner(changes=changed("logits", third)))
    assert found["ratio"] > 100
    assert next(iter(shown.details["outputs"])) == "logits"
    worst = shown.examples[0]
    assert worst.details["output"] == "logits"
    assert worst.details["error"] == pytest.approx(1e-3, rel=0.01)
    assert worst.fields["text"].startswith("a")
    assert worst.id in table.column("id").to_pylist()


def lonely(batch, found, *, longer):
    """A fault of a row that is alone and has more words than so many."""
    if len(batch["words"]) == 1 and batch["words"].shape[1] > longer:
        return found | {"logits": found["logits"] + np.float32(1e-3)}
    return found


@pytest.mark.parametrize("texts", [["a", "b" * 9, "c" * 5], ["a" * (1 + number % 9) for number in range(40)]])
def test_a_fault_of_a_long_row_alone_is_found(compare, numpy_runner, network, texts):
    found, shown, table = compare(
        numpy_runner(lambda batch, dtype: lonely(batch, network(batch, dtype), longer=8)), texts=texts
    )
    assert found["ratio"] > 100
    assert len(shown.examples[0].fields["text"]) == 9
    assert table.num_rows == 3 * len(texts), "a row that is run twice counts once"


def test_two_more_rows_are_run_alone_unless_they_were_already(compare, numpy_runner):
    def lengths(texts, **options):
        candidate = numpy_runner(**options)
        compare(candidate, texts=texts)
        return [batch["words"].shape[1] for batch in candidate.batches if len(batch["words"]) == 1]

    assert lengths(["a" * (1 + number % 9) for number in range(40)]) == [1, 9, 5]
    assert lengths(["a", "b" * 9, "c" * 5], budget=2) == [1, 9, 5]
    assert lengths(["a", "b" * 9]) == [1, 9]
    assert lengths(["a"]) == [1]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_nan_and_inf_fail_any_bound(compare, numpy_runner, value):
    found, shown, _ = compare(numpy_runner(changes=changed("logits", put((0, 1), value))))
    assert found["mismatches"] >= 1
    assert found["ratio"] == found["max_abs"] == found["p999"] == found["mean"] == math.inf
    assert (found["cosine"], found["sqnr"]) == (-1, -math.inf)
    assert "1 of 3 are NaN or Inf" in shown.remarks[0]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (changed("logits", lambda values: values[:, :2]), r"`logits`: shape \(1, 2\) instead of \(1, 3\)"),
        (changed("logits", lambda values: values.astype(np.float64)), "`logits`: float64 instead of float32"),
        (changed("ids", lambda values: values.astype(np.int32)), "`ids`: int32 instead of int64"),
        (changed("ids", lambda values: values + 1), "`ids`: 1 of 1 are other integers"),
        (
            lambda outputs: {"scores": outputs["logits"][:, :2]},
            "`hidden`: the candidate has no such output; it gives `scores`",
        ),
    ],
)
def test_mismatches_fail_under_any_tolerance(compare, numpy_runner, change, why):
    found, shown, _ = compare(numpy_runner(changes=change))
    assert found["mismatches"] > 0
    assert found["ratio"] == math.inf
    assert re.search(why, shown.remarks[0])


def test_outputs_may_be_chosen(compare, numpy_runner):
    bare = numpy_runner(changes=lambda outputs: {"logits": outputs["logits"]})
    found, shown, _ = compare(bare, outputs=["logits"])
    assert found["mismatches"] == 0
    assert list(shown.details["outputs"]) == ["logits"]
    with pytest.raises(DataError, match="no output `logit`") as refused:
        compare(bare, outputs=["logit"])
    assert refused.value.hint == "did you mean `logits`? it has `hidden`, `logits`, `ids`"


def test_a_requested_output_that_is_missing_is_a_fault(compare, numpy_runner):
    bare = numpy_runner(changes=lambda outputs: {"hidden": outputs["hidden"], "ids": outputs["ids"]})
    found, shown, _ = compare(bare, outputs=["hidden", "logits"])
    assert found["mismatches"] == 1
    assert shown.remarks[0].startswith("`logits`: the candidate has no such output")


def test_a_requested_output_under_another_name_is_a_fault(compare, numpy_runner):
    renamed = numpy_runner(changes=lambda one: {"hidden": one["hidden"], "scores": one["logits"], "ids": one["ids"]})
    found, shown, _ = compare(renamed, outputs=["logits"])
    assert found["mismatches"] == 1
    assert "`logits`: the candidate calls it `scores`" in shown.remarks[0]


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_an_output_of_one_side_alone_is_a_note(compare, numpy_runner, precision):
    def changes(one):
        return {"tokens": one["hidden"], "mean": one["logits"].mean(1), "logits": one["logits"], "twice": one["logits"]}

    found, shown, _ = compare(numpy_runner(changes=changes, precision=precision))
    assert found["mismatches"] == 0
    assert set(shown.details["outputs"]) == {"hidden", "logits"}
    assert shown.details["unmatched_outputs"] == ["mean", "twice"]
    assert shown.notes == [
        "`tokens` has the numbers of `hidden`, and is compared with it",
        "the file leaves out `ids`: `outputs` asks for what it has to give",
        "the file also gives `mean`, `twice`, which the model does not: not compared",
    ]
    if precision == "float32":
        assert found["ratio"] <= 1


def test_the_first_output_is_compared_under_another_name_even_where_it_is_damaged(compare, numpy_runner):
    def changes(one):
        return {"logits": one["logits"], "inner": one["hidden"] * 0, "tokens": one["hidden"] * np.float32(1.01)}

    found, shown, _ = compare(numpy_runner(changes=changes))
    assert found["ratio"] > 100
    assert "`tokens` is compared with `hidden`, though they share only their shape" in shown.notes


def test_an_input_that_the_file_does_not_take_is_named(compare, numpy_runner):
    class Narrow(numpy_runner):
        facts = property(lambda self: RunnerFacts(precision="float32", unread_inputs=("mask",)))

    _, shown, _ = compare(Narrow())
    assert shown.notes == ["the model is given `mask`, which the file does not take"]


def test_an_only_output_may_have_any_name(compare, numpy_runner):
    candidate = numpy_runner(changes=lambda outputs: {"output_0": outputs["logits"]})
    assert compare(candidate, outputs=["logits"])[0]["mismatches"] == 0


def test_integers_may_differ_where_pytorch_itself_differs_from_float64(compare, numpy_runner):
    def torn(outputs):
        return outputs | {"ids": outputs["ids"] + (outputs["logits"].dtype == np.float64)}

    assert (
        compare(numpy_runner(changes=changed("ids", lambda values: values + 1)), numpy_runner(changes=torn))[0][
            "mismatches"
        ]
        == 0
    )


def test_the_cause_is_described_in_words(compare):
    found = {
        "kind": "exporter",
        "meaning": "the file computes something else",
        "module": "layer.3",
        "class": "LayerNorm",
    }
    _, _, table = compare()
    texts = pa.array([json.dumps(found | {"node": "norm_3"}), *[None] * (table.num_rows - 1)], pa.string())
    shown = TENSORS.evidence(
        table.set_column(table.schema.get_field_index("first_divergence"), "first_divergence", texts)
    )
    assert shown.details["first_divergence"]["node"] == "norm_3"
    assert shown.remarks[1:] == [
        "it begins in `layer.3` (LayerNorm, node `norm_3`)",
        "exporter: the file computes something else",
        "compared 40 of 40 rows",
    ]


@pytest.mark.parametrize(
    ("known", "words"),
    [({}, ""), ({"class": "Linear"}, " (Linear)"), ({"node": "norm_3"}, " (node `norm_3`)")],
)
def test_a_remark_on_a_module_has_only_what_is_known(compare, known, words):
    _, _, table = compare()
    texts = pa.array([json.dumps({"module": "layer.3", **known}), *[None] * (table.num_rows - 1)], pa.string())
    shown = TENSORS.evidence(
        table.set_column(table.schema.get_field_index("first_divergence"), "first_divergence", texts)
    )
    assert shown.remarks[1] == f"it begins in `layer.3`{words}"


def test_the_reason_is_reported_where_no_cause_was_found(compare):
    _, _, table = compare()
    texts = pa.array([json.dumps({"reason": "the trace is damaged"}), *[None] * (table.num_rows - 1)], pa.string())
    shown = TENSORS.evidence(
        table.set_column(table.schema.get_field_index("first_divergence"), "first_divergence", texts)
    )
    assert shown.remarks[1:] == ["the trace is damaged", "compared 40 of 40 rows"]


def test_rows_are_shown_by_their_ids_where_no_texts_are_stored(compare, numpy_runner):
    _, _, table = compare(numpy_runner(changes=changed("logits", lambda values: values + np.float32(0.1))))
    bare = table.set_column(1, "fields", pa.nulls(table.num_rows, pa.string()))
    shown = TENSORS.evidence(bare).examples[0]
    assert (shown.fields, shown.details.keys()) == ({}, {"output", "error", "baseline_error"})


# The unit of error


@pytest.mark.parametrize(("roundings", "lowest", "highest"), [(0, 0, 0), (7, 8, 9), (8, 9.9, 10), (9, 11, 12)])
def test_an_exact_reference_makes_no_ratio_infinite(compare, numpy_runner, roundings, lowest, highest):
    def exact(batch, dtype):
        return {"logits": np.ones((len(batch["words"]), 3), dtype)}

    def off(batch, dtype):
        return {"logits": exact(batch, dtype)["logits"] + dtype(roundings * np.finfo(dtype).eps)}

    assert lowest <= compare(numpy_runner(off), numpy_runner(exact))[0]["ratio"] <= highest


def test_a_constant_of_ten_thousand_does_not_hide_an_error(compare, numpy_runner):
    def masked(outputs):
        return outputs | {"logits": np.concatenate([outputs["logits"], np.full_like(outputs["logits"], -1e9)], axis=1)}

    def wrong(outputs):
        return masked(outputs | {"logits": outputs["logits"] + outputs["logits"].dtype.type(1e-3)})

    assert compare(numpy_runner(changes=masked), numpy_runner(changes=masked))[0]["ratio"] <= 1
    assert compare(numpy_runner(changes=wrong), numpy_runner(changes=masked))[0]["ratio"] > 100


def test_the_least_number_of_a_mask_differs_by_precision_and_is_no_error(compare, numpy_runner):
    def masked(outputs):
        least = np.full_like(outputs["logits"], np.finfo(outputs["logits"].dtype).min)
        return outputs | {"logits": np.concatenate([outputs["logits"], least], axis=1)}

    def forgotten(outputs):
        return outputs | {"logits": np.concatenate([outputs["logits"], np.zeros_like(outputs["logits"])], axis=1)}

    found, _, _ = compare(numpy_runner(changes=masked), numpy_runner(changes=masked))
    assert (found["mismatches"], found["ratio"] <= 1) == (0, True)
    found, shown, _ = compare(numpy_runner(changes=forgotten), numpy_runner(changes=masked))
    assert "3 of 6 are finite where they should be infinite" in shown.remarks[0]
    assert found["ratio"] == math.inf


def test_half_precision_is_compared_with_pytorch_in_half_precision(compare, numpy_runner):
    found, shown, table = compare(numpy_runner(dtype="float16"))
    assert found["max_abs"] > 1e-4
    assert found["ratio"] <= 1
    assert set(table.column("baseline_precision").to_pylist()) == {"float16"}
    assert "PyTorch in float16" in shown.remarks[0]
    single, _, _ = compare(numpy_runner(dtype="float16", precision="float32"))
    assert single["ratio"] > 100, "as float32 the same errors are a fault"


def test_eight_bits_have_no_baseline_and_the_other_numbers_are_given(compare, numpy_runner):
    found, shown, _ = compare(numpy_runner(precision="int8"))
    assert (found["ratio"].undefined, found["ratio"].never_defined) == ("PyTorch has no int8", True)
    assert np.isnan(found["ratio"].compute(np.ones((3, 7)))).all()
    assert 0 < found["max_abs"] < 1e-5
    assert "PyTorch has no int8 to compare this with" in shown.remarks[0]
    broken, _, _ = compare(numpy_runner(precision="int8", changes=changed("logits", put(0, math.nan))))
    assert broken["ratio"] == math.inf


def test_fixed_tolerances_count_what_lies_outside(compare, numpy_runner):
    candidate = numpy_runner(changes=changed("logits", lambda values: values + np.float32(1e-4)))
    assert compare(candidate, atol=1e-3, rtol=0)[0]["outside"] == 0
    assert compare(candidate, atol=1e-5, rtol=0, rows=8)[0]["outside"] == 24


def test_a_ratio_of_few_numbers_has_a_remark(compare, numpy_runner):
    candidate = numpy_runner(changes=changed("logits", lambda values: values + np.float32(5e-5)))
    few, many = (compare(candidate, rows=rows)[1].remarks for rows in (4, 40))
    larger = numpy_runner(changes=changed("logits", lambda values: values + np.float32(1e-3)))
    assert compare(larger, rows=4)[0]["ratio"] > 100
    assert "too few" not in str(compare(larger, rows=4)[1].remarks), "a ratio is too large by ten times at most"
    assert "`logits` has 12 numbers in all, too few" in few[1]
    assert many[1:] == ["compared 40 of 40 rows"]


def test_a_ratio_beyond_all_bounds_has_no_remark_on_few_numbers(compare, numpy_runner):
    candidate = numpy_runner(changes=changed("logits", lambda values: values + np.float32(1)))
    assert "too few" not in str(compare(candidate, rows=4)[1].remarks)


def test_the_reason_of_a_signature_fault_replaces_its_meaning(compare):
    found = {"kind": "signature", "meaning": "the numbers are right", "reason": "what it calls `a` is `b`"}
    _, _, table = compare()
    texts = pa.array([json.dumps(found), *[None] * (table.num_rows - 1)], pa.string())
    shown = TENSORS.evidence(
        table.set_column(table.schema.get_field_index("first_divergence"), "first_divergence", texts)
    )
    assert shown.remarks[1] == "signature: what it calls `a` is `b`"


def test_the_coverage_is_reported(compare, context, numpy_runner):
    table = TENSORS.observe(
        context(numpy_runner(), numpy_runner(), about={"max_positions": 12}), TensorOptions(rows=10)
    )
    seen = TENSORS.evidence(table).details["coverage"]
    assert (seen["rows"], seen["total_rows"], seen["max_tokens"]) == (10, 40, 12)
    assert TENSORS.evidence(table).remarks[-1].startswith("compared 10 of 40 rows")


def test_an_input_that_has_one_value_throughout_is_named(compare):
    assert compare(texts=["abc", "abd", "xyz"])[1].details["constant_inputs"] == ["mask"], "nothing is padded"
    assert compare(texts=["abc", "abdef", "xyz"])[1].details["constant_inputs"] == []


# Weights


def test_different_weights_that_no_row_uses_fail_a_file_whose_outputs_agree(compare, weighed):
    found, shown, _ = compare(weighed(1), weighed())
    assert (found["mismatches"], found["ratio"], found["cosine"]) == (1, math.inf, -1)
    told = "initializer `val_1` is not `layer.weight` of the model: 1 of 400 rows differ, by 0.46 at most"
    assert told in shown.remarks
    assert shown.details["outputs"]["logits"]["ratio"] <= 1
    kinds = {name: shown.details["first_divergence"][name] for name in ("kind", "module", "weight")}
    assert kinds == {"kind": "weights", "module": "layer", "weight": "val_1: layer.weight"}


def test_weights_that_are_the_models_are_no_mismatch(compare, weighed):
    found, shown, _ = compare(weighed(), weighed())
    assert found["mismatches"] == 0
    assert "first_divergence" not in shown.details
    assert compare(weighed(1), weighed(), weights=False)[0]["mismatches"] == 0


def test_a_file_of_another_checkpoint_is_recognized(compare, weighed):
    _, shown, _ = compare(weighed(57), weighed())
    assert "57 of 57 weights differ from the model's: another model, or another training step" in shown.remarks


def test_weights_that_cannot_be_compared_cost_nothing_else(compare, weighed):
    found, shown, _ = compare(weighed(error="no such file"), weighed())
    assert found["mismatches"] == 0
    assert "its weights could not be compared with the model's: no such file" in shown.notes


# The reference


def test_rows_that_the_reference_cannot_run_are_an_error_of_the_reference(compare, numpy_runner, network):
    def compute(batch, kind):
        if kind is np.float32:
            raise TypeError("forward() got an unexpected\nkeyword `y`")
        return network(batch, kind)

    with pytest.raises(
        MqaError, match=r"backend `torch` cannot run these rows: forward\(\) got an unexpected$"
    ) as error:
        compare(reference=numpy_runner(compute))
    assert "do they fit the model" in error.value.hint


def test_a_reference_that_does_not_run_in_float64_leaves_no_ratio_and_says_why(compare, numpy_runner, network):
    def compute(batch, kind):
        if kind is np.float64:
            raise TypeError("no such kernel")
        return network(batch, kind)

    found, shown, _ = compare(reference=numpy_runner(compute))
    assert isinstance(found["ratio"], Statistic)
    assert found["ratio"].never_defined
    assert any("does not run in float64: no such kernel" in remark for remark in shown.remarks)


def test_a_reference_that_moves_is_named_and_the_export_is_not_at_fault(compare, numpy_runner):
    rng = np.random.default_rng(7)
    drops = numpy_runner(changes=lambda outputs: outputs | {"logits": outputs["logits"] * np.float32(rng.random())})
    with pytest.raises(MqaError, match="backend `torch` does not give the same output twice: `logits`") as raised:
        compare(reference=drops)
    assert not isinstance(raised.value, NotRunError)


def test_a_reference_that_moves_by_a_rounding_is_accepted_and_reported(compare, numpy_runner):
    calls = count()

    def shaken(outputs):
        return outputs | {"logits": outputs["logits"] * np.float32(1 + next(calls) % 7 * 2.0**-23)}

    found, _, _ = compare(reference=numpy_runner(changes=shaken))
    assert 0 < found["rerun"] < 1e-5
    assert found["ratio"] < 10


NO_ANSWERS = [(math.nan, np.float32), (math.nan, np.float64), (math.inf, np.float32), (-math.inf, np.float32)]


def without_an_answer(place, value, dtype):
    """A fault of the reference in one precision."""
    fault = changed("logits", put(place, value))
    return lambda outputs: fault(outputs) if outputs["logits"].dtype == dtype else outputs


@pytest.mark.parametrize(("value", "dtype"), NO_ANSWERS)
def test_an_undefined_reference_is_an_error_of_the_reference(compare, numpy_runner, value, dtype):
    reference = numpy_runner(changes=without_an_answer((slice(None), 0), value, dtype))
    with pytest.raises(
        MqaError, match=r"backend `torch` gives (NaN|Inf) in `logits` for row `row \d+` and 39 more of 40"
    ):
        compare(reference=reference)


@pytest.mark.parametrize(("value", "dtype"), NO_ANSWERS)
def test_a_row_in_which_the_reference_is_undefined_is_named_and_ignored(compare, numpy_runner, value, dtype):
    reference = numpy_runner(changes=without_an_answer((0, 0), value, dtype))
    found, shown, _ = compare(reference=reference)
    assert (found["mismatches"], found["ratio"] <= 1) == (0, True)
    assert 3 < len(shown.details["ignored_rows"]) < 20
    (note,) = [
        one for one in shown.notes if one.startswith(f"{len(shown.details['ignored_rows'])} rows decide nothing")
    ]
    assert (note.count("`row "), note.endswith(" ...")) == (3, True)
    faulty = numpy_runner(changes=changed("logits", lambda values: values + np.float32(1e-3)))
    assert compare(faulty, reference)[0]["ratio"] > 100, "the other rows decide"


def test_an_intended_infinity_must_be_on_both_sides(compare, numpy_runner):
    masked = changed("logits", put((slice(None), 0), -math.inf))
    found, _, _ = compare(numpy_runner(changes=masked), numpy_runner(changes=masked))
    assert (found["mismatches"], found["ratio"] <= 1) == (0, True)
    found, _, _ = compare(
        numpy_runner(changes=changed("logits", put((slice(None), 0), math.inf))), numpy_runner(changes=masked)
    )
    assert found["mismatches"] > 0


def test_a_reference_without_float64_cannot_run(compare, fixed_runner):
    with pytest.raises(NotRunError, match="backend `torch` runs in no other precision"):
        compare(reference=fixed_runner())


def test_outputs_without_rows_are_compared_as_a_whole(compare, numpy_runner):
    def more(outputs):
        return outputs | {"similarity": outputs["logits"] @ outputs["logits"].T, "scale": outputs["logits"].sum()}

    found, shown, table = compare(numpy_runner(changes=more), numpy_runner(changes=more))
    assert found["mismatches"] == 0
    wholes = table.filter(pc.is_null(table.column("id"))).column("output")
    assert set(wholes.to_pylist()) == {"scale"}
    assert shown.details["outputs"]["similarity"]["ratio"] <= 10


def test_seven_logits_of_seven_tokens_are_no_positions(compare, numpy_runner):
    texts = ["ab", "abc", "abcdefg"] * 4
    wide = changed("logits", lambda values: np.concatenate([values] * 3, axis=1)[:, :7])
    wrong = changed("logits", lambda values: put((slice(None), 6), 9)(np.concatenate([values] * 3, axis=1)[:, :7]))
    found, _, table = compare(numpy_runner(changes=wrong), numpy_runner(changes=wide), texts=texts)
    elements = table.filter(pc.equal(table.column("output"), "logits")).column("elements")
    assert set(elements.to_pylist()) == {7}
    assert found["ratio"] > 100


def test_rows_that_are_padded_in_the_data_are_compared_without_it(context, numpy_runner, network, codec):
    def encode(examples):
        rows = codec.encode(examples)
        padded = [codec.collate([row, {"words": np.zeros(12, np.int64)}]) for row in rows]
        return [{name: array[0] for name, array in one.items()} for one in padded]

    def collate(rows):
        return {name: np.stack([row[name] for row in rows]) for name in rows[0]}

    def wild(batch, dtype):
        found = network(batch, dtype)
        return found | {"hidden": np.where(batch["mask"][..., None] > 0, found["hidden"], dtype(7))}

    def narrow(batch):
        assert batch["words"].shape[1] == 12, "the candidate may take no other width"
        return wild(batch, np.float32)

    whole = make_codec(encode, collate, cost=codec.cost, padding_mask="mask")
    candidate = numpy_runner(lambda batch, dtype: narrow(batch))
    found = TENSORS.numbers(TENSORS.observe(context(candidate, numpy_runner(), codec=whole), TensorOptions()))
    assert found["mismatches"] == 0
    assert found["ratio"] <= 1


def test_a_decoder_as_long_as_its_encoder_has_positions_of_its_own(context, numpy_runner, network, codec):
    """All texts come padded to one width, and so do the decoder's, which has something to say at every position."""
    width = 12

    def encode(examples):
        rows = [codec.collate([row, {"words": np.zeros(width, np.int64)}]) for row in codec.encode(examples)]
        spoken = {"decoder_words": np.arange(width)}
        return [{name: array[0] for name, array in one.items()} | spoken for one in rows]

    def compute(batch, dtype):
        logits = network(batch, dtype)["logits"]
        return {"spoken": np.tanh(logits[:, None] + batch["decoder_words"][..., None].astype(dtype))}

    def wrong_at_the_end(outputs):
        outputs["spoken"][:, -1] += np.float32(0.1)
        return outputs

    whole = make_codec(
        encode,
        lambda rows: {n: np.stack([row[n] for row in rows]) for n in rows[0]},
        cost=codec.cost,
        padding_mask="mask",
    )
    sound, faulty = numpy_runner(compute), numpy_runner(compute, changes=wrong_at_the_end)
    found = [
        TENSORS.numbers(TENSORS.observe(context(one, numpy_runner(compute), codec=whole), TensorOptions()))["ratio"]
        for one in (sound, faulty)
    ]
    assert found[0] <= 1
    assert found[1] > 1000


@pytest.fixture
def cramped(numpy_runner, network):
    """A reference whose float64 has room for so many rows, and no more."""

    def make(room):
        def compute(batch, dtype):
            if dtype is np.float64 and len(batch["words"]) > room:
                raise OutOfMemoryError("PyTorch ran out of memory: 1.2 TB")
            return network(batch, dtype)

        return numpy_runner(compute)

    return make


@pytest.mark.parametrize(
    ("room", "said"), [(2, "2 rows were run at a time"), (1, "one row was run at a time, so that")]
)
def test_batches_get_smaller_where_memory_runs_out_and_the_report_names_it(compare, cramped, room, said):
    whole, shown, _ = compare()
    found, told, table = compare(reference=cramped(room))
    assert not [remark for remark in shown.remarks if "memory" in remark]
    assert [remark for remark in told.remarks if remark.startswith(f"memory ran out: {said}")]
    assert 0 < found["ratio"] <= 1
    assert found["max_abs"] == pytest.approx(whole["max_abs"], rel=0.5)
    assert set(table.column("batch_rows").to_pylist()) == {room}


def test_a_fault_is_found_where_memory_runs_out_too(compare, cramped, numpy_runner):
    faulty = numpy_runner(changes=changed("logits", put((0, 0), 1.0)))
    assert compare(faulty, cramped(1))[0]["ratio"] > 1000


def test_a_row_that_exceeds_memory_alone_is_not_run(compare, cramped):
    with pytest.raises(NotRunError, match="ran out of memory"):
        compare(reference=cramped(0))


def test_weights_that_could_not_be_read_are_noted_of_a_file_that_passes(compare, weighed):
    found, shown, _ = compare(weighed(unread=("a_Q3", "b_Q3", "c_Q3", "d_Q3")), weighed())
    assert found["mismatches"] == 0
    assert shown.notes[-1].startswith("`a_Q3`, `b_Q3`, `c_Q3` and 1 more: integers in a form that mqa does not know")
