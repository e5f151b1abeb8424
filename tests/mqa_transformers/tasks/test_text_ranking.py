"""The task: a query with its candidates to pairs of texts, and the scores of the pairs to a ranking."""

from __future__ import annotations

import numpy as np
import pytest

from mqa_registry import DataError, Model
from mqa_transformers.tasks.text_ranking import TextRanking, TextRankingOptions

EXAMPLE = {"query": "good movie", "text": ["bad movie", "the movie was good", ""], "member": ["x", "y", "z"]}


@pytest.fixture(scope="module")
def tokenizer(bert):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(bert)


@pytest.fixture
def bind(tokenizer):
    """The task, bound to a model of these labels."""

    def bind(*labels, about=(), **options):
        model = Model(
            digest="", module=lambda: None, processor=lambda: tokenizer, labels=labels or ("a",), about=dict(about)
        )
        return TextRanking().bind(model, TextRankingOptions(**options))

    return bind


def decode(codec, rows, *logits):
    """The predictions of rows whose pairs got these logits."""
    joined = [
        codec.join([{"logits": np.array(one)} for one in each], row) for each, row in zip(logits, rows, strict=True)
    ]
    width = max(len(one["scores"]) for one in joined)
    scores = np.stack([np.pad(one["scores"], (0, width - len(one["scores"]))) for one in joined])
    return codec.decode({"scores": scores}, rows).to_pylist()


def test_the_parts_of_a_row_are_the_pairs_as_the_tokenizer_makes_them(bind, tokenizer):
    codec = bind()
    (row,) = codec.encode([EXAMPLE])
    parts = codec.split(row)
    expected = tokenizer(["good movie"] * 3, EXAMPLE["text"])
    for name in ("input_ids", "token_type_ids", "attention_mask"):
        assert [part[name].tolist() for part in parts] == expected[name]
    assert codec.cost(row) == max(map(codec.cost, parts))
    assert codec.collate(parts)["input_ids"].shape == (3, codec.cost(row))


def test_a_ranking_has_the_best_score_first_and_equal_ones_in_order(bind):
    codec = bind()
    rows = codec.encode([EXAMPLE, {"query": "a", "text": ["b", "c"]}])
    found = decode(codec, rows, [[1.0], [3.0], [1.0]], [[-2.0], [-1.0]])
    assert found == [
        {"ranking": ["y", "x", "z"], "scores": [3.0, 1.0, 1.0]},
        {"ranking": ["2", "1"], "scores": [-1.0, -2.0]},  # no name: numbers from 1 on
    ]


def test_of_two_labels_the_last_stands_for_a_good_candidate(bind):
    codec = bind("bad", "good")
    rows = codec.encode([EXAMPLE])
    (found,) = decode(codec, rows, [[9.0, 9.5], [0.0, 2.0], [5.0, 1.0]])
    assert found == {"ranking": ["y", "x", "z"], "scores": [2.0, 0.5, -4.0]}


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_row_with_a_score_that_is_no_number_has_no_prediction(bind, bad):
    codec = bind()
    rows = codec.encode([EXAMPLE])
    assert decode(codec, rows, [[1.0], [bad], [0.0]]) == [{"ranking": None, "scores": None}]


def test_a_row_is_truncated_where_its_longest_pair_is(bind, tokenizer):
    codec = bind(max_length=8)
    rows = codec.encode([EXAMPLE, EXAMPLE | {"text": ["a", "b", "c"]}])
    longest = max(len(tokenizer("good movie", text)["input_ids"]) for text in EXAMPLE["text"])
    assert codec.full_costs([EXAMPLE, EXAMPLE | {"text": ["a", "b", "c"]}], rows)[0] == longest > 8
    assert codec.cost(rows[0]) == 8


def test_rows_of_one_length_have_pairs_of_that_length(bind):
    codec = bind().with_length(16)
    (row,) = codec.encode([EXAMPLE])
    assert {codec.cost(part) for part in codec.split(row)} == {16}


def test_an_example_that_the_model_cannot_run_is_named_by_its_own_index(bind, tokenizer):
    codec = bind(about={"vocab_size": len(tokenizer) - 1})  # the last token has no embedding: `was`
    assert codec.find_unusable([{"query": "a", "text": ["b", "c"]}, EXAMPLE])[0] == 1


def test_a_model_of_more_classes_is_no_ranker(bind):
    with pytest.raises(DataError, match="chooses one of 3 classes"):
        bind("a", "b", "c")


def test_an_output_of_another_shape_is_refused(bind):
    codec = bind()
    rows = codec.encode([EXAMPLE])
    with pytest.raises(DataError, match=r"logits of shape \(3,\) for a pair"):
        decode(codec, rows, [[1.0, 2.0, 3.0]] * 3)
