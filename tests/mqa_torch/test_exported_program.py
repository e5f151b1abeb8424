"""An exported program answers as it does without its parts, and shows them by the names that they had."""

from __future__ import annotations

import copy
import io

import numpy as np
import pytest
from mqa_torch.exported_program import to_module
from mqa_torch.model_sources import set_evaluation_mode

from mqa_onnxruntime.export.exporters import export
from mqa_onnxruntime.graph.provenance import read_metadata
from mqa_registry import RunnerFacts
from mqa_transformers.runner import TorchRunner

ROWS = 4


def layers():
    """A module that is called twice, one that works in place, one with a buffer, and one that gives two numbers."""
    import torch

    class Turn(torch.nn.Module):
        def forward(self, x):
            return torch.cos(x), torch.sin(x)

    class Layer(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.line, self.norm, self.act = torch.nn.Linear(8, 8), torch.nn.BatchNorm1d(8), torch.nn.ReLU(inplace=True)
            self.turn = Turn()

        def forward(self, x, *, twice=False):
            x = self.act(self.norm(self.line(x)))
            first, second = self.turn(x)
            return self.line(first + second) if twice else first - second

    class Whole(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = torch.nn.ModuleList([Layer(), Layer()])
            self.program = torch.nn.Linear(8, 3)
            self.scale = torch.nn.Parameter(torch.rand(8))
            self.register_buffer("count", torch.zeros(()))

        def forward(self, x, shift=None):
            self.count.add_(1)
            x = self.layers[1](self.layers[0](self.layers[0](x), twice=True) * self.scale)
            return {"scores": self.program(x if shift is None else x + shift), "count": self.count * 1}

    torch.manual_seed(7)
    whole = set_evaluation_mode(Whole())
    with torch.no_grad():
        for _, numbers in (*whole.named_parameters(), *whole.named_buffers()):
            if numbers.ndim == 1:
                numbers.copy_(torch.rand_like(numbers) + 0.5)
    return whole


pytestmark = pytest.mark.filterwarnings("ignore:`isinstance.treespec, LeafSpec:FutureWarning")  # PyTorch's own copies


@pytest.fixture(scope="module")
def batch():
    rng = np.random.default_rng(0)
    return {name: rng.normal(size=(ROWS, 8)).astype(np.float32) for name in ("x", "shift")}


@pytest.fixture(params=[("x", False), ("", False), ("", True)], ids=["by position", "by name", "strict"])
def program(request, batch):
    """As it comes back from a file: with one input by its place or none, of either way to trace."""
    import torch

    given = {name: torch.from_numpy(array) for name, array in batch.items()}
    positional, strict = request.param
    first = tuple(given.pop(name) for name in [positional] if name)
    rows = {0: torch.export.Dim("rows")}
    axes = {"x": rows, "shift": rows}
    made = torch.export.export(layers(), first, given, dynamic_shapes=axes, strict=strict)
    file = io.BytesIO()
    torch.export.save(made, file)
    return torch.export.load(file)


@pytest.fixture
def runner(batch):
    def make(module):
        return TorchRunner(
            module, module, lambda: batch, "cpu", 1, 512, {}, RunnerFacts(precision="float32", tf32=False)
        )

    return make


def run_module(module, batch, *, positional=()):
    """Of a copy, as some modules count how often they are called."""
    import torch

    given = {name: torch.from_numpy(array) for name, array in reversed(batch.items())}
    first = [given.pop(name) for name in positional]
    with torch.no_grad():
        return copy.deepcopy(module)(*first, **given)


def test_outputs_are_bit_for_bit_those_of_the_program(program, batch):
    import torch

    positional = program.graph_signature.user_inputs[: program.call_spec.in_spec.children()[0].num_children]
    expected = run_module(program.module(), batch, positional=positional)
    module = to_module(program)
    hooked, hook_calls = copy.deepcopy(module), []
    hooked.get_submodule("layers.0.line").register_forward_hook(lambda *_: hook_calls.append(1))
    for actual in (run_module(module, batch), run_module(hooked, batch)):
        assert list(actual) == list(expected)
        assert all(torch.equal(actual[name], array) for name, array in expected.items())
    assert len(hook_calls) == 3


def test_parts_give_the_outputs_of_the_original_modules(program, batch, runner):
    model = runner(layers())
    exported = runner(set_evaluation_mode(to_module(program)))
    modules = model.module_names()
    assert set(exported.module_names()) == set(modules)
    assert {name: exported.class_name(name) for name in modules} == {name: model.class_name(name) for name in modules}
    names = [name for name in modules if not name.endswith("turn")]
    actual, expected = exported.module_outputs(batch, names), model.module_outputs(batch, names)
    assert {name: len(calls) for name, calls in actual.items()} == {
        name: len(calls) for name, calls in expected.items()
    }
    for name in names:
        for one, other in zip(actual[name], expected[name], strict=True):
            np.testing.assert_allclose(one, other, atol=1e-6)
    last = exported.module_outputs(batch, ["layers.1.turn"])["layers.1.turn"]
    np.testing.assert_allclose(last[0], np.sin(expected["layers.1.act"][0]), atol=1e-6)


def test_inputs_of_parts_are_recorded_before_in_place_changes(program, batch, runner):
    exported = runner(set_evaluation_mode(to_module(program)))
    inputs, outputs = exported.module_inputs_and_outputs(batch, ["layers.1.norm", "layers.1.act"])
    np.testing.assert_array_equal(inputs["layers.1.act"][0][0], outputs["layers.1.norm"][0][0])
    assert (inputs["layers.1.act"][0][0] < 0).any()
    assert (outputs["layers.1.act"][0][0] >= 0).all()


def test_weights_keep_their_names(program, runner):
    model, exported = layers(), runner(to_module(program))
    for name in ("", "layers.1", "layers.1.norm", "program"):
        actual, expected = exported.weights(name), runner(model).weights(name)
        counted = {one for one in expected if not one.endswith("num_batches_tracked")}  # which nothing reads
        assert counted <= set(actual) <= set(expected)
        assert all((actual[one] == expected[one]).all() for one in counted)


def test_a_program_runs_in_float64_with_and_without_hooks(program, batch, runner):
    model, exported = runner(layers()), runner(set_evaluation_mode(to_module(program)))
    with exported.variant(dtype="float64") as wide, model.variant(dtype="float64") as wide_model:
        np.testing.assert_allclose(wide.run(batch)["scores"], wide_model.run(batch)["scores"], rtol=1e-13)
        actual, expected = wide.module_outputs(batch, ["program"]), wide_model.module_outputs(batch, ["program"])
    assert actual["program"][0].dtype == np.float64
    np.testing.assert_allclose(actual["program"][0], expected["program"][0], rtol=1e-13)
    assert not (exported.run(batch)["scores"] == expected["program"][0]).all()


def test_an_export_keeps_the_names_of_weights_and_modules(program, batch, tmp_path):
    import onnx

    export(set_evaluation_mode(to_module(program)), batch, dict.fromkeys(batch, (0,)), tmp_path, None)
    names = {one.name for one in onnx.load(str(tmp_path / "model.onnx"), load_external_data=False).graph.initializer}
    assert {"scale", "program.weight", "layers.0.line.weight"} <= names
    modules = {
        (one.scopes[-2], one.classes[-2].rpartition(".")[2]) for one in read_metadata(tmp_path / "model.onnx").values()
    }
    assert {("layers.0.line", "Linear"), ("layers.1.norm", "BatchNorm1d"), ("program", "Linear")} <= modules


def test_a_graph_without_module_stacks_runs_and_keeps_its_weights(program, batch, runner):
    for node in program.graph.nodes:
        node.meta.pop("nn_module_stack", None)
    module = set_evaluation_mode(to_module(program))
    exported = runner(module)
    assert exported.module_names() == []
    assert "layers.0.line.weight" in exported.weights("")
    assert exported.run(batch)["scores"].shape == (ROWS, 3)


@pytest.mark.parametrize("name", ["_calls", "_program_name"])
def test_a_module_with_a_reserved_name_runs_without_a_part(name, batch, runner):
    import torch

    class Odd(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self._modules[name] = torch.nn.Linear(8, 3)
            self.head = torch.nn.Linear(3, 2)

        def forward(self, x):
            return {"scores": self.head(self._modules[name](x))}

    x = {"x": batch["x"]}
    program = torch.export.export(Odd().eval(), (), {"x": torch.from_numpy(batch["x"])})
    exported = runner(set_evaluation_mode(to_module(program)))
    np.testing.assert_array_equal(
        exported.run(x)["scores"], program.module()(x=torch.from_numpy(batch["x"]))["scores"].detach()
    )
    assert exported.module_outputs(x, ["head"])["head"][0].shape == (ROWS, 2)
