"""The task: texts to tokens, tokens to rectangles, logits to answers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.special import softmax

from mqa_registry import DataError, Model, UsageError
from mqa_transformers.tasks.text_classification import TextClassification, TextClassificationOptions

HOSTILE = [
    "",
    " " * 500,
    "a" * 100_000,
    "good movie " * 10_000,
    "\x00\x01\x1b[31mred\x7f",
    "😀🏳️‍🌈👩‍👩‍👧‍👦" * 50,
    "\u202e right to left \u202c",
    "[CLS] [SEP] [PAD] [bold]",
    "a\n\n\tb\r\n",
    "\ud7ff\ue000\uffff\U0010ffff",
    "е́",  # noqa: RUF001 - a Cyrillic letter and a combining mark
]


@pytest.fixture(scope="module")
def tokenizer(bert):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(bert)


@pytest.fixture
def bound(tokenizer):
    """The task, bound to a model of these labels."""

    def bind(*labels, about=(), processor=tokenizer, **options):
        model = Model(
            digest="", module=lambda: None, processor=lambda: processor, labels=labels or ("a", "b"), about=dict(about)
        )
        return TextClassification().bind(model, TextClassificationOptions(**options))

    return bind


@dataclass
class Padding:
    """As much of a tokenizer as collating needs."""

    padding_side: str = "right"
    pad_token_id: int | None = 9
    pad_token_type_id: int = 3
    model_max_length: int = 64

    def __len__(self):
        return 10

    def convert_ids_to_tokens(self, number):
        return f"token {number}"


def encode(codec, *texts):
    return codec.encode([{"text": text} for text in texts])


def test_rows_are_encoded_alone_and_unpadded_as_the_tokenizer_does_it(bound, tokenizer):
    rows = encode(bound(), "good movie", "bad")
    for row, text in zip(rows, ("good movie", "bad"), strict=True):
        expected = tokenizer(text)
        assert {name: values.tolist() for name, values in row.items()} == dict(expected)
        assert {values.dtype for values in row.values()} == {np.dtype(np.int64)}


def test_no_examples_give_no_rows(bound):
    assert bound().encode([]) == []


def test_a_pair_of_texts_is_one_row(bound, tokenizer):
    (row,) = bound().encode([{"text": "good", "text_pair": "bad movie"}])
    assert row["input_ids"].tolist() == tokenizer("good", "bad movie")["input_ids"]
    assert row["token_type_ids"].tolist() == [0, 0, 0, 1, 1, 1]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:12]))
def test_hostile_text_is_encoded_and_cut(bound, text):
    (row,) = encode(bound(), text)
    assert 2 <= bound().cost(row) <= 64


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.text(), min_size=1, max_size=5))
def test_a_text_is_encoded_independently_of_other_rows(bound, texts):
    codec = bound()
    together = encode(codec, *texts)
    for row, text in zip(together, texts, strict=True):
        (alone,) = encode(codec, text)
        assert all(np.array_equal(row[name], alone[name]) for name in alone)


def test_a_text_is_cut_to_max_length(bound):
    (row,) = encode(bound(max_length=7), "good movie was the good bad movie")
    assert bound().cost(row) == 7


def test_the_longest_input_is_the_smaller_of_tokenizer_and_model(bound):
    assert bound().cost(encode(bound(about={"max_positions": 16}), "good " * 99)[0]) == 16
    assert bound().cost(encode(bound(about={"max_positions": 512}), "good " * 99)[0]) == 64


def test_the_model_limits_texts_where_the_tokenizer_does_not(bound, bert):
    from transformers import AutoTokenizer

    boundless = AutoTokenizer.from_pretrained(bert, model_max_length=int(1e30))
    codec = bound(processor=boundless, about={"max_positions": 20})
    assert codec.cost(encode(codec, "good " * 99)[0]) == 20
    codec = bound(processor=boundless)
    assert codec.cost(encode(codec, "good " * 99)[0]) == 101


@pytest.mark.parametrize("length", [-1, 0, 4, 65])
def test_a_length_that_the_model_cannot_take_is_refused(bound, length):
    with pytest.raises(DataError, match=rf"`max_length` is {length}, and this model takes 5 to 64 tokens"):
        bound(max_length=length)


def test_collating_pads_to_the_longest_as_the_tokenizer_does_it(bound, tokenizer):
    codec = bound()
    texts = ("good", "", "the movie was bad")
    batch = codec.collate(encode(codec, *texts))
    expected = tokenizer(list(texts), padding=True, return_tensors="np")
    assert set(batch) == set(expected)
    assert all(np.array_equal(batch[name], expected[name]) for name in batch)


def test_collating_pads_on_the_side_and_with_the_ids_of_the_tokenizer(bound):
    rows = [
        {name: np.arange(1, length + 1) for name in ("input_ids", "attention_mask", "token_type_ids")}
        for length in (1, 3)
    ]
    right = bound(processor=Padding()).collate(rows)
    assert right["input_ids"].tolist() == [[1, 9, 9], [1, 2, 3]]
    assert right["attention_mask"].tolist() == [[1, 0, 0], [1, 2, 3]]
    assert right["token_type_ids"].tolist() == [[1, 3, 3], [1, 2, 3]]
    left = bound(processor=Padding("left")).collate(rows)
    assert left["input_ids"].tolist() == [[9, 9, 1], [1, 2, 3]]


def test_an_empty_text_without_tokens_is_one_padding_token(bound):
    class Bare(Padding):
        def __call__(self, texts, **_):
            return {"input_ids": [[] for _ in texts], "attention_mask": [[] for _ in texts]}

    (row,) = encode(bound(processor=Bare()), "")
    assert (row["input_ids"].tolist(), row["attention_mask"].tolist()) == ([9], [1])


logits = arrays.arrays(np.float32, st.tuples(st.integers(1, 9), st.just(3)), elements=st.floats(-1e4, 1e4, width=32))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(logits)
def test_a_prediction_is_the_likeliest_label_with_all_probabilities(bound, values):
    table = bound("x", "y", "z").decode({"logits": values}, [{}] * len(values))
    probabilities = softmax(values.astype(np.float64), axis=1)
    np.testing.assert_allclose(table["probability"].to_pylist(), probabilities, rtol=1e-12, atol=1e-300)
    assert table["label"].to_pylist() == ["xyz"[index] for index in probabilities.argmax(axis=1)]


def test_a_prediction_has_the_columns_of_its_schema(bound, task):
    from mqa_registry.types import get_schema

    table = bound().decode({"logits": np.zeros((2, 2))}, [{}, {}])
    assert dict(zip(table.schema.names, table.schema.types, strict=True)) == get_schema(task.schema).columns


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_row_with_nan_or_infinity_has_no_prediction_and_others_keep_theirs(bound, bad):
    values = np.array([[0.0, 1.0], [bad, 1.0], [1.0, 0.0]], np.float32)
    table = bound().decode({"logits": values}, [{}] * 3)
    assert table["label"].to_pylist() == ["b", None, "a"]
    assert [row is None for row in table["probability"].to_pylist()] == [False, True, False]


def test_huge_logits_do_not_overflow(bound):
    values = np.array([[3e38, -3e38], [-3e38, -3e38]], np.float32)
    table = bound().decode({"logits": values}, [{}, {}])
    assert table["probability"].to_pylist() == [[1.0, 0.0], [0.5, 0.5]]


def test_outputs_other_than_the_logits_are_ignored(bound):
    outputs = {"hidden": np.zeros((1, 7)), "logits": np.array([[0.0, 1.0]])}
    assert bound().decode(outputs, [{}])["label"].to_pylist() == ["b"]


def test_a_single_output_is_the_logits_whatever_its_name(bound):
    assert bound().decode({"output_0": np.array([[0.0, 1.0]])}, [{}])["label"].to_pylist() == ["b"]


def test_several_outputs_without_logits_are_refused(bound):
    with pytest.raises(DataError, match="no output `logits`; it has `one`, `two`"):
        bound().decode({"one": np.zeros((1, 2)), "two": np.zeros((1, 2))}, [{}])


@pytest.mark.parametrize("shape", [(1, 3), (1, 1), (2, 2), (1, 5, 2), (1,)])
def test_logits_that_do_not_fit_the_labels_are_refused(bound, shape):
    with pytest.raises(DataError, match="its configuration names 2 labels"):
        bound().decode({"logits": np.zeros(shape)}, [{}])


@pytest.mark.parametrize(
    ("labels", "about", "options", "schema", "metric"),
    [
        (("a", "b"), {}, {}, "label", "metrics/accuracy"),
        (("a", "b"), {"problem_type": "single_label_classification"}, {}, "label", "metrics/accuracy"),
        (("a", "b"), {"problem_type": "multi_label_classification"}, {}, "labels", "metrics/accuracy"),
        (("a", "b"), {}, {"problem_type": "multi_label_classification"}, "labels", "metrics/accuracy"),
        (("a",), {"problem_type": "multi_label_classification"}, {}, "labels", "metrics/accuracy"),
        (("a",), {}, {}, "value", "metrics/mae"),
        (("a",), {"problem_type": "regression"}, {}, "value", "metrics/mae"),
        ((), {}, {"problem_type": "regression"}, "value", "metrics/mae"),
        (("a", "b"), {"problem_type": "of a later version"}, {}, "label", "metrics/accuracy"),
    ],
)
def test_what_is_predicted_follows_from_the_configuration_or_the_option(labels, about, options, schema, metric):
    model = Model(digest="", module=lambda: None, processor=lambda: None, labels=labels, about=about)
    task = TextClassification().for_model(model, TextClassificationOptions(**options))
    assert (task.schema, task.metric, task.name) == (schema, metric, "text-classification")
    assert schema in TextClassification().schemas


@pytest.mark.parametrize(
    ("labels", "about", "options", "message"),
    [
        ((), {}, {}, "names no classes, and `text-classification` chooses between at least two"),
        (("a",), {"problem_type": "single_label_classification"}, {}, "names 1 class, and"),
        (("a", "b"), {"problem_type": "regression"}, {}, r"gives a row numbers and no class \(2 of them\)"),
        (("a", "b"), {}, {"problem_type": "regression"}, r"\(2 of them\), and `text-classification` gives a row one"),
        ((), {}, {"problem_type": "multi_label_classification"}, "names no labels"),
        (
            ("a", "b"),
            {"problem_type": "single_label_classification"},
            {"problem_type": "multi_label_classification"},
            "asked for, and the configuration of the model says `single_label_classification`",
        ),
        (
            ("a", "b"),
            {},
            {"threshold": 0.4},
            "`threshold` is of a multi-label model, and this one gives a row one class",
        ),
        (("a",), {}, {"threshold": 0.4}, "`threshold` is of a multi-label model, and this one gives a row a number"),
    ],
)
def test_a_model_without_such_a_head_is_refused(labels, about, options, message):
    model = Model(digest="", module=lambda: None, processor=lambda: None, labels=labels, about=about)
    with pytest.raises((DataError, UsageError), match=message) as refused:
        TextClassification().for_model(model, TextClassificationOptions(**options))
    assert refused.value.exit_code == 2


def test_a_tokenizer_without_a_padding_token_pads_with_zero(bound):
    codec = bound(processor=Padding(pad_token_id=None))
    rows = [{"input_ids": np.array(ids), "attention_mask": np.ones(len(ids), int)} for ids in ([5, 6], [7])]
    assert codec.collate(rows)["attention_mask"].tolist() == [[1, 1], [1, 0]]


def test_rows_are_padded_with_the_token_that_the_model_takes_for_padding(bound):
    codec = bound(processor=Padding(pad_token_id=9), about={"pad_token_id": 4, "vocab_size": 10})
    assert codec.collate([{"input_ids": np.array(ids)} for ids in ([5, 6], [7])])["input_ids"].tolist() == [
        [5, 6],
        [7, 4],
    ]
    (remark,) = codec.remarks
    assert remark == (
        "the configuration pads with `token 4` (4) and the tokenizer with `token 9` (9): rows are padded with the former,"
        " which the model takes for padding"
    )


def test_equal_padding_tokens_need_no_remark(bound):
    assert bound(about={"pad_token_id": 0}).remarks == []


def test_the_full_cost_counts_the_tokens_before_truncation(bound, tokenizer):
    codec = bound(max_length=8)
    texts = ["good movie", "good movie " * 20, "the movie was bad !"]
    rows = encode(codec, *texts)
    assert codec.limit == 8
    assert codec.full_costs([{"text": text} for text in texts], rows) == [
        len(tokenizer(text)["input_ids"]) for text in texts
    ]


def test_the_full_cost_of_a_pair_counts_both_texts(bound, tokenizer):
    codec = bound(max_length=8)
    pair = {"text": "good movie " * 20, "text_pair": "bad movie " * 9}
    (size,) = codec.full_costs([pair], codec.encode([pair]))
    assert size == len(tokenizer(pair["text"], pair["text_pair"])["input_ids"])


def test_a_row_with_a_token_without_embedding_is_found(bound, bert, tokenizer):
    from transformers import AutoTokenizer

    larger, vocab_size = AutoTokenizer.from_pretrained(bert), len(tokenizer)
    larger.add_tokens(["@user", "emoji"])
    codec = bound(processor=larger, about={"vocab_size": vocab_size})
    index, why = codec.find_unusable([{"text": "good movie"}, {"text": "good emoji"}])
    assert index == 1
    assert why == (
        f"it has `emoji` ({vocab_size + 1}), and the tokenizer has {vocab_size + 2} tokens, the model {vocab_size}: it has no embedding"
        f" for `@user` ({vocab_size}), `emoji` ({vocab_size + 1})"
    )
    assert codec.find_unusable([{"text": "good movie"}]) is None
    assert codec.remarks != []


def test_a_tokenizer_that_fits_its_model_has_no_unusable_rows(bound, tokenizer):
    assert bound(about={"vocab_size": len(tokenizer)}).find_unusable([{"text": "good movie"}]) is None


@pytest.mark.parametrize("side", ["left", "right"])
def test_rows_of_a_fixed_length_are_cut_and_padded_to_it(bound, bert, side):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(bert, padding_side=side)
    codec = bound(processor=tokenizer).with_length(8)
    examples = [{"text": text} for text in ("bad", "the movie was good " * 9, "")]
    expected = tokenizer([one["text"] for one in examples], padding="max_length", truncation=True, max_length=8)
    rows = codec.encode(examples)
    assert {name: [row[name].tolist() for row in rows] for name in rows[0]} == dict(expected)
    assert (codec.length, codec.limit, {codec.cost(row) for row in rows}) == (8, 8, {8})
    assert codec.full_costs(examples, rows) == [3, 38, 2]


def test_a_fixed_length_keeps_a_shorter_limit(bound):
    codec = bound(max_length=6).with_length(8)
    examples = [{"text": "the movie was good bad good"}]
    (row,) = codec.encode(examples)
    assert (row["attention_mask"].tolist(), codec.limit) == ([1] * 6 + [0] * 2, 6)
    assert codec.full_costs(examples, [row]) == [8]


@pytest.mark.parametrize(("length", "why"), [
    (2, "rows of exactly 2 tokens, and 2 of them are the tokenizer's own"),
    (65, "rows of exactly 65 tokens, and the model takes 64 at most"),
])  # fmt: skip
def test_a_fixed_length_that_no_row_can_have_is_refused(bound, length, why):
    with pytest.raises(DataError, match=why):
        bound(about={"max_positions": 64}).with_length(length)
    assert bound(about={"max_positions": 64}).with_length(3).length == 3


def test_a_pair_of_texts_needs_room_for_both(bound):
    pair = [{"text": "good", "text_pair": "bad movie"}]
    (row,) = bound().with_length(6).encode(pair)
    assert len(row["input_ids"]) == 6
    with pytest.raises(DataError, match="rows of 3 tokens have no room for a pair of texts"):
        bound().with_length(3).encode(pair)
