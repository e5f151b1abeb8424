"""The tasks: users and items to the inputs of a model, and its outputs to rankings and vectors."""

from __future__ import annotations

import numpy as np
import pytest

from mqa_recommendation.ranking import Ranking
from mqa_recommendation.two_tower import TwoTower, TwoTowerOptions
from mqa_registry import DataError, Model, NoOptions

EXAMPLE = {
    "user": {"user": 3, "age": 41.5, "seen": [1, 0, 2]},
    "item": [{"item": 7, "new": True}, {"item": 2, "new": False}],
    "member": ["i7", "i2"],
}
MODEL = Model(digest="", module=lambda: None, processor=lambda: None)


@pytest.fixture
def ranking():
    return Ranking().bind(MODEL, NoOptions())


def tower(**absent):
    return TwoTower().bind(MODEL, TwoTowerOptions(absent=absent))


def encode_pairs(codec, example):
    (row,) = codec.encode([example])
    return codec.collate(codec.split(row))


def test_a_pair_has_the_features_of_its_user_and_its_item_by_their_names(ranking):
    batch = encode_pairs(ranking, EXAMPLE)
    assert {name: (array.dtype.name, array.tolist()) for name, array in batch.items()} == {
        "user": ("int64", [3, 3]),
        "age": ("float32", [41.5, 41.5]),
        "seen": ("int64", [[1, 0, 2], [1, 0, 2]]),
        "item": ("int64", [7, 2]),
        "new": ("bool", [True, False]),
    }


def test_a_number_or_a_list_is_the_input_of_its_field(ranking):
    batch = encode_pairs(ranking, {"user": [0.5, 1.0], "item": [4, 5, 6]})
    assert {name: array.tolist() for name, array in batch.items()} == {"user": [[0.5, 1.0]] * 3, "item": [4, 5, 6]}


def decode(codec, example, *outputs):
    (row,) = codec.encode([example])
    batch = {name: np.array([each[name] for each in outputs]) for name in outputs[0]}
    reduced = codec.reduce(batch, codec.split(row))
    scores = codec.join([{name: array[pair] for name, array in reduced.items()} for pair in range(len(outputs))], row)
    return codec.decode({"scores": np.array([[*scores["scores"], 0.0]])}, [row]).to_pylist()


@pytest.mark.parametrize(
    "outputs",
    [
        [{"output": 1.0}, {"output": 2.5}],
        [{"output": [1.0]}, {"output": [2.5]}],
        [{"score": [[1.0]], "other": [1, 2]}, {"score": [[2.5]], "other": [1, 2]}],
        [
            {"user_embedding": [1.0, 2.0], "item_embedding": [0.0, 0.5]},
            {"user_embedding": [1.0, 2.0], "item_embedding": [0.5, 1.0]},
        ],
    ],
)
def test_a_score_is_the_only_output_or_the_named_one_or_the_product_of_both_vectors(ranking, outputs):
    assert decode(ranking, EXAMPLE, *outputs) == [{"ranking": ["i2", "i7"], "scores": [2.5, 1.0]}]


def test_a_number_that_a_model_gives_for_a_whole_batch_is_the_score_of_each_pair(ranking):
    (row,) = ranking.encode([EXAMPLE])
    assert ranking.reduce({"output": np.array(2.5)}, ranking.split(row))["score"].tolist() == [2.5, 2.5]


def test_a_user_with_a_score_that_is_no_number_has_no_ranking(ranking):
    assert decode(ranking, EXAMPLE, {"output": 1.0}, {"output": np.nan}) == [{"ranking": None, "scores": None}]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"user": "Ann"}, "the feature `user` is 'Ann', and the model reads numbers"),
        ({"user": {"user": None}}, "the feature `user` is None, and the model reads numbers"),
        ({"user": {"age": float("nan")}}, "the feature `age` is nan"),
        ({"user": {"seen": [[1], [1, 2]]}}, "the feature `seen` is a list of lists of several lengths"),
        ({"user": {"item": 1}}, "users and items both have the feature `item`"),
        ({"item": [{"item": 1}, {"item": 1, "new": True}]}, "some rows have the feature `new` and others do not"),
        ({"item": [{"item": [1]}, {"item": [1, 2]}]}, "the feature `item` has 1 and 2 numbers"),
    ],
)
def test_what_no_model_reads_is_refused_by_its_name(ranking, change, said):
    with pytest.raises(DataError) as refused:
        ranking.encode([EXAMPLE | change])
    assert refused.value.message == said
    assert refused.value.hint


@pytest.mark.parametrize(
    ("outputs", "said"),
    [
        ({"a": [1.0], "b": [1.0]}, "the model has the outputs `a`, `b`, and none says that it is the score"),
        ({"output": [1.0, 2.0]}, "the model gives 2 numbers for a pair, and one is its score"),
        (
            {"user_embedding": [1.0], "item_embedding": [1.0, 2.0]},
            "the model gives users vectors of 1 numbers, and items of 2",
        ),
    ],
)
def test_outputs_that_are_no_score_are_refused(ranking, outputs, said):
    with pytest.raises(DataError) as refused:
        decode(ranking, EXAMPLE, outputs, outputs)
    assert refused.value.message == said


def test_a_row_of_one_tower_has_numbers_in_place_of_the_inputs_of_the_other():
    codec = tower(user=0, age=0.0, item=0)
    batch = codec.collate(codec.encode([{"item": 4}, {"item": 5}]))
    assert {name: (array.dtype.name, array.tolist()) for name, array in batch.items()} == {
        "user": ("int64", [0, 0]),
        "age": ("float32", [0.0, 0.0]),
        "item": ("int64", [4, 5]),
    }


def test_the_vector_of_a_row_is_that_of_its_tower():
    codec = tower(user=0, item=0)
    outputs = {"user_embedding": np.array([[1.0, 2.0]]), "item_embedding": np.array([[3.0, np.inf]])}
    assert codec.decode(outputs, codec.encode([{"user": 1}])).to_pylist() == [{"vector": [1.0, 2.0]}]
    assert codec.decode(outputs, codec.encode([{"item": 1}])).to_pylist() == [{"vector": None}]
    assert codec.decode({"output": np.array([[5.0]])}, codec.encode([{"item": 1}])).to_pylist() == [{"vector": [5.0]}]
    with pytest.raises(DataError, match="the outputs `a`, `b`, and not `item_embedding`"):
        codec.decode({"a": np.ones((1, 1)), "b": np.ones((1, 1))}, codec.encode([{"item": 1}]))


def test_a_row_is_a_user_or_an_item():
    with pytest.raises(DataError, match="both a `user` and an `item`"):
        tower().encode([{"user": 1, "item": 2}])
    with pytest.raises(DataError, match="neither a `user` nor an `item`"):
        tower().encode([{}])
