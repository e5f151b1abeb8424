"""Files that take rows of so many tokens alone: held by the command and in a suite as any other file."""

from __future__ import annotations

import json
import shutil
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

from mqa_registry.cli import app
from tests.mqa_transformers.conftest import PIECES, write_tokenizer

LENGTH = 32
INPUTS = ("input_ids", "attention_mask", "token_type_ids")
SUITE = """
format = 1
name = "fixed"
[model]
use = "transformers/auto"
id = "model"
task = "text-classification"
[data.rows]
use = "datasets/file"
path = "rows.jsonl"
[backends.torch]
use = "transformers/torch"
[backends.fixed]
use = "onnxruntime/session"
path = "one-dynamo.onnx"
[[check]]
name = "accuracy"
measure = "metrics/accuracy"
expect = { min = 0 }
[[check]]
name = "flips"
measure = "parity/flip-rate"
expect = { max = 0.5 }
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A BERT that classifies, and exports of it for `[1, 32]` and `[batch, 32]` by both exporters."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    folder = tmp_path_factory.mktemp("fixed")
    config = BertConfig(
        vocab_size=len(PIECES), hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=64, initializer_range=0.5, id2label={0: "negative", 1: "positive"},
        label2id={"negative": 0, "positive": 1},
    )  # fmt: skip
    torch.manual_seed(7)
    model = BertForSequenceClassification(config).eval()
    model.save_pretrained(folder / "model")
    write_tokenizer(folder / "model")
    for rows, name in ((1, "one"), (2, "many")):
        for dynamo in (True, False):
            export(model, folder / f"{name}-{'dynamo' if dynamo else 'traced'}.onnx", rows, LENGTH, dynamo=dynamo)
    export(model, folder / "eight.onnx", 1, 8, dynamo=False)
    for length in (2, 65):
        shutil.copy(folder / "eight.onnx", folder / f"{length}.onnx")
        damage(folder / f"{length}.onnx", lambda graph, length=length: resize(graph, length))
    texts = [f"the movie was {word}" for word in ("good", "bad") * 5] + ["good bad the movie was " * 20]
    lines = [{"text": text, "label": "positive" if "good" in text else "negative"} for text in texts]
    (folder / "rows.jsonl").write_text("\n".join(map(json.dumps, lines)))
    (folder / "suite.toml").write_text(SUITE)
    return folder


def export(model, path, rows, length, *, dynamo):
    import torch

    args = tuple(torch.ones(rows, length, dtype=torch.int64) for _ in INPUTS)
    axes = {"dynamic_axes": {name: {0: "batch"} for name in (*INPUTS, "logits")}}
    if dynamo:
        axes = {"dynamic_shapes": [{0: torch.export.Dim("batch")}] * len(INPUTS), "verbose": False}
    names = {"input_names": list(INPUTS), "output_names": ["logits"]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporters' own
        torch.onnx.export(model, args, path, dynamo=dynamo, **names, **(axes if rows > 1 else {}))


def damage(path, change):
    import onnx

    model = onnx.load(str(path))
    change(model.graph)
    onnx.save(model, str(path))


def resize(graph, length):
    for value in graph.input:
        value.type.tensor_type.shape.dim[1].dim_value = length


@pytest.fixture
def project(made, tmp_path, monkeypatch):
    """A copy of that folder, and `mqa parity model FILE` in it."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)

    def run(*command):
        done = CliRunner().invoke(app, [*command, "--json", "told.json", "--force"])
        told = tmp_path / "told.json"
        report = json.loads(told.read_text()) if told.is_file() else {}
        told.unlink(missing_ok=True)
        return SimpleNamespace(code=done.exit_code, output=" ".join(done.output.split()), report=report)

    return SimpleNamespace(run=run, parity=lambda file, *more: run("parity", "model", file, *more), folder=tmp_path)


def remarks(report):
    return [found["message"] for found in report["findings"] if found["topic"] == "onnx"]


