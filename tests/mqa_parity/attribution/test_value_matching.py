"""A module that gives or is given several tensors, or into which another was folded: each value is what its numbers are."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import helper, numpy_helper

SIZES = {
    "vocab_size": 99,
    "hidden_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 48,
    "max_position_embeddings": 64,
    "head_dim": 8,
    "use_cache": False,
}
DECODERS = ("Llama", "Qwen2", "Mistral", "Gemma")
QUERY, ATTENTION = "layers.0.self_attn.q_proj", "layers.0.self_attn"


def drawn(module, seed=7):
    """Every weight is drawn, so that no two of them are the same."""
    import torch

    torch.manual_seed(seed)
    with torch.no_grad():
        for name, weight in module.named_parameters():
            middle = 1.0 if "norm" in name and name.endswith("weight") else 0.0
            scale = 0.3 if weight.ndim < 2 else 1.0 if "embed" in name else 1.5 / weight[0].numel() ** 0.5
            weight.copy_(torch.randn_like(weight) * scale + middle)
        for name, buffer in module.named_buffers():
            if "running" in name:
                buffer.copy_(torch.rand_like(buffer) + 0.5)
    return module.eval()


@pytest.fixture(scope="module")
def words():
    rng = np.random.default_rng(1)
    mask = np.ones((3, 12), np.int64)
    mask[1, 7:] = 0
    return {"input_ids": np.where(mask, rng.integers(5, 99, (3, 12)), 1), "attention_mask": mask}


@pytest.fixture(scope="module")
def decoder():
    """A decoder of a family with rotary positions, whose cos and sin are two outputs of one module."""
    import transformers

    made = {}

    def make(family):
        if family not in made:
            config = getattr(transformers, f"{family}Config")(**SIZES, attn_implementation="eager")
            made[family] = drawn(getattr(transformers, f"{family}ForCausalLM")(config))
        return made[family]

    return make


EXPORTS = [*((family, "script") for family in DECODERS), ("Llama", "dynamo")]


@pytest.mark.slow
@pytest.mark.parametrize("export", EXPORTS, ids="-".join)
def test_a_weight_of_the_first_layer_is_not_attributed_to_the_rotary_positions(
    decoder, opened, attributed_export, words, export
):
    module = decoder(export[0])
    one = opened(export[0], module, words, export[1], axes=(0, 1))
    name, weight = one.weight(one.nodes(("MatMul", "Gemm"), QUERY)[0])
    weight[0, 0] += 0.5
    one.set(name, weight)
    found = attributed_export(module, [words], one.graph, one.path)
    assert (found.kind, found.module) == ("weights", f"model.{QUERY}")


@pytest.mark.parametrize("export", [("Qwen2", "script"), ("Llama", "dynamo")], ids="-".join)
def test_another_scale_of_the_first_attention_is_attributed_to_it(decoder, opened, attributed_export, words, export):
    module = decoder(export[0])
    one = opened(export[0], module, words, export[1], axes=(0, 1))
    softmax = one.nodes(("Softmax",), ATTENTION)[0]
    one.graph.graph.initializer.append(numpy_helper.from_array(np.float32(1.1), "factor"))
    scaling = helper.make_node("Mul", [softmax.input[0], "factor"], ["scaled"], name=f"{softmax.name}_scaled")
    one.graph.graph.node.insert(list(one.graph.graph.node).index(softmax), scaling)
    softmax.input[0] = "scaled"
    found = attributed_export(module, [words], one.graph, one.path)
    assert (found.kind, found.module) == ("exporter", f"model.{ATTENTION}")


@pytest.mark.parametrize("export", [("Gemma", "script"), ("Llama", "dynamo")], ids="-".join)
def test_another_rotary_angle_is_attributed_to_the_rotary_positions(decoder, opened, attributed_export, words, export):
    module = decoder(export[0])
    one = opened(export[0], module, words, export[1], axes=(0, 1))
    one.nodes(("Sin",), "rotary_emb")[0].op_type = "Tanh"
    found = attributed_export(module, [words], one.graph, one.path)
    assert (found.kind, found.module) == ("exporter", "model.rotary_emb")


@pytest.mark.parametrize("swap", [("Cos", "Sin"), ("Sin", "Cos")], ids="-as-".join)
def test_of_two_outputs_that_a_fault_made_equal_the_wrong_one_is_at_fault(
    decoder, opened, attributed_export, words, swap
):
    module = decoder("Llama")
    one = opened("Llama", module, words, "dynamo", axes=(0, 1))
    (node,) = one.nodes((swap[0],), "rotary_emb")
    node.op_type = swap[1]
    found = attributed_export(module, [words], one.graph, one.path)
    assert (found.kind, found.module, found.node_names[-1]) == ("exporter", "model.rotary_emb", node.name)


def convolutional():
    import torch

    class Block(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.two = (torch.nn.Conv2d(8, 8, 3, padding=1, bias=False) for _ in range(2))
            self.norm, self.last = torch.nn.BatchNorm2d(8), torch.nn.BatchNorm2d(8)

        def forward(self, x):
            return torch.relu(x + self.last(self.two(torch.relu(self.norm(self.one(x))))))

    class Whole(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.stem = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.BatchNorm2d(8), torch.nn.ReLU())
            self.blocks, self.head = torch.nn.ModuleList([Block(), Block()]), torch.nn.Linear(8, 4)

        def forward(self, x):
            x = self.stem(x)
            for block in self.blocks:
                x = block(x)
            return {"logits": self.head(x.mean((2, 3)))}

    return drawn(Whole())


@pytest.fixture(scope="module")
def images():
    return {"x": np.random.default_rng(1).normal(size=(3, 3, 10, 10)).astype(np.float32)}


@pytest.mark.parametrize("exporter", ["dynamo", "script"])
def test_a_folded_weight_is_matched_under_any_name(opened, attributed_export, images, exporter):
    module = convolutional()
    one = opened("convolutional", module, images, exporter)
    name, weight = one.weight(one.nodes(("Conv",))[2])
    weight.flat[5] += 0.3
    one.set(name, weight)
    found = attributed_export(module, [images], one.graph, one.path)
    assert (found.kind, found.module, found.class_name) == ("weights", "blocks.0.two", "Conv2d")
    assert "1 of 576 numbers differ" in found.reason


@pytest.mark.parametrize("exporter", ["dynamo", "script"])
def test_sound_folding_is_no_fault(opened, attributed_export, images, exporter):
    module = convolutional()
    one = opened("convolutional", module, images, exporter)
    name, weight = one.weight(one.nodes(("Gemm",))[0])
    weight[0, 0] += 0.5
    one.set(name, weight)
    found = attributed_export(module, [images], one.graph, one.path)
    assert (found.kind, found.module) == ("weights", "head")


@pytest.mark.parametrize("exporter", ["dynamo", "script"])
def test_a_missing_relu_is_attributed_to_the_block_around_it(opened, attributed_export, images, exporter):
    module = convolutional()
    one = opened("convolutional", module, images, exporter)
    one.lose(one.nodes(("Relu",), "blocks.0")[0])
    found = attributed_export(module, [images], one.graph, one.path)
    assert (found.kind, found.module, found.class_name) == ("exporter", "blocks.0", "Block")
    assert "before it gives it to `blocks.0.last` is not in the file" in found.meaning


def test_two_outputs_of_one_size_are_matched_by_their_order_where_one_is_wrong(opened, attributed_export):
    import torch

    class Pair(torch.nn.Module):
        def forward(self, x):
            return torch.sin(x), torch.cos(x)

    class Whole(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.front, self.pair, self.back = torch.nn.Linear(6, 6), Pair(), torch.nn.Linear(6, 3)

        def forward(self, x):
            one, two = self.pair(self.front(x))
            return {"logits": self.back(one * 2 + two)}

    module = drawn(Whole())
    batch = {"x": np.random.default_rng(0).normal(size=(4, 6)).astype(np.float32)}
    for kind in ("Sin", "Cos"):
        one = opened("pair", module, batch, "script")
        one.nodes((kind,))[0].op_type = "Tanh"
        found = attributed_export(module, [batch], one.graph, one.path)
        assert (found.kind, found.module, found.output_value) == ("exporter", "pair", f"/model/pair/{kind}_output_0")
