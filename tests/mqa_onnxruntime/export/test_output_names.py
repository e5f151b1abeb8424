"""Outputs have the names that an export of the module gives them, whether or not the module names them itself."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from mqa_onnxruntime.export.exporters import EXPORTERS, export, named_outputs


def nest(kind):
    import torch

    class Nest(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = torch.nn.Linear(3, 3)

        def forward(self, x):
            one = self.inner(x)
            if kind == "tuple":
                return one, (one * 2, [one * 3])
            return {"one": one, "two": one * 2} if kind == "names" else one

    return Nest().eval()


NAMES = {"tensor": ["output"], "tuple": ["0", "1.0", "1.1.0"], "names": ["one", "two"]}


@pytest.mark.parametrize("exporter", EXPORTERS)
@pytest.mark.parametrize("kind", NAMES)
def test_output_names_are_those_of_the_export(monkeypatch, tmp_path, kind, exporter):
    import torch

    monkeypatch.setattr("mqa_onnxruntime.export.exporters.EXPORTERS", (exporter,))
    module, batch = nest(kind), {"x": np.ones((2, 3), np.float32)}
    assert export(module, batch, {"x": (0,)}, tmp_path, None) == exporter
    written = [value.name for value in onnx.load(str(tmp_path / "model.onnx")).graph.output]
    with torch.inference_mode():
        assert list(named_outputs(module(torch.ones(2, 3)))) == written == NAMES[kind]


def test_a_cache_among_named_outputs_is_left_out():
    import torch

    assert list(named_outputs({"logits": torch.zeros(1), "cache": (torch.zeros(1),), "loss": None})) == ["logits"]
