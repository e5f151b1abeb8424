"""What a user should know beside the numbers: one-sided inputs, training mode, inputs that never vary."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from mqa_parity.sample_batches import Batch
from mqa_parity.tensors.evidence import describe_sides, find_constant_inputs
from mqa_registry import RunnerFacts


def notes(candidate=None, reference=None, mode=""):
    runners = SimpleNamespace(
        candidate=SimpleNamespace(facts=RunnerFacts(**(candidate or {}))),
        baseline=SimpleNamespace(facts=RunnerFacts(**(reference or {}))),
    )
    model_under_test = SimpleNamespace(model=SimpleNamespace(about={"mode": mode} if mode else {}))
    return list(describe_sides(SimpleNamespace(model_under_test=model_under_test), runners))


def test_inputs_that_one_side_does_not_take_are_named_for_that_side():
    assert notes({"unread_inputs": ["mask", "kinds"]}) == [
        "the model is given `mask`, `kinds`, which the file does not take"
    ]
    assert notes(reference={"unread_inputs": ["ids"]}) == ["the file is given `ids`, which the model does not take"]
    assert notes() == []


def test_of_nodes_in_training_mode_three_are_named():
    (note,) = notes({"in_training": ["one", "two", "three", "four", "five"]})
    assert "normalizes by the batch: one, two, three and 2 more; export the model after `eval()`" in note
    assert ": one, two, three; export" in notes({"in_training": ["one", "two", "three"]})[0]


def test_a_model_in_training_mode_is_noted():
    assert notes(mode="training mode") == ["the model runs in training mode"]


def batches(*arrays):
    return [Batch((), {"x": np.array(array)}) for array in arrays]


def test_an_input_of_one_value_in_all_batches_is_constant():
    assert list(find_constant_inputs(batches([[1, 1]], [[1]]))) == ["x"]
    assert list(find_constant_inputs(batches([[1, 1]], [[0]]))) == []
    assert list(find_constant_inputs(batches([[1, 0]]))) == []


def test_one_number_in_all_does_not_show_whether_an_input_varies_and_fractions_hardly_repeat():
    assert list(find_constant_inputs(batches([[1]]))) == []
    assert list(find_constant_inputs(batches([[1.0, 1.0]]))) == []
