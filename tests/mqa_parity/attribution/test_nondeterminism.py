"""A file that does not repeat its own outputs is at fault, at the nodes that draw random numbers."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import onnx
import pyarrow as pa
import pytest
from onnx import helper

from mqa_parity.attribution.attribute import attribute_difference
from mqa_parity.tensors.observations import SCHEMA
from mqa_parity.tensors.probe import TensorParity
from mqa_registry import RunnerFacts

TENSORS = TensorParity()

RNG = np.random.default_rng(7)
NEXT = "bert.encoder.layer.1.output.dense"


def noisy(graph, value, make):
    """A graph with other nodes behind a value; they count as the next module's, since they do not tell whose they are."""
    place = next(place for place, node in enumerate(graph.graph.node) if value in node.output)
    node = graph.graph.node[place]
    node.output[list(node.output).index(value)] = f"calm_{value}"
    for number, new in enumerate(make(f"calm_{value}", value), start=1):
        graph.graph.node.insert(place + number, new)
    return graph


def dropout(given, out):
    """Told to drop by what ONNX Runtime does not know before it runs: what it knows, it optimizes away."""
    ratio = helper.make_tensor("half", onnx.TensorProto.FLOAT, [], [0.5])
    return [
        helper.make_node("Constant", [], ["ratio"], value=ratio, name="ratio"),
        helper.make_node("ReduceMax", ["input_ids"], ["largest"], keepdims=0, name="largest"),
        helper.make_node("Cast", ["largest"], ["told"], to=onnx.TensorProto.BOOL, name="told"),
        helper.make_node("Dropout", [given, "ratio", "told"], [out], name="drop"),
    ]


def idle(given, out):
    """Told to leave everything, and no nodes that draw."""
    told = helper.make_tensor("no", onnx.TensorProto.BOOL, [], [False])
    return [
        helper.make_node("Constant", [], ["never"], value=told, name="never"),
        helper.make_node("Dropout", [given, "", "never"], [out], name="idle"),
    ]


def normal(given, out):
    return [
        helper.make_node("RandomNormalLike", [given], ["noise"], name="noise", scale=0.1, seed=7.0),
        helper.make_node("Add", [given, "noise"], [out], name="with_noise"),
    ]


def bernoulli(given, out):
    """Unnamed, as nodes may be."""
    return [
        helper.make_node("Sigmoid", [given], ["odds"]),
        helper.make_node("Bernoulli", ["odds"], ["kept"]),
        helper.make_node("Mul", [given, "kept"], [out]),
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "node", "operator"),
    [(dropout, "drop", "Dropout"), (normal, "noise", "RandomNormalLike"), (bernoulli, "kept", "Bernoulli")],
    ids=["dropout", "normal", "bernoulli"],
)
def test_nodes_that_draw_random_numbers_are_named(attributed, copied, make, node, operator):
    found = attributed("bert", noisy(copied("bert", "graph"), "gelu_1", make))
    assert found.kind == "exporter"
    assert (
        found.meaning == f"the file does not repeat its own outputs: random numbers are drawn by `{node}` ({operator})"
    )
    assert found.reason.startswith("of the same rows `logits` moves by ")
    assert found.node_names == (node,)
    assert found.module in {NEXT, ""}


def test_the_module_of_such_a_node_is_named(attributed, copied):
    found = attributed("bert", noisy(copied("bert", "graph"), "gelu_1", normal))
    assert (found.module, found.class_name) == (NEXT, "Linear")


def test_a_dropout_with_ratio_zero_is_not_named(attributed, copied):
    graph = noisy(noisy(copied("bert", "graph"), "gelu_1", normal), "gelu_2", idle)
    assert "Dropout" not in attributed("bert", graph).meaning


def test_a_wrong_file_that_is_deterministic_is_not_called_random(attributed, copied):
    graph = noisy(copied("bert", "graph"), "gelu_1", lambda given, out: [helper.make_node("Neg", [given], [out])])
    assert "repeat" not in attributed("bert", graph).evidence()["meaning"]


@dataclass
class Restless:
    """A candidate that is only a function, and moves from run to run."""

    facts: ClassVar[RunnerFacts] = RunnerFacts()
    right: object
    by: float

    def run(self, batch):
        found = self.right.run(batch)
        return found | {"logits": found["logits"] + RNG.normal(0, self.by, found["logits"].shape).astype(np.float32)}


