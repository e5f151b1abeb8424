"""The task `question-answering`: its answers are those that transformers' own functions find in the same logits."""

from __future__ import annotations

import json
import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqa_registry import DataError, Model
from mqa_transformers.tasks.question_answering import QuestionAnswering, QuestionAnsweringOptions

LETTERS = "abcdefgh"
PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *LETTERS, *(f"##{one}" for one in LETTERS), *"?.,", "ab"]
WINDOW = 24
TEXTS = st.text(st.sampled_from("abcdefgh .,zé"), min_size=1, max_size=60)
SEEDS = st.integers(0, 1000)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    from tokenizers import BertWordPieceTokenizer
    from transformers import AutoTokenizer

    folder = tmp_path_factory.mktemp("tokenizer")
    vocabulary = {piece: number for number, piece in enumerate(PIECES)}
    BertWordPieceTokenizer(vocabulary, lowercase=False).save(str(folder / "tokenizer.json"))
    configuration = {"tokenizer_class": "BertTokenizer", "do_lower_case": False, "model_max_length": WINDOW}
    configuration |= {"cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]", "unk_token": "[UNK]"}
    (folder / "tokenizer_config.json").write_text(json.dumps(configuration))
    return AutoTokenizer.from_pretrained(folder)


@pytest.fixture(scope="module")
def bind(tokenizer):
    def make(processor=tokenizer, **options):
        about = {"max_positions": WINDOW, "vocab_size": len(PIECES)}
        model = Model(digest="x", module=lambda: None, processor=lambda: processor, labels=(), about=about)
        return QuestionAnswering().bind(model, QuestionAnsweringOptions(**options))

    return make


def make_logits(row, seed, spread=2.0):
    """Logits for the tokens of all windows of an encoded row, end to end."""
    rng = np.random.default_rng(seed)
    return {name: rng.normal(0, spread, len(row["input_ids"])) for name in ("start_logits", "end_logits")}


def answer(codec, example, seed=7):
    (row,) = codec.encode([example])
    logits = make_logits(row, seed)
    (found,) = codec.decode({name: values[None] for name, values in logits.items()}, [row]).to_pylist()
    return found, row, logits


def pipeline_answers(row, logits, max_length, *, may_lack):
    """The likeliest span of characters of each window, with its score, and the score of no answer, by transformers."""
    from transformers.pipelines.document_question_answering import select_starts_ends  # which it once shared

    spans, no_answer, ends = [], 1000000, np.cumsum(row["windows"])
    for stop, length in zip(ends, row["windows"], strict=True):
        part = slice(stop - length, stop)
        roles, offsets = row["roles"][part], row["offsets"][part]
        starts, lasts, scores, no_answer = select_starts_ends(
            logits["start_logits"][None, part].copy(),
            logits["end_logits"][None, part].copy(),
            (roles == 0)[None].astype(int),
            np.ones((1, length), int),
            no_answer,
            1,
            may_lack,
            max_length,
        )
        spans += [
            (float(score), int(offsets[start, 0]), int(offsets[last, 1]))
            for start, last, score in zip(starts, lasts, scores, strict=True)
            if roles[start] == roles[last] == 1
        ]
    return spans, no_answer


@pytest.mark.parametrize("threshold", [None, 0.0])
def test_answers_are_those_of_the_pipeline_of_transformers(bind, threshold):
    codec = bind(no_answer_threshold=threshold, max_answer_length=4)

    @settings(max_examples=40)
    @given(TEXTS, TEXTS, SEEDS)
    def check(question, context, seed):
        found, row, logits = answer(codec, {"question": question, "context": context}, seed)
        spans, no_answer = pipeline_answers(row, logits, 4, may_lack=True)
        assert found["no_answer_score"] == pytest.approx(no_answer)
        best = max(spans, default=(-1.0, 0, 0))
        if best[0] < 0 or (threshold is not None and no_answer > best[0]):
            assert (found["answer"], found["start"], found["end"]) == ("", 0, 0)
            assert found["score"] == pytest.approx(no_answer)
        else:
            assert found["score"] == pytest.approx(best[0])
            assert found["answer"] == context[found["start"] : found["end"]]
            assert any(score == pytest.approx(best[0]) and context[a:b] == found["answer"] for score, a, b in spans)

    check()


def test_a_long_context_is_read_to_its_end_in_windows_that_overlap(bind):
    context = "ab " * 80 + "cd"
    (row,) = bind(stride=3).encode([{"question": "ab?", "context": context}])
    assert len(row["windows"]) > 3
    assert max(row["windows"]) <= WINDOW
    assert row["offsets"].max() == len(context)
    own = [set(map(tuple, part["offsets"][part["roles"] == 1])) for part in bind(stride=3).split(row)]
    assert all(len(one & other) == 3 for one, other in pairwise(own))


