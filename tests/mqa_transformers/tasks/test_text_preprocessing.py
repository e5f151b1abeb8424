"""What a deployment does to texts before the model, as `parity/inputs` names it."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from mqa_parity.inputs import InputParity, InputsOptions
from mqa_registry import DataError, Model, ModelUnderTest, ProbeContext, RunContext, ViewContext
from mqa_registry.types import Rows
from mqa_transformers.tasks.text_classification import TextClassification
from tests.mqa_transformers.conftest import PIECES, write_tokenizer

TEXTS = ["Good movie!", "The bad movie was " + "the good movie " * 30, "GOOD"]
IDS = ["a", "b", "c"]


def load(folder):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder)


@pytest.fixture
def context(bert, tmp_path):
    """The texts, and a model that lower-cases them and cuts them to 64 tokens; it is never built."""
    model = Model(digest="", module=lambda: None, processor=lambda: load(bert), labels=("a", "b"))
    task = TextClassification()
    under_test = ModelUnderTest(model, task, RunContext(exports=tmp_path), task.options())
    view = ViewContext("", Rows(pa.table({"id": IDS, "text": TEXTS}), ("text",)))
    return ProbeContext(view, np.random.default_rng(7), model_under_test=under_test)


def compare(context, **options):
    probe = InputParity()
    table = probe.observe(context, InputsOptions(**options))
    return int(probe.numbers(table)["value"]), probe.evidence(table).details.get("explanation", "")


def deployed(folder, **settings):
    write_tokenizer(folder, **settings)
    return folder


def fed(context, folder, tokenizer, texts=TEXTS, **arguments):
    """What a deployment kept: one batch, padded."""
    batch = tokenizer(list(texts), padding=True, truncation=True, return_tensors="np", **arguments)
    np.savez(folder / "fed.npz", id=np.array(IDS), **batch)
    return folder / "fed.npz"


def test_an_equal_tokenizer_feeds_alike_by_its_folder_and_by_padded_arrays(context, bert, tmp_path):
    assert compare(context, processor=deployed(tmp_path)) == (0, "")
    assert compare(context, arrays=fed(context, tmp_path, load(bert))) == (0, "")


def test_a_tokenizer_that_leaves_the_case_is_named(context, tmp_path):
    folder = deployed(tmp_path)
    file = folder / "tokenizer.json"
    content = json.loads(file.read_text())
    content["normalizer"]["lowercase"] = False
    file.write_text(json.dumps(content))
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps(settings | {"do_lower_case": False}))
    assert compare(context, processor=folder) == (3, "texts are not put into lower case")


def test_another_length_is_named(context, tmp_path):
    folder = deployed(tmp_path, model_max_length=20)
    assert compare(context, processor=folder) == (1, "texts are cut to 20 tokens in place of 64")


def test_another_tokenizer_is_named_where_nothing_simpler_explains_it(context, tmp_path):
    folder = deployed(tmp_path)
    file = folder / "tokenizer.json"
    content = json.loads(file.read_text())
    content["model"]["vocab"] = {piece: len(PIECES) - 1 - number for piece, number in content["model"]["vocab"].items()}
    content["added_tokens"] = []
    file.write_text(json.dumps(content))
    rows, explanation = compare(context, processor=folder)
    assert (rows, explanation.partition(":")[0]) == (3, "the tokenizer is another")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"add_special_tokens": False}, "special tokens are not added"),
        ({"max_length": 32}, "texts are cut to 32 tokens in place of 64"),
    ],
    ids=["special", "length"],
)
def test_a_usual_mistake_is_named(context, bert, tmp_path, arguments, expected):
    assert compare(context, arrays=fed(context, tmp_path, load(bert), **arguments))[1] == expected


def test_texts_that_are_cut_at_their_start_are_named(context, bert, tmp_path):
    tokenizer = load(bert)
    tokenizer.truncation_side = "left"
    assert compare(context, arrays=fed(context, tmp_path, tokenizer)) == (1, "long texts are cut at their start")


def test_a_folder_without_a_tokenizer_is_refused(context, tmp_path):
    with pytest.raises(DataError, match=r"holds no tokenizer: there is no `tokenizer_config\.json`"):
        compare(context, processor=tmp_path / "none")
