"""Weights that are others, beside a model that shows its modules and one that does not: one, several, or all of them."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

ROWS, WIDTH = 4, 16


def mlp(seed=7):
    import torch

    class Head(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.dense, self.out = torch.nn.Linear(WIDTH, WIDTH), torch.nn.Linear(WIDTH, 3)

        def forward(self, x):
            return self.out(torch.tanh(self.dense(x)))

    class Whole(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.up, self.norm, self.down = (
                torch.nn.Linear(WIDTH, 32),
                torch.nn.LayerNorm(32),
                torch.nn.Linear(32, WIDTH),
            )
            self.head = Head()

        def forward(self, x):
            return {"logits": self.head(x + self.down(torch.relu(self.norm(self.up(x)))))}

    torch.manual_seed(seed)
    module = Whole().eval()
    with torch.no_grad():
        for weight in module.parameters():
            weight.add_(torch.randn_like(weight) * 0.2)
    return module


@pytest.fixture(scope="module")
def batch():
    return {"x": np.random.default_rng(0).normal(size=(ROWS, WIDTH)).astype(np.float32)}


@pytest.fixture(scope="module")
def script(batch):
    """A model that shows no modules."""
    import torch

    given = {name: torch.from_numpy(array) for name, array in batch.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.jit.trace(mlp(), example_kwarg_inputs=given, strict=False)


def changed(one, names):
    """A graph with other numbers in the tensors whose names end so."""
    rng = np.random.default_rng(3)
    for tensor in [tensor.name for tensor in one.graph.graph.initializer if tensor.name.endswith(names)]:
        weight = one.array(tensor)
        one.set(tensor, weight + rng.normal(size=weight.shape).astype(np.float32) * 0.3)


@pytest.mark.parametrize("exporter", ["dynamo", "script"])
def test_several_wrong_weights_are_named_for_torchscript(opened, attributed_export, batch, script, exporter):
    for names in (("norm.weight",), ("norm.weight", "head.dense.bias", "up.weight")):
        one = opened("mlp", mlp(), batch, exporter)
        changed(one, names)
        found = attributed_export(script, [batch], one.graph, one.path)
        assert found.kind == "weights"
        assert all(f"{name}` is not `" in found.reason for name in names)
        assert "the file agrees" in found.reason


@pytest.mark.parametrize("exporter", ["dynamo", "script"])
def test_a_wrong_weight_in_a_constant_is_found(opened, attributed_export, batch, exporter):
    one = opened("mlp", mlp(), batch, exporter)
    changed(one, ("down.weight",))
    one.as_constants()
    found = attributed_export(mlp(), [batch], one.graph, one.path)
    assert (found.kind, found.module) == ("weights", "down")


@pytest.mark.parametrize("exporter", ["dynamo", "script"])
def test_another_checkpoint_is_recognized(opened, attributed_export, batch, exporter):
    one = opened("mlp", mlp(), batch, exporter)
    found = attributed_export(mlp(seed=8), [batch], one.graph, one.path)
    assert (found.kind, found.module) == ("weights", "")
    assert found.reason == "10 of 10 weights differ from the model's: another model, or another training step"


@pytest.mark.parametrize("exporter", ["dynamo", "script"])
@pytest.mark.parametrize("rows", [1, ROWS])
def test_a_missing_tanh_is_attributed_to_its_module_and_to_no_weight(opened, attributed_export, batch, exporter, rows):
    one = opened("mlp", mlp(), batch, exporter)
    one.lose(one.nodes(("Tanh",))[0])
    found = attributed_export(mlp(), [{"x": batch["x"][:rows]}], one.graph, one.path)
    assert (found.kind, found.module, found.class_name) == ("exporter", "head", "Head")
    assert "what `head` makes of `head.dense` before it gives it to `head.out` is not in the file" in found.meaning


def test_a_missing_module_is_named(attributed, lab, surgery):
    one = surgery(lab("bert").path)
    one.lose(one.nodes(("Tanh",), "pooler")[0])
    found = attributed("bert", one.graph)
    assert (found.kind, found.module, found.class_name) == ("exporter", "bert.pooler.activation", "Tanh")
    assert found.meaning == "`bert.pooler.activation` is missing in the file"


@pytest.mark.parametrize("inside", [True, False])
def test_wrappers_of_two_levels_on_either_side_hide_no_module(opened, attributed_export, batch, inside):
    import torch

    class Around(torch.nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def forward(self, x):
            return self.inner(x)

    deep = Around(Around(mlp())).eval()
    one = opened("deep", deep, batch, "script") if inside else opened("mlp", mlp(), batch, "script")
    changed(one, ("head.dense.weight",))
    found = attributed_export(mlp() if inside else deep, [batch], one.graph, one.path)
    assert (found.kind, found.module) == ("weights", f"{'' if inside else 'inner.inner.'}head.dense")


def outermost():
    import torch

    class Whole(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.two = torch.nn.Linear(WIDTH, WIDTH), torch.nn.Linear(WIDTH, 4)

        def forward(self, x):
            return {"logits": torch.log_softmax(self.two(torch.tanh(self.one(x))) * 3, -1)}

    torch.manual_seed(1)
    return Whole().eval()


@pytest.mark.parametrize("exporter", ["dynamo", "script"])
@pytest.mark.parametrize(
    "change", [("Tanh", "Sigmoid"), ("LogSoftmax", "Softmax"), ("LogSoftmax", "Identity")], ids=" for ".join
)
def test_a_fault_in_the_models_own_code_is_attributed_to_none_of_its_modules(
    opened, attributed_export, batch, exporter, change
):
    one = opened("outermost", outermost(), batch, exporter)
    node = one.nodes((change[0],))[0]
    node.op_type = change[1]
    if change[1] == "Identity":
        del node.attribute[:]
    found = attributed_export(outermost(), [batch], one.graph, one.path)
    assert (found.kind, found.module, found.class_name) == ("exporter", "", "Whole")
    assert found.node_names[-1] == node.name
