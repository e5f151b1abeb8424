"""Which weight of a model a tensor is named after."""

from __future__ import annotations

from mqa_onnxruntime.weights.matching import align_names


def test_a_tensor_has_the_name_of_a_weight_inside_of_another_module_or_outside_of_one():
    assert align_names(["net.a.weight", "net.b.weight"], ["a.weight", "b.weight"]) == {
        "net.a.weight": "a.weight",
        "net.b.weight": "b.weight",
    }
    assert align_names(["a.weight_quantized"], ["net.a.weight", "b"]) == {"a.weight_quantized": "net.a.weight"}
    assert align_names(["a.weight", "other"], ["a.weight", "b.weight"]) == {"a.weight": "a.weight"}


def test_of_prefixes_that_fit_as_well_the_shortest_is_taken_then_the_first_in_the_alphabet():
    towers = [f"tower_{letter}.weight" for letter in "hgfedcba"]
    assert align_names(["weight"], towers) == {"weight": "tower_a.weight"}
    assert align_names(["weight"], [*towers, "tower.weight"]) == {"weight": "tower.weight"}
