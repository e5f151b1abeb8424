"""The task `feature-extraction`: the vector of a text is what transformers gives by hand, on both backends."""

from __future__ import annotations

import shutil

import numpy as np
import onnx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mqa_registry import DataError, ModelUnderTest, RunContext, UsageError
from mqa_transformers.loading import silence_transformers
from mqa_transformers.model_source import AutoOptions, AutoSource
from mqa_transformers.tasks.feature_extraction import FeatureExtraction, FeatureExtractionOptions
from mqa_transformers.tasks.pooling import PoolingHead
from mqa_transformers.torch_backend import TorchBackend, TorchOptions
from tests.cli.conftest import Project
from tests.mqa_transformers.tasks.tiny_encoders import (
    MAX_LENGTH,
    make_texts,
    shared_encoder,
    shared_export,
    write_modules,
)

TEXTS = ["the song was long", "a cloud", "with a new ball and a race"]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return shared_encoder(tmp_path_factory)


@pytest.fixture
def folder(encoder, tmp_path):
    """A copy of the encoder's folder, which a test may change."""
    return shutil.copytree(encoder, tmp_path / "copy")


def build_model(folder, **options):
    context = RunContext(folder / "exports", device="cpu")
    model = AutoSource().load(FeatureExtraction(), context, AutoOptions(id=folder))
    return ModelUnderTest(model, FeatureExtraction(), context, FeatureExtractionOptions(**options))


def embed(model_under_test, texts, length=None):
    """The vectors of texts in one batch."""
    codec = model_under_test.codec if length is None else model_under_test.codec.with_length(length)
    rows = codec.encode([{"text": text} for text in texts])
    with TorchBackend().open(model_under_test, TorchOptions()) as runner:
        return np.array(codec.decode(runner.run(codec.collate(rows)), rows)["vector"].to_pylist())


def embed_by_hand(folder, texts, pool):
    """What transformers gives, pooled by a function of the vectors of one text's tokens."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    with silence_transformers(), torch.no_grad():
        model, tokenizer = AutoModel.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
        rows = [model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0] for text in texts]
        return np.array([pool(row).numpy() for row in rows])


POOLINGS = {
    "mean": lambda row: row.mean(0),
    "cls": lambda row: row[0],
    "max": lambda row: row.max(0).values,
    "last-token": lambda row: row[-1],
}


@pytest.mark.parametrize("pooling", POOLINGS)
def test_a_vector_is_what_transformers_gives_pooled_by_hand(encoder, pooling):
    expected = embed_by_hand(encoder, TEXTS, POOLINGS[pooling])
    model_under_test = build_model(encoder, pooling=pooling, normalize=False)
    np.testing.assert_allclose(embed(model_under_test, TEXTS), expected, atol=1e-5)
    np.testing.assert_allclose(embed(model_under_test, TEXTS, length=12), expected, atol=1e-5)


@pytest.mark.parametrize("pooling", ["mean", "cls", "max"])
def test_files_of_sentence_transformers_say_how_tokens_are_pooled(folder, pooling):
    write_modules(folder, pooling)
    expected = embed_by_hand(folder, TEXTS, POOLINGS[pooling])
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    model_under_test = build_model(folder)
    assert model_under_test.codec.limit == MAX_LENGTH
    np.testing.assert_allclose(embed(model_under_test, TEXTS), expected, atol=1e-6)


def test_another_way_to_pool_is_another_model(folder):
    before = build_model(folder).model.digest
    write_modules(folder, "cls")
    assert build_model(folder).model.digest != before


@pytest.mark.parametrize("damage", ["a dense layer", "no configuration of the pooling", "two ways at once", "outside"])
def test_what_sentence_transformers_does_beyond_pooling_is_refused_unless_an_option_says_what_to_do(folder, damage):
    config = folder / "1_Pooling" / "config.json"
    if damage == "a dense layer":
        write_modules(folder, "mean", "Dense")
    elif damage == "two ways at once":
        config.write_text(config.read_text("utf-8").replace("false", "true"), "utf-8")
    elif damage == "outside":
        (folder / "modules.json").write_text('[{"type": "x.Pooling", "path": "../.."}]', "utf-8")
    else:
        config.unlink()
    with pytest.raises(UsageError, match="the model is one of sentence-transformers, and") as refused:
        _ = build_model(folder).codec
    assert "pooling =" in refused.value.hint
    assert build_model(folder, pooling="cls").codec is not None


def test_an_encoder_saved_without_its_pooler_is_run_without_it(folder):
    from safetensors.torch import load_file, save_file

    weights = folder / "model.safetensors"
    save_file({name: one for name, one in load_file(weights).items() if not name.startswith("pooler.")}, weights)
    (folder / "modules.json").unlink()
    np.testing.assert_allclose(
        embed(build_model(folder), TEXTS), embed_by_hand(folder, TEXTS, POOLINGS["mean"]), atol=1e-5
    )


def test_a_file_that_pools_by_itself_is_read_as_it_stands():
    head = PoolingHead("cls", normalize=True)
    pooled = np.array([[3.0, 4.0], [0.0, 0.0]], np.float32)
    outputs = {"token_embeddings": np.ones((2, 5, 2), np.float32), "sentence_embedding": pooled}
    reading = head.infer_reading(outputs, [])
    assert reading.meaning.startswith("pooled: `sentence_embedding` has one vector for each row")
    np.testing.assert_allclose(reading.decode(outputs, [])["vector"].to_pylist(), [[0.6, 0.8], [0.0, 0.0]], atol=1e-7)
    assert head.infer_reading({"last_hidden_state": outputs["token_embeddings"], "pooler_output": pooled}, []) is None


def test_a_vector_with_nan_is_none_and_an_output_without_tokens_is_refused():
    head, row = PoolingHead("mean", normalize=False), {"input_ids": np.zeros(2), "attention_mask": np.ones(2)}
    values = np.array([[[1.0, 2.0], [3.0, 4.0]], [[np.nan, 0.0], [0.0, 0.0]]], np.float32)
    assert head.decode({"last_hidden_state": values}, [row, row])["vector"].to_pylist() == [[2.0, 3.0], None]
    with pytest.raises(DataError, match=r"the model gives `logits` of shape \(2, 2\) for 2 rows"):
        head.decode({"logits": values[:, 0]}, [row, row])


HEAD = """
format = 1
name = "embeddings"
model = {{ use = "transformers/auto", id = "encoder", task = "feature-extraction" }}
data.texts = {{ use = "datasets/file", path = "texts.parquet" }}
backends.torch = {{ use = "transformers/torch" }}
backends.other = {{ {other} }}
[[check]]
measure = {{ use = "parity/close", atol = 1e-4 }}
expect = {{ min = 0.95 }}
[[check]]
measure = "parity/neighbour-flips"
expect = {{ max = 0.1 }}
"""
TYPOS = """
[[check]]
measure = "parity/cosine"
perturb = { use = "robustness/typos", rate = 0.1 }
against = { perturb = false }
expect = { min = 0.0, max = 0.999 }
"""
DAMAGED = "encoder.layer.0.output.dense"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A folder with the encoder, its export and some texts."""
    folder = tmp_path_factory.mktemp("embeddings") / "project"
    shutil.copytree(shared_export(tmp_path_factory), folder)
    rows = make_texts(80, 3, "t")
    pq.write_table(pa.table({"id": rows.ids, "text": rows.texts}), folder / "texts.parquet")
    return Project(folder)