def test_an_answer_may_stand_in_any_window(bind):
    codec = bind(stride=3)
    context = "ab " * 40 + "cd"
    (row,) = codec.encode([{"question": "ab?", "context": context}])
    parts = codec.split(row)
    outputs = [dict.fromkeys(("start_logits", "end_logits"), np.zeros(WINDOW)) for _ in parts]
    last = np.zeros(WINDOW)
    last[np.flatnonzero(parts[-1]["offsets"][:, 1] == len(context))[0]] = 9.0
    outputs[-1] = {"start_logits": last, "end_logits": last}
    joined = codec.join(outputs, row)
    (found,) = codec.decode({name: values[None] for name, values in joined.items()}, [row]).to_pylist()
    assert (found["answer"], found["start"], found["end"]) == ("cd", len(context) - 2, len(context))


def test_a_long_question_is_cut_and_a_context_may_be_empty(bind):
    codec = bind(max_question_length=4)
    (row,) = codec.encode([{"question": "a b c d e f", "context": "ab"}])
    assert len(row["input_ids"]) == 4 + 1 + 3
    found, _, _ = answer(codec, {"question": "a", "context": ""})
    assert (found["answer"], found["candidates"]) == ("", [{"answer": "", "score": pytest.approx(1.0)}])


def test_an_answer_has_whole_words_unless_it_is_asked_otherwise(bind):
    example = {"question": "a", "context": "abcd efgh, a."}
    texts = {}
    for whole_words in (True, False):
        codec = bind(whole_words=whole_words, max_answer_length=1)
        texts[whole_words] = {answer(codec, example, seed)[0]["answer"] for seed in range(40)}
    assert texts[True] <= {"abcd", "efgh", ",", "a", "."}
    assert texts[False] > {"ab", "h", "f", "a"}


def test_candidates_are_the_likeliest_answers_of_different_texts(bind):
    found, _, _ = answer(bind(n_best=3, no_answer_threshold=0.0), {"question": "a", "context": "ab ab ab cd"})
    scores = [one["score"] for one in found["candidates"]]
    assert len({one["answer"] for one in found["candidates"]}) == len(scores) == 3
    assert scores == sorted(scores, reverse=True)
    assert found["candidates"][0]["answer"] == found["answer"]


def test_the_threshold_is_how_much_likelier_no_answer_has_to_be(bind):
    example = {"question": "a", "context": "ab cd ef"}
    found, _, _ = answer(bind(), example)
    gap = math.log(found["no_answer_score"]) - math.log(found["score"])
    for threshold, expected in ((gap - 0.01, ""), (gap + 0.01, found["answer"]), (-1e6, ""), (1e6, found["answer"])):
        assert answer(bind(no_answer_threshold=threshold), example)[0]["answer"] == expected


def test_a_batch_gives_what_each_row_gives_alone_and_padding_does_not_count(bind):
    codec = bind()
    rows = codec.encode([{"question": "ab", "context": "cd ef gh ab"}, {"question": "a", "context": "b"}])
    width = max(len(row["input_ids"]) for row in rows)
    rng = np.random.default_rng(7)
    outputs = {name: rng.normal(size=(2, width)) for name in ("start_logits", "end_logits")}
    outputs["start_logits"][1, -1] = np.nan  # padding
    together = codec.decode(outputs, rows).to_pylist()
    alone = [
        codec.decode({name: values[n : n + 1] for name, values in outputs.items()}, [row]).to_pylist()[0]
        for n, row in enumerate(rows)
    ]
    assert together == alone
    assert together[1]["answer"] == "b"
    outputs["end_logits"][1, 0] = np.nan
    assert codec.decode(outputs, rows)["answer"].null_count == 1


def test_outputs_may_have_other_names_that_say_which_they_are(bind):
    codec = bind()
    rows = codec.encode([{"question": "ab", "context": "cd"}])
    logits = make_logits(rows[0], 7)
    start, end = (logits[name][None] for name in ("start_logits", "end_logits"))
    usual = codec.decode({"start_logits": start, "end_logits": end}, rows)
    assert codec.decode({"END": end, "START": start}, rows).equals(usual)
    with pytest.raises(DataError, match="no outputs `start_logits` and `end_logits`; it has `logits`"):
        codec.decode({"logits": start}, rows)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"stride": 20}, "`stride` is 20, and next to the longest question windows have 11 tokens"),
        (
            {"max_question_length": 21},
            "`max_question_length` is 21, and windows have 21 tokens for question and context",
        ),
        ({"max_length": 4}, "`max_length` is 4, and this model takes 5 to 24 tokens"),
        ({"max_answer_length": 0}, "`max_answer_length` is 1 at least"),
        ({"n_best": 1}, "`n_best` 2"),
    ],
)
def test_options_that_cannot_be_are_refused(bind, options, said):
    with pytest.raises(DataError, match=said):
        bind(**options)


def test_a_tokenizer_without_offsets_is_refused(bind):
    class Slow:
        is_fast = False

    with pytest.raises(DataError, match="the tokenizer `Slow` gives no offsets"):
        bind(processor=Slow())


def test_a_backend_with_rows_of_a_fixed_length_gets_windows_of_it(bind):
    codec = bind().with_length(12)
    (row,) = codec.encode([{"question": "ab", "context": "ab " * 20}])
    assert max(row["windows"]) <= 12
    assert {array.shape for array in codec.collate(codec.split(row)).values()} == {(len(row["windows"]), 12)}
