"""A small model in plain PyTorch, a task for it, and its export."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import mqa_onnxruntime
from mqa_registry import Codec, Model, ModelUnderTest, NoOptions, RunContext, Task

WORDS = 23
WIDTH = 8


class WordsCodec(Codec):
    """Rows of word numbers, padded with 0."""

    def encode(self, examples):
        rows = [np.array(one["words"], np.int64) for one in examples]
        return [{"words": words, "mask": np.ones_like(words)} for words in rows]

    def collate(self, rows):
        lengths = {name: max(len(row[name]) for row in rows) for name in rows[0]}
        return {
            name: np.stack([np.pad(row[name], (0, length - len(row[name]))) for row in rows])
            for name, length in lengths.items()
        }

    def decode(self, outputs, rows):
        return pa.table({"label": [str(row.argmax()) for row in outputs["logits"]]})

    def cost(self, row):
        return len(row["words"])


class Words(Task[NoOptions]):
    """Which of two classes a sequence of word numbers belongs to."""

    name = "bag"
    schema = "label"
    fields = {"words": "tokens"}  # noqa: RUF012 - of a task, which nothing changes
    sample = ({"words": [1, 2, 3]}, {"words": [4]}, {"words": [5, 6, 7, 8, 9, 10, 11]})
    metric = "metrics/accuracy"

    def bind(self, model, options):
        return WordsCodec()


def bag(seed: int = 7):
    """The mean of a sentence's words, through two layers; outputs `logits` and `pooled`."""
    import torch

    class Bag(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = torch.nn.Embedding(WORDS, WIDTH)
            self.inner = torch.nn.Linear(WIDTH, WIDTH)
            self.classifier = torch.nn.Linear(WIDTH, 2)

        def forward(self, words, mask):
            weights = mask.unsqueeze(-1).float()
            pooled = (self.embedding(words) * weights).sum(1) / weights.sum(1)
            return {"logits": self.classifier(torch.nn.functional.gelu(self.inner(pooled))), "pooled": pooled}

    torch.manual_seed(seed)
    return Bag().eval()


@pytest.fixture(scope="session")
def module():
    return bag()


@pytest.fixture(scope="session")
def make_module():
    """Makes the same model with other weights."""
    return bag


@pytest.fixture
def task():
    return Words()


@pytest.fixture(scope="session")
def exports(tmp_path_factory):
    """A folder for exports that tests share, so that each export is made once."""
    return tmp_path_factory.mktemp("exports")


@pytest.fixture
def make(module, task, exports):
    """What a backend runs; options are those of its run context."""

    def model_under_test(*, of=module, digest="sha256:bag", exports=exports, task=task, identity="", **context):
        model = Model(digest=digest, module=lambda: of, processor=lambda: None, labels=("0", "1"))
        return ModelUnderTest(model, task, RunContext(exports=exports, **context), NoOptions(), digest=identity)

    return model_under_test


@pytest.fixture
def model_under_test(make):
    return make()


@pytest.fixture
def backend():
    return next(iter(mqa_onnxruntime.mqa_backends()))


@pytest.fixture
def gpu():
    """Skips where there is no GPU, or an ONNX Runtime without CUDA. Where both are there, what does not start fails."""
    import onnxruntime

    from mqa_onnxruntime.diagnoses import has_gpu
    from mqa_onnxruntime.execution_providers import CUDA

    if not has_gpu():
        pytest.skip("no driver lists an NVIDIA GPU here")
    if CUDA not in onnxruntime.get_available_providers():
        pytest.skip("this ONNX Runtime is built without CUDA")


@pytest.fixture
def exported(model_under_test):
    """The path of the model's export; not to be changed."""
    from mqa_onnxruntime.export.cache import cached_export

    return cached_export(model_under_test, None).path


@pytest.fixture
def graph(tmp_path):
    """Writes a small ONNX file: nodes, the shapes of its float32 inputs, and its weights."""

    def write(nodes, inputs, outputs=("y",), weights=(), *, opset=17, types=None, name="given.onnx"):
        from onnx import TensorProto, helper

        types = types or {}
        values = [helper.make_tensor_value_info(n, types.get(n, TensorProto.FLOAT), s) for n, s in inputs.items()]
        results = [helper.make_tensor_value_info(n, types.get(n, TensorProto.FLOAT), None) for n in outputs]
        made = helper.make_graph(nodes, "g", values, results, list(weights))
        model = helper.make_model(made, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)
        path = tmp_path / name
        path.write_bytes(model.SerializeToString())
        return path

    return write


@pytest.fixture
def with_data(exported, tmp_path):
    """A copy of the export, whose weights are in a file beside it; gives the path of the ONNX file."""

    def copy(folder="given"):
        home = tmp_path / folder
        home.mkdir()
        for file in exported.parent.glob("model.onnx*"):
            (home / file.name).write_bytes(file.read_bytes())
        return Path(home / "model.onnx")

    return copy
