"""Outputs are named by their paths, as the exporter of transformers names those of an ONNX file."""

from __future__ import annotations

import pytest

from mqa_transformers.outputs import named_tensors


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