def run(project, other, checks=""):
    (project.folder / "suite.toml").write_text(HEAD.format(other=other) + checks, "utf-8")
    return project.run("--json", "-")


def test_both_backends_give_the_same_vectors_and_neighbours(project):
    done = run(project, 'use = "onnxruntime/session", path = "model.onnx"', TYPOS)
    assert done.code == 0, done.err[-1500:]
    (flips,) = [one for one in done.json["results"] if one["measure"]["use"] == "parity/neighbour-flips"]
    assert flips["evidence"]["details"]["mean_cosine"] == pytest.approx(1.0, abs=1e-5)


def test_a_file_of_vectors_is_replayed(project):
    rows = make_texts(80, 3, "t")
    vectors = pa.array(embed(build_model(project.folder / "encoder"), rows.texts).tolist(), pa.list_(pa.float32(), 32))
    pq.write_table(pa.table({"id": rows.ids, "vector": vectors}), project.folder / "kept.parquet")
    done = run(project, 'use = "replay/file", path = "kept.parquet", schema = "vector"')
    assert done.code == 0, done.err[-1500:]


def test_a_damaged_export_is_blamed_on_its_module_and_flips_neighbours(project):
    model = onnx.load(project.folder / "model.onnx")
    (bias,) = [one for one in model.graph.initializer if one.name.endswith(f"{DAMAGED}.bias")]
    values = onnx.numpy_helper.to_array(bias).copy()
    values[::2] += 3.0
    bias.CopyFrom(onnx.numpy_helper.from_array(values, bias.name))
    onnx.save(model, project.folder / "damaged.onnx")
    done = project.mqa("parity", "encoder", "damaged.onnx", "--data", "texts.parquet", "--json", "-")
    assert done.code == 1, done.err[-1500:]
    assert done.json["environment"]["model"]["task"] == "feature-extraction"
    assert (done.json["first_divergence"]["kind"], done.json["first_divergence"]["module"]) == ("weights", DAMAGED)
    done = run(project, 'use = "onnxruntime/session", path = "damaged.onnx"')
    verdicts = {one["measure"]["use"]: one["verdict"] for one in done.json["results"]}
    assert verdicts == {"parity/close": "FAIL", "parity/neighbour-flips": "FAIL"}
    assert "flips: " in done.err
