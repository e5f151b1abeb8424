"""How a file's weights differ from the model's, in words and as it is kept with the observations."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest

from mqa_parity.tensors.weight_comparison import DifferentWeight, WeightComparison, WeightSummary, describe_other_model


@pytest.mark.parametrize(
    ("different", "number", "is_other"),
    [(57, 57, True), (46, 57, True), (45, 57, False), (3, 3, False), (4, 4, True), (0, 57, False)],
)
def test_a_file_of_which_most_weights_differ_is_of_another_model(different, number, is_other):
    assert bool(describe_other_model(different, number)) == is_other


def kept(summary):
    return WeightSummary.from_observations(pa.table({"weights": pa.array([summary.to_json(), None], pa.string())}))


def test_a_summary_is_restored_from_json():
    some = (DifferentWeight("val_1", "layer.weight", "1 of 4 numbers differ"), DifferentWeight("val_2", "", "no like"))
    summary = WeightSummary(5, some, ("val_3",), ("val_4",))
    assert kept(summary) == summary
    assert set(json.loads(summary.to_json())) == {"matched", "differences", "unknown", "unread"}
    assert kept(WeightSummary(error="no such file")) == WeightSummary(error="no such file")
    nothing = pa.table({"weights": pa.array(["", None], pa.string())})
    assert WeightSummary.from_observations(nothing) == WeightSummary()


def test_three_differences_are_named_and_the_others_counted():
    some = tuple(DifferentWeight(f"val_{number}", f"layer.{number}.weight", "other") for number in range(5))
    remarks = list(WeightSummary(95, some).remarks())
    assert remarks[0] == "initializer `val_0` is not `layer.0.weight` of the model: other"
    assert remarks[3:] == ["and 2 more of its weights are not the model's"]


def test_the_first_divergence_of_a_tensor_that_stands_for_no_weight_has_no_module():
    first = WeightSummary(0, (DifferentWeight("val_2", "", "no like"),)).first_divergence()
    assert (first["kind"], "module" in first, "weight" in first) == ("weights", False, False)
    assert first["reason"] == "initializer `val_2` is not any weight of the model: no like"


def test_runners_that_do_not_give_their_weights_are_not_compared(numpy_runner, weighed):
    assert WeightComparison(numpy_runner(), weighed(1)).summary() is None
    assert WeightComparison(weighed(), numpy_runner()).summary() is None
    assert len(WeightComparison(weighed(), weighed(2)).summary().differences) == 2
