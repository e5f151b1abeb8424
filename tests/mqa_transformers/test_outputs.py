"""Outputs are named by their paths, as an exporter names those of an ONNX file, and integers know what they were rounded from."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mqa_registry import RunnerFacts
from mqa_transformers.outputs import named_tensors
from mqa_transformers.runner import TorchRunner


@pytest.fixture
def tensor():
    import torch

    return torch.ones(2)


def test_nested_outputs_have_the_path_to_them(tensor):
    outputs = {"logits": tensor, "hidden_states": (tensor, [tensor]), "loss": None, "names": "abc", "number": 3}
    assert list(named_tensors(outputs)) == ["logits", "hidden_states.0", "hidden_states.1.0"]


def test_a_bare_tensor_has_no_name(tensor):
    assert list(named_tensors(tensor)) == [""]
    assert list(named_tensors((tensor, 1))) == ["0"]


def test_something_that_holds_itself_comes_to_an_end(tensor):
    outputs = {"logits": tensor}
    outputs["itself"] = outputs
    assert list(named_tensors(outputs)) == ["logits"]


def test_a_cache_of_keys_and_values_is_named_as_in_an_export():
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM
    from transformers.exporters.utils import get_leaf_tensors

    sizes = {"hidden_size": 16, "num_attention_heads": 2, "num_key_value_heads": 1, "intermediate_size": 16}
    module = LlamaForCausalLM(LlamaConfig(**sizes, vocab_size=16, num_hidden_layers=2)).eval()
    with torch.inference_mode():
        outputs = module(input_ids=torch.tensor([[1, 2, 3]]))
    names = list(named_tensors(outputs))
    assert names == list(get_leaf_tensors(outputs))
    assert names[:2] == ["logits", "past_key_values.layers.0.keys"]
    assert len(names) == 5


X = np.array([[0.2, 1.5, 2.49], [-0.7, 3.0, 9.6]], np.float32)


@pytest.fixture
def unrounded():
    """What a function's output was rounded from, and whether its steps are at halves; None where it has no such."""

    def look(function, dtype="float32"):
        class Whole(torch.nn.Module):
            def forward(self, x):
                return {"y": function(x)}

        module = Whole()
        runner = TorchRunner(module, module, dict, "cpu", 1, 512, {}, RunnerFacts(precision="float32", tf32=False))
        with runner.variant(dtype=dtype) as other:
            return other.values_before_rounding({"x": X}).get("y")

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


MOVES = {
    "view": lambda x: x.view(3, 2),
    "reshape": lambda x: x.mT.reshape(2, 3),
    "flatten": torch.flatten,
    "unflatten": lambda x: x.unflatten(1, (3, 1)),
    "permute": lambda x: x.permute(1, 0),
    "transpose": lambda x: x.transpose(0, 1),
    "t": lambda x: x.t(),
    "mT": lambda x: x.mT,
    "swapaxes": lambda x: x.swapaxes(0, 1),
    "narrow": lambda x: x.narrow(1, 1, 2),
    "squeeze": lambda x: x[:, :1].squeeze(1),
    "unsqueeze": lambda x: x.unsqueeze(0),
    "contiguous": lambda x: x.mT.contiguous(),
    "clone": torch.clone,
    "detach": torch.detach,
    "expand": lambda x: x.expand(4, 2, 3),
    "slice": lambda x: x[:, 1:],
    "select": lambda x: x[1],
    "flip": lambda x: x.flip(0),
    "movedim": lambda x: x.movedim(0, 1),
}


@pytest.mark.parametrize("name", MOVES)
def test_moving_elements_moves_what_they_were_rounded_from(unrounded, name):
    values, _ = unrounded(lambda x: MOVES[name](x.round().long()))
    np.testing.assert_array_equal(values, MOVES[name](torch.from_numpy(X)).numpy())


@pytest.mark.parametrize(
    ("function", "source"),
    [
        (lambda x: x.trunc().long(), X),
        (lambda x: x.fix().long(), X),
        (lambda x: (x.round() - 2).long(), X - 2),
        (lambda x: x.round().clamp_min(1).long(), X.clip(1)),
        (lambda x: x.round().clamp_max(1).long(), X.clip(max=1)),
        (lambda x: x.round().clip(0, 1).long(), X.clip(0, 1)),
    ],
)
def test_clamping_and_shifting_do_so_to_what_was_rounded(unrounded, function, source):
    np.testing.assert_allclose(unrounded(function)[0], source, rtol=1e-6)


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