@pytest.mark.parametrize(
    "file",
    [
        "one-dynamo",
        *(pytest.param(one, marks=pytest.mark.slow) for one in ("many-dynamo", "one-traced", "many-traced")),
    ],
)
def test_a_sound_file_passes_and_its_length_is_told(project, file):
    done = project.parity(f"{file}.onnx")
    assert done.code == 0, done.output
    told = "it takes rows of exactly 32 tokens: shorter ones are padded and longer ones cut, on every backend"
    assert remarks(done.report) == [told]
    assert "the longest of 32 tokens" in done.output
    backends = done.report["environment"]["backends"]
    assert {name: about["facts"]["fixed_length"] for name, about in backends.items()} == {"torch": 32, "onnx": 32}
    cut = done.report["environment"]["data"]["rows"]["truncated"]
    assert (cut["limit"], cut["longest"] > 1000) == (32, True)


@pytest.mark.parametrize("file", ["one-dynamo", "many-traced"])
def test_a_wrong_weight_fails_and_is_blamed(project, file):
    from onnx import numpy_helper

    def change(graph):
        for tensor in graph.initializer:
            values = numpy_helper.to_array(tensor).copy()
            if tensor.name.endswith("intermediate.dense.bias"):
                values[3] += 0.3
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))

    damage(project.folder / f"{file}.onnx", change)
    done = project.parity(f"{file}.onnx")
    assert done.code == 1, done.output
    found = done.report["first_divergence"]
    assert (found["kind"], found["module"]) == ("weights", "bert.encoder.layer.0.intermediate.dense")


def test_the_task_of_any_model_makes_such_rows_of_texts_too(project):
    done = project.parity("eight.onnx", "--task", "forward")
    assert done.code == 0, done.output
    assert "the longest of 8 tokens" in done.output


def test_rows_of_that_length_as_arrays_stay_as_they_are(project):
    rng = np.random.default_rng(7)
    ids = rng.integers(5, len(PIECES), (6, LENGTH))
    ones = np.ones_like(ids)
    np.savez("rows.npz", input_ids=ids, attention_mask=ones, token_type_ids=0 * ones)
    assert project.parity("one-dynamo.onnx", "--inputs", "rows.npz").code == 0
    np.savez("short.npz", input_ids=ids[:, :20], attention_mask=ones[:, :20], token_type_ids=0 * ones[:, :20])
    refused = project.parity("one-dynamo.onnx", "--inputs", "short.npz")
    assert refused.code == 2
    assert "exactly 32 along axis 1, and this task gives it with 20" in refused.output
    assert "give it rows of 32 as arrays" in refused.output


@pytest.mark.parametrize(("length", "why"), [
    (2, "rows of exactly 2 tokens, and 2 of them are the tokenizer's own"),
    (65, "rows of exactly 65 tokens, and the model takes 64 at most"),
])  # fmt: skip
def test_a_length_that_no_row_has_is_refused(project, length, why):
    refused = project.parity(f"{length}.onnx")
    assert refused.code == 2
    assert why in refused.output


def test_a_suite_is_valid_and_gives_every_backend_the_same_rows(project):
    assert CliRunner().invoke(app, ["validate", "suite.toml"]).exit_code == 0
    for _ in range(2):  # the second of the store
        done = project.run("run", "suite.toml")
        assert done.code in {0, 4}, done.output
        (flips,) = [one for one in done.report["results"] if (one["check"], one["backend"]) == ("flips", "fixed")]
        assert flips["numbers"]["value"]["estimate"] == 0
        assert done.report["environment"]["data"]["rows"]["truncated"]["rows"] == 1
        assert [one["topic"] for one in done.report["findings"]] == ["fixed"]


def test_two_lengths_in_one_run_are_refused_before_it(project):
    other = SUITE.replace(
        "[[check]]", '[backends.eight]\nuse = "onnxruntime/session"\npath = "eight.onnx"\n[[check]]', 1
    )
    (project.folder / "suite.toml").write_text(other)
    for command in ("validate", "run"):
        refused = CliRunner().invoke(app, [command, "suite.toml"])
        assert refused.exit_code == 2
        said = " ".join(refused.output.split())
        assert "`fixed` takes rows of exactly 32 tokens and backend `eight` takes rows of exactly 8 tokens" in said
