"""Lengths that a file declares dynamic and has frozen are told as such, and not as a kernel's fault."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from mqa_onnxruntime.reopening import Source
from mqa_onnxruntime.runner import SessionRunner
from mqa_parity.blaming import blame
from mqa_transformers.runner import TorchRunner

HEADS, WIDTH = 4, 32


def network():
    """One layer of attention that takes its shapes as Python's numbers, which freeze where it is traced."""
    import torch

    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.entry = torch.nn.Linear(8, WIDTH)
            self.attention = torch.nn.Linear(WIDTH, 3 * WIDTH)
            self.out = torch.nn.Linear(WIDTH, 2)

        def forward(self, x):
            rows, length = int(x.shape[0]), int(x.shape[1])
            q, k, v = (
                self.attention(self.entry(x)).reshape(rows, length, 3, HEADS, WIDTH // HEADS).permute(2, 0, 3, 1, 4)
            )
            weighted = (q @ k.transpose(-1, -2) / 3).softmax(-1) @ v
            return {"y": self.out(weighted.transpose(1, 2).flatten(2).mean(1))}

    torch.manual_seed(7)
    return Network().eval()


@pytest.fixture(scope="module")
def frozen(tmp_path_factory):
    """The network, and an export of it that declares rows and positions of any number."""
    import torch

    module, path = network(), tmp_path_factory.mktemp("frozen") / "model.onnx"
    axes = {"x": {0: "rows", 1: "long"}, "y": {0: "rows"}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracer's own
        torch.onnx.export(
            module, (torch.randn(2, 12, 8),), path, input_names=["x"], output_names=["y"], dynamic_axes=axes,
            dynamo=False, opset_version=17,
        )  # fmt: skip
    return module, path


@pytest.mark.parametrize("shape", [(2, 9, 8), (3, 12, 8), (1, 9, 8)])
def test_the_lengths_that_a_file_runs_with_are_told_at_the_node_that_froze_them(frozen, shape):
    module, path = frozen
    batch = {"x": np.random.default_rng(7).normal(size=shape).astype(np.float32)}
    source = Source(path, threads=1, providers={"CPUExecutionProvider": {}})
    candidate = SessionRunner(source.open(), {"x": np.float32}, "CPUExecutionProvider", 512, {}, {}, source)
    reference = TorchRunner(module, module, lambda: batch, "cpu", 1, 512, {}, {"precision": "float32", "tf32": False})
    found = blame(reference, candidate, [batch])
    assert found is not None
    assert (found.kind, found.module, found.class_name, found.nodes) == ("exporter", "", "Network", ("/Reshape",))
    told = "the file runs only with 2 rows and 12 along axis 1 of `x`: a dimension that it declares dynamic is frozen"
    assert found.evidence()["meaning"] == told
