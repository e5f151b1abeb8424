"""`mqa parity` of a model of text: which rows and which weights are compared, and how columns are mapped."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from typer.testing import CliRunner

from mqa_registry.cli import app

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def tokenizer():
    import transformers

    return transformers.AutoTokenizer.from_pretrained(ROOT / "suites/models/reviews-minilm", model_max_length=512)


@pytest.fixture(scope="module")
def made(tmp_path_factory, tokenizer):
    """A folder with a tiny classifier of texts with random weights, its export, and 2,000 rows, of which 3 have one word."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    import torch
    import transformers

    from mqa_onnxruntime.export.exporters import export

    folder = tmp_path_factory.mktemp("words")
    torch.manual_seed(7)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    model = transformers.BertForSequenceClassification(
        transformers.BertConfig(vocab_size=len(tokenizer), **sizes)
    ).eval()
    for part in (model, tokenizer):
        part.save_pretrained(folder / "model")
    batch = {name: array.numpy() for name, array in tokenizer(["a word"] * 3, return_tensors="pt").items()}
    export(model, batch, dict.fromkeys(batch, (0, 1)), folder, None)
    texts = [f"{'dvd' if number in {120, 200, 290} else 'row'} {number}" for number in range(2000)]
    pq.write_table(pa.table({"id": [str(number) for number in range(2000)], "text": texts}), folder / "rows.parquet")
    return folder


@pytest.fixture
def words(made, tokenizer, tmp_path, monkeypatch):
    """A copy of that folder, which is the working folder; gives the tokenizer."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tokenizer


def insert_after_embedding(constants, nodes):
    """Nodes that read the words' embeddings as `embedded`; what they make as `changed` is read in their place."""
    from onnx import numpy_helper

    model = onnx.load("model.onnx")
    model.graph.initializer.extend(numpy_helper.from_array(np.asarray(one), name) for name, one in constants.items())
    reading = (node.op_type == "Gather" and "input_ids" in node.input for node in model.graph.node)
    place = next(place for place, reads in enumerate(reading) if reads)
    value = model.graph.node[place].output[0]
    for node in model.graph.node:
        node.input[:] = ["changed" if name == value else name for name in node.input]
    for offset, node in enumerate(nodes, 1):
        node.input[:] = [value if name == "embedded" else name for name in node.input]
        model.graph.node.insert(place + offset, node)
    onnx.save(model, "model.onnx")


def insert_nan(number):
    """Let the export make NaN of a word, by nodes behind its embedding."""
    from onnx import helper

    constants = {"word": np.int64(number), "bad": np.float32("nan"), "good": np.float32(0), "last": np.array([-1])}
    made = [
        helper.make_node("Equal", ["input_ids", "word"], ["is_word"], name="comparing"),
        helper.make_node("Where", ["is_word", "bad", "good"], ["either"], name="choosing"),
        helper.make_node("Unsqueeze", ["either", "last"], ["wide"], name="widening"),
        helper.make_node("Add", ["embedded", "wide"], ["changed"], name="spoiling"),
    ]
    insert_after_embedding(constants, made)


def halve_late_words():
    """Let the export take words from the 129th on for half of what they are."""
    from onnx import helper

    ends = {"start": np.array([0]), "from": np.array([128]), "to": np.array([9999]), "along": np.array([1])}
    made = [
        helper.make_node("Slice", ["embedded", "start", "from", "along"], ["early"], name="beginning"),
        helper.make_node("Slice", ["embedded", "from", "to", "along"], ["late"], name="ending"),
        helper.make_node("Mul", ["late", "half"], ["less"], name="fading"),
        helper.make_node("Concat", ["early", "less"], ["changed"], name="joining", axis=1),
    ]
    insert_after_embedding({**ends, "half": np.float32(0.5)}, made)


@pytest.mark.slow
@pytest.mark.usefixtures("words")
def test_sentences_of_its_own_reach_the_longest_input_that_the_model_takes():
    done = CliRunner().invoke(app, ["parity", "model", "model.onnx"])
    assert done.exit_code == 0, done.output
    assert "30 of 30 rows were compared, the longest of 512 tokens of the model's 512" in " ".join(done.stdout.split())
    halve_late_words()
    done = CliRunner().invoke(app, ["parity", "model", "model.onnx"])
    assert done.exit_code == 1, done.output


def change_weights(number):
    """Another embedding of a word."""
    from onnx import numpy_helper

    model = onnx.load("model.onnx")
    table = next(one for one in model.graph.initializer if one.name.endswith("word_embeddings.weight"))
    weights = numpy_helper.to_array(table).copy()
    weights[number] += np.float32(0.5)
    table.CopyFrom(numpy_helper.from_array(weights, table.name))
    onnx.save(model, "model.onnx")


def test_a_weight_that_no_row_uses_is_compared(words):
    change_weights(words.convert_tokens_to_ids("platform") - 1)
    done = CliRunner().invoke(app, ["parity", "model", "model.onnx", "--data", "rows.parquet", "--json", "report.json"])
    assert done.exit_code == 1, done.output
    report = json.loads(Path("report.json").read_text())
    assert report["first_divergence"]["kind"] == "weights"
    assert report["first_divergence"]["module"] == "bert.embeddings.word_embeddings"
    assert "rows differ, by 0.5 at most" in " ".join(done.stdout.split())
    assert "compared 64 of 2,000 rows, the longest of " in " ".join(done.stdout.split())


def test_a_row_that_is_predicted_differently_is_compared_though_it_was_not_sampled(words):
    insert_nan(words.convert_tokens_to_ids("dvd"))
    done = CliRunner().invoke(app, ["parity", "model", "model.onnx", "--data", "rows.parquet", "--json", "report.json"])
    assert done.exit_code == 1, done.output
    report = json.loads(Path("report.json").read_text())
    assert (report["first_divergence"]["kind"], report["first_divergence"]["node"]) == ("exporter", "spoiling")
    assert set(report["results"][0]["measure"]["include_rows"]) == {"120", "200", "290"}
    assert "3 that it predicts differently were compared as well" in " ".join(done.stdout.split())


@pytest.mark.usefixtures("words")
def test_columns_of_the_rows_are_mapped_on_the_command_line():
    Path("rows.csv").write_text("review,more\nrow 1,a\nrow 2,b\n")
    command = ["parity", "model", "model.onnx", "--data", "rows.csv"]
    done = CliRunner().invoke(app, command)
    assert (done.exit_code, "map a column with `--columns text=COLUMN`" in done.stderr) == (2, True)
    done = CliRunner().invoke(app, [*command, "--columns", "pair=more"])
    assert (done.exit_code, "did you mean `text_pair`?" in done.stderr) == (2, True)
    done = CliRunner().invoke(
        app, [*command, "--columns", "text=review", "--columns", "text_pair=more", "--json", "report.json"]
    )
    assert done.exit_code != 2, done.output
    assert json.loads(Path("report.json").read_text())["environment"]["data"]["rows"]["rows"] == 2
