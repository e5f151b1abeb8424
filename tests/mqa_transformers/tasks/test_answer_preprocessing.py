"""What a deployment feeds a reader with, in windows of a question and its context, as `parity/inputs` compares and names it."""

from __future__ import annotations

import json
import math

import numpy as np
import pyarrow as pa
import pytest

from mqa_parity.inputs import InputParity, InputsOptions
from mqa_registry import DataError, Model, ModelUnderTest, ProbeContext, RunContext, ViewContext
from mqa_registry.types import Rows
from mqa_transformers.tasks.question_answering import QuestionAnswering
from tests.mqa_transformers.conftest import PIECES, write_tokenizer

LIMIT = 512  # tokens that the model takes
QUESTIONS = ["Was the movie good?", "Good?", "The bad movie?"]
CONTEXTS = ["The movie was good.", "The bad movie was " + "the good movie " * 300, "GOOD " * 420]  # 1, 4 and 2 windows
IDS = ["a", "b", "c"]


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    from transformers import AutoTokenizer

    folder = tmp_path_factory.mktemp("tokenizer")
    write_tokenizer(folder, model_max_length=LIMIT)
    return AutoTokenizer.from_pretrained(folder)


@pytest.fixture
def context(tokenizer, tmp_path):
    """The rows, and a reader that takes windows of 384 tokens; it is never built."""
    about = {"max_positions": LIMIT, "vocab_size": len(PIECES)}
    model = Model(digest="", module=lambda: None, processor=lambda: tokenizer, labels=(), about=about)
    task = QuestionAnswering()
    under_test = ModelUnderTest(model, task, RunContext(exports=tmp_path / "exports"), task.options())
    table = pa.table({"id": IDS, "question": QUESTIONS, "context": CONTEXTS})
    view = ViewContext("", Rows(table, ("question", "context")))
    return ProbeContext(view, np.random.default_rng(7), model_under_test=under_test)


def compare(context, **options):
    probe = InputParity()
    table = probe.observe(context, InputsOptions(**options))
    return probe.numbers(table), probe.evidence(table)


def explain(context, **options):
    """How many rows are fed otherwise, and why."""
    numbers, evidence = compare(context, **options)
    return int(numbers["value"]), evidence.details.get("explanation", "")


def feed(folder, tokenizer, columns=(QUESTIONS, CONTEXTS), **changed):
    """What a deployment kept that makes windows as the documentation of transformers has it: one batch, padded."""
    arguments = {"truncation": "only_second", "max_length": 384, "stride": 128, "return_overflowing_tokens": True}
    batch = tokenizer(*columns, padding=True, return_tensors="np", **(arguments | changed))
    rows = batch.pop("overflow_to_sample_mapping", range(len(IDS)))
    np.savez(folder / "fed.npz", id=np.array([IDS[row] for row in rows]), **batch)
    return folder / "fed.npz"


def deploy(folder, change=lambda content: None, **settings):
    """The folder of a deployment's tokenizer."""
    write_tokenizer(folder, **({"model_max_length": LIMIT} | settings))
    content = json.loads((folder / "tokenizer.json").read_text())
    change(content)
    (folder / "tokenizer.json").write_text(json.dumps(content))
    return folder


def leave_case(content):
    content["normalizer"]["lowercase"] = False


def turn_vocabulary(content):
    vocabulary = content["model"]["vocab"]
    content["model"]["vocab"] = {piece: len(PIECES) - 1 - number for piece, number in vocabulary.items()}
    content["added_tokens"] = []


def test_windows_that_are_made_alike_are_equal_by_a_folder_and_by_padded_arrays(context, tokenizer, tmp_path):
    numbers, evidence = compare(context, processor=deploy(tmp_path))
    assert numbers == {"value": 0, "difference": 0}
    assert evidence.notes == ("all inputs of 3 rows are equal",)
    file = feed(tmp_path, tokenizer)
    with np.load(file) as kept:
        assert kept["id"].tolist() == ["a", "b", "b", "b", "b", "c", "c"]
    assert compare(context, arrays=file)[0] == {"value": 0, "difference": 0}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"add_special_tokens": False}, (3, "special tokens are not added")),
        (
            {"columns": (CONTEXTS, QUESTIONS), "truncation": "only_first"},
            (3, "the context stands before the question"),
        ),
        ({"return_overflowing_tokens": False}, (2, "contexts are cut where their first window ends")),
        ({"stride": 64}, (2, "two windows have in common 64 tokens in place of 128")),
        ({"max_length": 512}, (2, "windows have 512 tokens in place of 384")),
        (
            {"max_length": 256, "stride": 32},
            (2, "windows have 256 tokens in place of 384 and two windows have in common 32 tokens in place of 128"),
        ),
    ],
    ids=["special", "order", "first window", "stride", "window", "both"],
)
def test_a_usual_mistake_is_named(context, tokenizer, tmp_path, arguments, expected):
    assert explain(context, arrays=feed(tmp_path, tokenizer, **arguments)) == expected


@pytest.mark.parametrize(
    ("deployment", "rows", "expected"),
    [
        ({"change": leave_case, "do_lower_case": False}, 3, "texts are not put into lower case"),
        ({"model_max_length": 200}, 2, "windows have 200 tokens in place of 384 and two windows have in common"),
        ({"change": turn_vocabulary}, 3, "the tokenizer is another: `"),
    ],
    ids=["case", "window", "another"],
)
def test_what_a_tokenizer_of_the_deployment_does_otherwise_is_named(context, tmp_path, deployment, rows, expected):
    found, explanation = explain(context, processor=deploy(tmp_path, **deployment))
    assert found == rows
    assert explanation.startswith(expected)


def test_a_row_of_other_windows_says_how_many_it_has(context, tokenizer, tmp_path):
    numbers, evidence = compare(context, arrays=feed(tmp_path, tokenizer, return_overflowing_tokens=False))
    assert numbers == {"value": 2, "difference": math.inf}
    shapes = {one.id: one.details["shapes"] for one in evidence.examples if one.details["shapes"]}
    assert shapes == {"b": "1 part in place of 4", "c": "1 part in place of 2"}


def test_the_window_that_differs_is_named(context, tokenizer, tmp_path):
    with np.load(feed(tmp_path, tokenizer)) as kept:
        arrays = dict(kept)
    arrays["input_ids"][3, 5] += 1  # of the third window of the second row
    np.savez(tmp_path / "fed.npz", **arrays)
    numbers, evidence = compare(context, arrays=tmp_path / "fed.npz")
    assert numbers == {"value": 1, "difference": 1}
    assert (evidence.examples[0].id, evidence.examples[0].details["input"]) == ("b", "input_ids of part 3")


def test_a_folder_without_a_tokenizer_is_refused(context, tmp_path):
    with pytest.raises(DataError, match="holds no tokenizer: there is no"):
        compare(context, processor=tmp_path / "none")