def test_a_random_candidate_without_a_graph_is_at_fault_as_a_whole(lab, reference, batches):
    right = reference(lab("bert").module)
    found = attribute_difference(right, Restless(right, 0.1), batches, mask="attention_mask")
    assert (found.kind, found.meaning, found.node_names) == ("exporter", "the file does not repeat its own outputs", ())


def test_a_nondeterministic_kernel_is_at_fault_where_no_node_is_random(lab, reference, candidate, batches):
    held = candidate(lab("bert").path)
    restless = replace(held, execute=lambda names, feed: [RNG.normal(size=(len(feed["input_ids"]), 3))])
    found = attribute_difference(reference(lab("bert").module), restless, batches, mask="attention_mask")
    assert (found.kind, found.meaning) == ("kernel", "the file does not repeat its own outputs")


def test_random_nodes_are_named_in_the_remarks(attributed, copied):
    told = json.dumps(attributed("bert", noisy(copied("bert", "graph"), "gelu_1", normal)).evidence())
    row = {name: 1.0 if kind == pa.float64() else 8 if kind == pa.int64() else "" for name, kind in _columns()}
    remarks = TENSORS.evidence(
        pa.Table.from_pylist([row | {"baseline_precision": "float32", "first_divergence": told}], SCHEMA)
    ).remarks
    assert f"it begins in `{NEXT}` (Linear, node `noise`)" in remarks
    assert any(
        "exporter: the file does not repeat its own outputs: random numbers are drawn by " in one for one in remarks
    )


def _columns():
    return [(field.name, field.type) for field in SCHEMA]


def layers(finish, **parts):
    import torch

    class Whole(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.two = torch.nn.Linear(16, 32), torch.nn.Linear(32, 4)
            for name, part in parts.items():
                setattr(self, name, part)

        def forward(self, x):
            return {"logits": self.two(finish(self, torch.tanh(self.one(x))))}

    torch.manual_seed(7)
    return Whole().eval()


def sound():
    return layers(lambda model, x: x)


def seeded():
    import torch

    def finish(model, x):
        torch.manual_seed(0)
        return torch.nn.functional.dropout(x, 0.1, training=True)

    return layers(finish)


def rare():
    import torch

    return layers(lambda model, x: torch.nn.functional.dropout(x, 0.0002, training=True))


def by_the_batch():
    import torch

    return layers(lambda model, x: model.norm(x), norm=torch.nn.BatchNorm1d(32, track_running_stats=False))


@pytest.fixture(scope="module")
def rows():
    return {"x": np.random.default_rng(0).normal(size=(40, 16)).astype(np.float32)}


@pytest.mark.parametrize(
    ("model", "module"),
    [(seeded, ""), (rare, ""), (by_the_batch, "norm")],
    ids=lambda one: getattr(one, "__name__", one),
)
def test_a_model_that_does_not_agree_with_itself_is_at_fault_and_not_the_file(
    opened, attributed_export, rows, model, module
):
    one = opened("sound", sound(), rows, "script")
    found = attributed_export(model(), [rows], one.graph, one.path)
    assert (found.kind, found.module) == ("reference", module)
    assert found.meaning.startswith("the model does not agree with itself: its own output moves")


def test_a_single_row_is_compared_with_copies_of_itself(opened, attributed_export, rows):
    one = opened("sound", sound(), rows, "script")
    assert attributed_export(seeded(), [{"x": rows["x"][:1]}], one.graph, one.path).kind == "reference"


def test_a_model_that_agrees_with_itself_is_not_at_fault(opened, attributed_export, rows):
    one = opened("sound", sound(), rows, "script")
    one.nodes(("Tanh",))[0].op_type = "Sigmoid"
    assert attributed_export(sound(), [rows], one.graph, one.path).kind == "exporter"


def test_a_missing_input_that_the_output_depends_on_is_named(opened, attributed_export, rows):
    import torch

    class Scaled(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = sound()

        def forward(self, x, scale, unused):
            return {"logits": self.model(x)["logits"] * scale[:, None]}

    one = opened("sound", sound(), rows, "script")
    more = {"scale": np.linspace(0.5, 2, 40).astype(np.float32), "unused": np.ones(40, np.float32)}
    found = attributed_export(Scaled().eval(), [rows | more], one.graph, one.path, unread_inputs=["unused", "scale"])
    assert found.kind == "exporter"
    assert found.meaning == "the file does not take `scale`, which the model is given and its output depends on"
