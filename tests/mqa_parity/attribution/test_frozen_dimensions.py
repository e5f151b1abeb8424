"""Lengths that a file declares dynamic and has frozen are told as such, and not as a kernel's fault."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from mqa_onnxruntime.session.factory import SessionConfig, SessionFactory
from mqa_onnxruntime.session.runner import SessionRunner
from mqa_parity.attribution.attribute import attribute_difference
from mqa_registry import RunnerFacts
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


def attributed(module, path, x):
    source = SessionFactory(path, SessionConfig(threads=1), providers={"CPUExecutionProvider": {}})
    candidate = SessionRunner(source.open(), {"x": np.float32}, "CPUExecutionProvider", 512, {}, RunnerFacts(), source)
    facts = RunnerFacts(precision="float32", tf32=False)
    reference = TorchRunner(module, module, lambda: {"x": x}, "cpu", 1, 512, {}, facts)
    return attribute_difference(reference, candidate, [{"x": x}])


@pytest.mark.parametrize("shape", [(2, 9, 8), (3, 12, 8), (1, 9, 8)])
def test_frozen_lengths_are_named_with_the_node_that_froze_them(frozen, shape):
    module, path = frozen
    found = attributed(module, path, np.random.default_rng(7).normal(size=shape).astype(np.float32))
    assert found is not None
    assert (found.kind, found.module, found.class_name, found.node_names) == ("exporter", "", "Network", ("/Reshape",))
    told = "the file runs only with 2 rows and 12 along axis 1 of `x`: a dimension that it declares dynamic is frozen"
    assert found.evidence()["meaning"] == told


def pooled():
    """A mean whose divisor was traced, over positions that were counted in Python; a second network pools all rows at once."""
    import torch

    class Mean(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.entry = torch.nn.Linear(8, WIDTH)
            self.out = torch.nn.Linear(WIDTH, 2)

        def forward(self, x):
            return {"y": self.out(self.entry(x).tanh().sum(1) / int(x.shape[1]))}

    class Places(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.entry = torch.nn.Linear(8, WIDTH)
            self.out = torch.nn.Linear(WIDTH, 2)

        def forward(self, x):
            return {
                "y": self.out(
                    (self.entry(x).tanh() * torch.arange(x.shape[1])[None, :, None] / int(x.shape[1])).mean(1)
                )
            }

    class Rows(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.entry = torch.nn.Linear(8, WIDTH)
            self.out = torch.nn.Linear(WIDTH, 2)

        def forward(self, x):
            whole = self.entry(x).tanh().reshape(int(x.shape[0]), -1, WIDTH).mean(1)
            return {"y": self.out(whole) + 0 * x[:, 0, :2]}

    torch.manual_seed(7)
    return {"mean": Mean().eval(), "places": Places().eval(), "rows": Rows().eval()}


@pytest.mark.parametrize(
    ("name", "traced", "shape", "told"),
    [
        ("mean", (2, 12, 8), (1, 9, 8), "is right only with 12 along axis 1 of `x`"),
        ("mean", (2, 12, 8), (3, 20, 8), "is right only with 12 along axis 1 of `x`"),
        ("places", (2, 5, 8), (1, 9, 8), "is right only with 5 along axis 1 of `x`"),
        ("rows", (1, 12, 8), (4, 9, 8), "is right only with 1 row"),
    ],
)
def test_a_length_is_frozen_too_where_the_file_runs_with_others(tmp_path, name, traced, shape, told):
    import torch

    module, path = pooled()[name], tmp_path / "model.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracer's own
        torch.onnx.export(
            module, (torch.randn(*traced),), path, input_names=["x"], output_names=["y"], dynamo=False,
            dynamic_axes={"x": {0: "rows", 1: "long"}, "y": {0: "rows"}}, opset_version=17,
        )  # fmt: skip
    found = attributed(module, path, np.random.default_rng(7).normal(size=shape).astype(np.float32))
    assert found is not None
    assert found.kind == "exporter"
    assert found.evidence()["meaning"] == f"the file {told}: a dimension that it declares dynamic is frozen"


def test_a_file_that_is_wrong_with_any_length_has_no_frozen_dimension(tmp_path):
    import torch

    module, path = pooled()["places"], tmp_path / "model.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracer's own
        torch.onnx.export(
            module, (torch.randn(2, 5, 8),), path, input_names=["x"], output_names=["y"], dynamo=False,
            dynamic_axes={"x": {0: "rows", 1: "long"}, "y": {0: "rows"}}, opset_version=17,
        )  # fmt: skip
    module.forward = lambda x: {"y": module.out((module.entry(x).tanh() + 1).mean(1))}
    found = attributed(module, path, np.random.default_rng(7).normal(size=(1, 9, 8)).astype(np.float32))
    assert found is not None
    assert "frozen" not in str(found.evidence())
