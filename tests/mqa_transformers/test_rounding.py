"""Which outputs were rounded from numbers with a fraction, and from which."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mqa_transformers.runner import TorchRunner

X = np.array([[0.2, 1.5, 2.49], [-0.7, 3.0, 9.6]], np.float32)


@pytest.fixture
def unrounded():
    """What a function's output was rounded from, and whether its steps are at halves; None where it has no such."""

    def look(function, dtype="float32"):
        class Whole(torch.nn.Module):
            def forward(self, x):
                return {"y": function(x)}

        module = Whole()
        runner = TorchRunner(module, module, dict, "cpu", 1, 512, {}, {"precision": "float32", "tf32": False})
        with runner.variant(dtype=dtype) as other:
            return other.unrounded({"x": X}).get("y")

    return look


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("function", "source", "at_half"),
    [
        (lambda x: x.round().to(torch.uint8), X, True),
        (lambda x: torch.clamp(x.round(), 0, 4).int(), X.clip(0, 4), True),
        (lambda x: (x.round() + 3).byte(), X + 3, True),
        (lambda x: x.clone().round_().long(), X, True),
        (lambda x: x.floor().long().permute(1, 0), X.T, False),
        (lambda x: x.to(torch.int32).reshape(-1), X.reshape(-1), False),
        (lambda x: x.ceil().long()[:, 1:].unsqueeze(1), X[:, None, 1:], False),
    ],
)
def test_what_is_rounded_is_known_element_by_element(unrounded, function, source, at_half, dtype):
    found, half = unrounded(function, dtype)
    assert half == at_half
    np.testing.assert_allclose(found, source, rtol=1e-6)
    assert found.dtype == np.dtype(dtype)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x.argmax(1),
        lambda x: x.topk(2).indices,
        lambda x: (x > 1).long(),
        lambda x: x.round().long().sum(1),
        lambda x: torch.arange(3),
        lambda x: x.round().long().argsort(),
    ],
)
def test_labels_indices_and_counts_are_rounded_from_nothing(unrounded, function):
    assert unrounded(function) is None
