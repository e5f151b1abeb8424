"""The task `fill-mask`: what is masked, what is scored, held to transformers, and the suite of the page on a model trained here."""

from __future__ import annotations

import json
import math
import re
import shutil

import numpy as np
import onnx
import pyarrow.parquet as pq
import pytest

from mqa_registry import Batching, DataError, Model, run_rows
from mqa_transformers.tasks.fill_mask import FillMask, FillMaskOptions, score_masks
from tests.cli.conftest import Project
from tests.mqa_transformers.tasks.tiny_models import PIECES, make_facts, train_masked
from tests.task_page import read_suite

FACTS, TEXTS, SEED = 400, 60, 11
DAMAGED = "bert.encoder.layer.0.output.dense"
POSITIONS = 16  # of the codecs that are bound here
FACT = {"text": "song and [MASK] is the", "masked": "drum"}
PLAIN = {"text": "song and drum is the new"}

pytestmark = pytest.mark.usefixtures("exports_here")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the trained model, `masked-model`; not to be changed."""
    folder = tmp_path_factory.mktemp("masks")
    train_masked(folder / "masked-model")
    return folder


@pytest.fixture(scope="module")
def load(folder):
    """A tokenizer of that model, with other settings."""
    from transformers import AutoTokenizer

    return lambda **settings: AutoTokenizer.from_pretrained(folder / "masked-model", **settings)


@pytest.fixture(scope="module")
def module(folder):
    from transformers import AutoModelForMaskedLM

    return AutoModelForMaskedLM.from_pretrained(folder / "masked-model").eval()


@pytest.fixture(scope="module")
def bind(load):
    def make(processor=None, vocabulary=0, **options):
        tokenizer = processor or load()
        about = {"max_positions": POSITIONS, "vocab_size": vocabulary or len(PIECES)}
        model = Model(digest="x", module=lambda: None, processor=lambda: tokenizer, labels=(), about=about)
        return FillMask().bind(model, FillMaskOptions(**options))

    return make


@pytest.fixture(scope="module")
def run_model(module):
    """The model as a backend runs it."""
    import torch

    def run(batch):
        with torch.inference_mode():
            given = {name: torch.from_numpy(array) for name, array in batch.items()}
            return {"logits": module(**given).logits.numpy()}

    return run


def run_neighbours(batch):
    """Logits by the tokens on both sides of each, and by nothing else: what is masked, and padding, do not count."""
    ids = batch["input_ids"]
    table = np.random.default_rng(7).normal(size=(2, len(PIECES), len(PIECES)))
    before, after = np.roll(ids, 1, axis=1), np.roll(ids, -1, axis=1)
    return {"logits": table[0][before] + table[1][after]}


def predict(codec, run, *examples, budget=64):
    rows = codec.encode(examples)
    return codec.decode(run_rows(codec, run, rows, Batching(), budget), rows)["tokens"].to_pylist()


# What is scored.


def test_the_tokens_of_a_text_are_scored_each_masked_in_turn_as_by_hand(bind, load, module, run_model):
    import torch

    tokenizer = load()
    for text in make_facts(3, SEED).texts:
        ids = tokenizer(text, return_tensors="pt")["input_ids"]
        expected = []
        for position in range(1, ids.shape[1] - 1):
            masked = ids.clone()
            masked[0, position] = tokenizer.mask_token_id
            with torch.inference_mode():
                log_p = torch.log_softmax(module(input_ids=masked).logits[0, position].double(), dim=-1)
            own = log_p[ids[0, position]]
            second, first = log_p.exp().sort().values[-2:]
            token = tokenizer.convert_ids_to_tokens(int(log_p.argmax()))
            rank = 1 + int((log_p > own).sum())
            expected.append((token, rank, float(-own), float(first - second)))
        (found,) = predict(bind(), run_model, {"text": text})
        assert [(one["token"], one["rank"]) for one in found] == [one[:2] for one in expected]
        assert [one["loss"] for one in found] == pytest.approx([one[2] for one in expected], abs=1e-5)
        assert [one["margin"] for one in found] == pytest.approx([one[3] for one in expected], abs=1e-5)


def test_a_masked_word_is_scored_as_by_the_pipeline_of_transformers(bind, load, module, run_model):
    from transformers import pipeline

    fill = pipeline("fill-mask", model=module, tokenizer=load())
    ((found,),) = predict(bind(), run_model, FACT)
    (best, second), (target,) = fill(FACT["text"], top_k=2), fill(FACT["text"], targets=["drum"])
    assert found["token"] == best["token_str"] == "drum"
    assert found["margin"] == pytest.approx(best["score"] - second["score"], abs=1e-5)
    assert math.exp(-found["loss"]) == pytest.approx(target["score"], abs=1e-5)


def test_the_rank_of_a_token_counts_those_in_front_and_the_first_of_equal_ones():
    logits = np.log(np.array([[0.1, 0.4, 0.1, 0.4], [0.1, 0.4, 0.1, 0.4], [0.7, 0.1, 0.1, 0.1], [0.25] * 4]))
    scored = score_masks(logits, np.array([3, 2, -1, 0]))
    assert scored["ranks"].tolist() == [2, 4, 0, 1]
    assert scored["likeliest"].tolist() == [1, 1, 0, 0]
    assert scored["margins"] == pytest.approx([0, 0, 0.6, 0])
    assert scored["losses"] == pytest.approx([-math.log(0.4), -math.log(0.1), 0, math.log(4)])


def test_a_row_with_a_logit_that_is_not_finite_has_no_prediction(bind):
    def run(batch):
        outputs = run_neighbours(batch)
        outputs["logits"][batch["input_ids"] == PIECES.index("song")] = np.inf  # of a token that is not masked
        outputs["logits"][np.roll(batch["input_ids"], 1, axis=1) == PIECES.index("race"), 3] = np.nan
        return outputs

    found = predict(bind(), run, FACT, {"text": "race [MASK]"}, {"text": "a [MASK]"})
    assert [one is None for one in found] == [False, True, False]


def test_outputs_of_another_shape_or_vocabulary_are_refused(bind):
    codec = bind()
    (part,) = codec.encode([FACT])
    with pytest.raises(DataError, match=r"the model gives `logits` of the shape \(1, 4\)"):
        codec.reduce({"logits": np.zeros((1, 4))}, [part])
    with pytest.raises(DataError, match=r"logits for 6 tokens, and the tokenizer has one of the number 6"):
        codec.reduce({"logits": np.zeros((1, len(part["input_ids"]), 6))}, [part])


# What is masked.


def masked_pieces(codec, load, example):
    """The tokens that each part of a row is fed with."""
    (row,) = codec.encode([example])
    return [" ".join(load().convert_ids_to_tokens(part["input_ids"].tolist())) for part in codec.split(row)]


def test_a_text_is_run_once_for_each_of_its_tokens(bind, load):
    assert masked_pieces(bind(), load, {"text": "a drum is new"}) == [
        "[CLS] [MASK] drum is new [SEP]",
        "[CLS] a [MASK] is new [SEP]",
        "[CLS] a drum [MASK] new [SEP]",
        "[CLS] a drum is [MASK] [SEP]",
    ]


@pytest.mark.parametrize(
    ("text", "masked", "pieces"),
    [
        ("a [MASK] is", "drum", "[CLS] a [MASK] is [SEP]"),
        ("a <mask> is", "drum", "[CLS] a [MASK] is [SEP]"),
        ("a [MASK] is", "xy", "[CLS] a [MASK] [MASK] is [SEP]"),  # two tokens
        ("[MASK] a [MASK]", ["xy", "song"], "[CLS] [MASK] [MASK] a [MASK] [SEP]"),
        ("a [MASK] is", None, "[CLS] a [MASK] is [SEP]"),
        ("x[MASK] is", "y", "[CLS] x [MASK] is [SEP]"),  # a part of a word
    ],
)
def test_all_masks_of_a_text_are_masked_at_once_as_many_tokens_as_their_words_have(bind, load, text, masked, pieces):
    assert masked_pieces(bind(), load, {"text": text, "masked": masked}) == [pieces]


def test_a_mask_of_which_nobody_knows_the_word_is_predicted_and_not_scored(bind):
    known, unknown = predict(bind(), run_neighbours, FACT, {"text": FACT["text"]})
    assert [(one["token"], one["margin"]) for one in known] == [(one["token"], one["margin"]) for one in unknown]
    assert [(one["loss"], one["rank"]) for one in unknown] == [(None, None)]
    assert known[0]["rank"] >= 1


def test_a_text_without_tokens_has_none_to_predict(bind):
    assert predict(bind(), run_neighbours, {"text": ""}, PLAIN)[0] == []


def test_neither_the_batch_nor_the_side_of_padding_changes_a_prediction(bind, load):
    examples = [PLAIN, FACT, {"text": "a drum"}, {"text": "[MASK] and [MASK]", "masked": ["xyz", "song"]}]
    alone = [predict(bind(), run_neighbours, one, budget=1)[0] for one in examples]
    assert predict(bind(), run_neighbours, *examples, budget=300) == alone
    left = bind(load(padding_side="left"))
    assert predict(left, run_neighbours, *examples, budget=300) == alone
    fixed = bind().with_length(12)
    assert predict(fixed, run_neighbours, *examples) == alone
    parts = fixed.split(fixed.encode([PLAIN])[0])
    assert {array.shape for array in fixed.collate(parts).values()} == {(6, 12)}


def test_a_long_text_is_cut_and_a_row_whose_mask_is_cut_off_has_no_encoding(bind):
    codec = bind(max_length=6)
    rows = codec.encode([PLAIN, FACT])
    assert [len(codec.split(row)) for row in rows] == [4, 1]
    assert codec.full_costs([PLAIN, FACT], rows) == [8, 7]
    with pytest.raises(DataError, match="a mask of it is behind the first 6 tokens"):
        codec.encode([{"text": "a song and a drum is [MASK]", "masked": "new"}])


@pytest.mark.parametrize(
    ("example", "reason"),
    [
        ({"text": "a song", "masked": "song"}, "its text has 0 masks, and `masked` 1 word"),
        ({"text": "[MASK] [MASK]", "masked": "song"}, "its text has 2 masks, and `masked` 1 word"),
        ({"text": "[MASK]", "masked": ["a", "b"]}, "its text has 1 mask, and `masked` 2 words"),
        ({"text": "[MASK]", "masked": [" "]}, "`masked` has an empty word"),
        ({"text": "[MASK] is", "masked": [None]}, "`masked` has an empty word"),
    ],
)
def test_words_that_are_not_those_of_the_masks_are_found_before_anything_runs(bind, example, reason):
    assert bind().find_unusable([PLAIN, FACT, example]) == (2, reason)
    assert bind().find_unusable([PLAIN, FACT, {"text": "", "masked": []}, {"text": "", "masked": ""}]) is None


def test_a_word_that_the_model_has_no_embedding_for_is_found_behind_its_mask(bind):
    codec = bind(vocabulary=PIECES.index("##y"))
    index, reason = codec.find_unusable([FACT, {"text": "a [MASK]", "masked": "xy"}])
    assert index == 1
    assert reason.startswith("it has `##y`")


def test_a_tokenizer_without_a_mask_or_without_offsets_is_refused(bind, load):
    with pytest.raises(DataError, match="the tokenizer has no mask token"):
        bind(load(mask_token=None))

    class Slow:
        is_fast = False

    with pytest.raises(DataError, match="the tokenizer `Slow` gives no offsets"):
        bind(Slow())


# Runs.


@pytest.fixture(scope="module")
def project(folder):
    """That folder with the suite of the page and its data."""
    project, facts, texts = Project(folder), make_facts(FACTS, SEED), make_facts(TEXTS, SEED + 1).texts
    masked = [text.replace(f"and {word}", "and [MASK]") for text, word in zip(facts.texts, facts.targets, strict=True)]
    project.table("facts", id=[f"fact-{n}" for n in range(FACTS)], text=masked, word=facts.targets)
    project.table("texts", id=[f"text-{n}" for n in range(TEXTS)], text=texts, region=["north", "south"] * (TEXTS // 2))
    (folder / "suite.toml").write_text(read_suite("masks"), "utf-8")
    return project


@pytest.fixture(scope="module")
def results(project):
    done = project.run("--json", "-")
    assert done.code == 0, done.err + done.out[:2000]
    return done.json["results"]


def estimates(results, check):
    return {one["backend"]: one["numbers"]["value"]["estimate"] for one in results if one["check"] == check}


def test_the_suite_of_the_page_holds_on_both_backends(results):
    found = {check: estimates(results, check) for check in ("top 1", "facts with typos", "perplexity")}
    for one in found.values():
        assert one["torch"] == pytest.approx(one["onnx"], abs=1e-4)
    assert found["top 1"]["onnx"] > 0.9
    assert 1 < found["perplexity"]["onnx"] < len(PIECES) / 4
    assert estimates(results, "parity/agreement") == {"onnx": 1.0}
    (changed,) = {one["evidence"]["changed"] for one in results if one["check"] == "facts with typos"}
    assert changed > FACTS / 4


def test_the_perplexity_of_a_run_is_that_of_all_tokens_of_all_texts(results, project, bind, run_model):
    texts = pq.read_table(project.folder / "texts.parquet")["text"].to_pylist()
    rows = predict(bind(), run_model, *({"text": text} for text in texts), budget=1024)
    losses = [token["loss"] for row in rows for token in row]
    assert estimates(results, "perplexity")["torch"] == pytest.approx(math.exp(np.mean(losses)), rel=1e-4)


def test_the_module_that_a_damaged_export_fails_in_is_named_and_its_flips_are_damage(project, results):
    (file,) = (project.folder / ".mqa").rglob("*.onnx")
    model = onnx.load(file)
    bias = next(one for one in model.graph.initializer if one.name.endswith(f"{DAMAGED}.bias"))
    values = onnx.numpy_helper.to_array(bias)
    values = (values + np.linspace(-6, 6, values.size)).astype(values.dtype)  # a constant would be normalized away
    bias.CopyFrom(onnx.numpy_helper.from_array(values, bias.name))
    onnx.save(model, project.folder / "damaged.onnx")
    columns = ("--columns", "masked=word")
    done = project.mqa(
        "parity", "masked-model", "damaged.onnx", "--data", "facts.parquet", *columns, "--json", "parity.json"
    )
    assert done.code == 1, done.err
    report = json.loads((project.folder / "parity.json").read_text())
    assert report["first_divergence"]["module"] == DAMAGED
    flips = next(one for one in report["results"] if one["check"] == "flips")
    assert flips["evidence"]["details"]["flips"]["damage"] > 0


@pytest.mark.usefixtures("results")
def test_without_data_an_export_is_compared_by_its_tensors_alone(project):
    (file,) = (project.folder / ".mqa").rglob("*.onnx")
    done = project.mqa("parity", "masked-model", str(file), "--json", "parity.json")
    assert done.code == 0, done.err
    report = json.loads((project.folder / "parity.json").read_text())
    assert [one["check"] for one in report["results"]] == ["tensors", "invariance", "invariance"]
    assert report["results"][0]["evidence"]["details"]["coverage"]["rows"] == 30


def test_a_new_suite_asks_for_the_right_tokens(project):
    done = project.mqa("init", "masked-model", "--data", "facts.parquet", "--out", "new.toml")
    assert done.code == 0, done.err
    assert "without targets there is no metric" not in done.err
    text = (project.folder / "new.toml").read_text("utf-8")
    assert 'task = "transformers/fill-mask"' in text
    assert {"metrics/masked-top-k", "parity/agreement"} <= set(re.findall(r'"([a-z]+/[a-z-]+)"', text))
    assert project.mqa("validate", "new.toml").code == 0


def test_a_row_with_another_number_of_words_than_of_masks_ends_with_2_and_is_named(project, tmp_path):
    shutil.copytree(project.folder, tmp_path, dirs_exist_ok=True)
    other = Project(tmp_path)
    other.table("facts", id=["one", "two"], text=["song and [MASK]", "[MASK] and [MASK]"], word=["drum", "drum"])
    done = other.run("--backend", "torch", "--only", "top 1")
    assert done.code == 2
    assert "row `two` of `facts` cannot be run: its text has 2 masks, and `masked` 1 word" in " ".join(done.err.split())
