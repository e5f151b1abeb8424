"""A task of somebody else's, in one file, on a model with a head that it says it needs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest

PLUGIN = '''
import numpy as np
import pyarrow as pa
from mqa_registry import Codec, NoOptions, Task, hookimpl

INPUTS = ("input_ids", "attention_mask")

class EntitiesCodec(Codec):
    padding_mask = "attention_mask"

    def __init__(self, model):
        self.labels, self.tokenizer = model.labels, model.processor

    def encode(self, examples):
        rows = [self.tokenizer(one["text"], return_offsets_mapping=True) for one in examples]
        return [{name: np.asarray(row[name], np.int64) for name in (*INPUTS, "offset_mapping")} for row in rows]

    def collate(self, rows):
        width = max(map(self.cost, rows))
        fill = {"input_ids": self.tokenizer.pad_token_id, "attention_mask": 0}
        return {
            name: np.stack([np.pad(row[name], (0, width - len(row[name])), constant_values=fill[name]) for row in rows])
            for name in INPUTS
        }

    def decode(self, outputs, rows):
        found = []
        for logits, row in zip(outputs["logits"], rows):
            best = logits[: len(row["input_ids"])].argmax(axis=-1)
            spans = zip(best, row["offset_mapping"])
            found.append([
                {"start": int(start), "end": int(end), "label": self.labels[code], "score": None}
                for code, (start, end) in spans if end > start and self.labels[code] != "O"
            ])
        kind = pa.list_(pa.struct([
            ("start", pa.int64()), ("end", pa.int64()), ("label", pa.string()), ("score", pa.float64())
        ]))
        return pa.table({"spans": pa.array(found, kind)})

    def cost(self, row):
        return len(row["input_ids"])

class Entities(Task[NoOptions]):
    """Which words of a text are names."""

    name, schema, metric, needs = "entities", "spans", "own/exact", "token-classification"
    fields = {"text": "text"}
    sample = ({"text": "ada met bob"}, {"text": "ada"}, {"text": "bob and ada and eve met in rome"})

    def bind(self, model, options):
        return EntitiesCodec(model)

class Pixels(Entities):
    """The same, for a model that no source loads."""

    name, needs = "pixels", "mind-reading"

@hookimpl
def mqa_tasks():
    return [Entities(), Pixels()]
'''
SUITE = """
format = 1
name = "entities"
[model]
use = "transformers/auto"
id = "model"
task = "own/entities"
[data.rows]
use = "datasets/file"
path = "rows.csv"
[backends.torch]
use = "transformers/torch"
[backends.onnx]
use = "onnxruntime/session"
[[check]]
measure = { use = "parity/tensors", rows = 4 }
expect = { mismatches = { max = 0 } }
"""
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "ada", "bob", "eve", "met", "and", "in", "rome"]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A folder with the plugin, a suite, and a tiny model that tags tokens."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertForTokenClassification, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("entities")
    tokens = Tokenizer(models.WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokens.pre_tokenizer = pre_tokenizers.Whitespace()
    tokens.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokens, pad_token="[PAD]", unk_token="[UNK]", model_max_length=32
    ).save_pretrained(folder / "model")
    torch.manual_seed(7)
    labels = dict(enumerate(["O", "PERSON", "PLACE"]))
    config = BertConfig(
        vocab_size=len(WORDS), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=32, id2label=labels, label2id={name: code for code, name in labels.items()},
        initializer_range=0.5,
    )  # fmt: skip
    BertForTokenClassification(config).save_pretrained(folder / "model")
    (folder / "own.py").write_text(PLUGIN)
    (folder / "suite.toml").write_text(SUITE)
    rows = [
        " ".join(WORDS[4 + (first + step * number) % 7] for number in range(3 + first))
        for first in range(6)
        for step in (1, 3)
    ]
    (folder / "rows.csv").write_text("text\n" + "\n".join(rows) + "\n")
    return folder


def mqa(folder, *arguments):
    command = [sys.executable, "-m", "mqa_registry.cli", *arguments, "--plugin", "own.py"]
    return subprocess.run(command, cwd=folder, env=os.environ, capture_output=True, text=True, check=False, timeout=300)


def test_the_model_of_a_new_task_is_loaded_exported_and_compared(project):
    done = mqa(project, "run", "suite.toml", "--json", "-")
    report = json.loads(done.stdout)
    assert (report["verdict"], done.returncode) == ("PASS", 0), done.stderr
    assert report["environment"]["model"]["architecture"] == "BertForTokenClassification"


def test_weights_that_only_decoding_needs_are_no_fault_of_the_export(project):
    done = mqa(project, "export", "model", "--task", "own/entities", "--out", "out", "--json", "-")
    told = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert {shape["outcome"] for shape in told["audit"]["shapes"]} == {"agrees"}
    assert "offset" not in done.stdout + done.stderr
    assert [value["name"] for value in told["audit"]["inputs"]] == ["input_ids", "attention_mask"]


def test_a_source_that_cannot_load_what_a_task_needs_is_a_problem_of_the_suite(project):
    done = mqa(project, "validate", "suite.toml", "--set", "model.task=own/pixels")
    assert done.returncode == 2
    assert "`own/pixels` needs a model for `mind-reading`, and `transformers/auto` loads none" in done.stderr
    assert re.search(r"hint: it loads those for .*`token-classification`", done.stderr)
