"""TorchScript: run as new each time, with numbers where it declares some, and in float64 whatever its code holds."""

from __future__ import annotations

import warnings
from types import SimpleNamespace

import numpy as np
import pytest

from mqa_registry import DataError, RunContext
from mqa_transformers.precision import arithmetic, cast_module
from mqa_transformers.torch_backend import TorchBackend, TorchOptions
from mqa_transformers.torchscript import Script

WIDTH = 4
RNG = np.random.default_rng(7)
BATCH = {"x": RNG.normal(size=(3, WIDTH)).astype(np.float32), "rate": np.full(3, 2)}


def scripted(module):
    """A module as TorchScript, as a file of it holds it."""
    import io

    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is called outdated
        content = io.BytesIO()
        torch.jit.save(torch.jit.script(module), content)
        content.seek(0)
        return torch.jit.load(content)


@pytest.fixture
def listener():
    """A model that hears one window after another: its state, the last window and a level are kept inside."""
    import torch

    class Inner(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.cell = torch.nn.LSTMCell(WIDTH, WIDTH)
            self.state = torch.zeros(0)

        def forward(self, x):
            state = self.state if len(self.state) else torch.zeros((2, x.shape[0], x.shape[1]), dtype=torch.float32)
            h, c = self.cell(x, (state[0], state[1]))
            self.state = torch.stack([h, c])
            return h

    class Listener(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = Inner()
            self.last = torch.zeros(0)
            self.heard = 0
            self.register_buffer("level", torch.ones(1))

        def forward(self, x, rate: int):
            x = x / rate + (self.last if self.heard else torch.zeros_like(x))
            self.last = x.to(torch.float32)
            self.heard += 1
            actual = self.inner(self.last) * self.level
            self.level[:1].mul_(2)
            return actual

    torch.manual_seed(7)
    return scripted(Listener().eval())


def build_model(module, batch=None):
    model = SimpleNamespace(module=module, about={})
    return SimpleNamespace(model=model, run_context=RunContext("exports", device="cpu"), sample=lambda: batch or BATCH)


def test_every_run_starts_from_the_initial_state(listener):
    with TorchBackend().open(build_model(listener), TorchOptions()) as runner:
        once, again = runner.run(BATCH)["output"], runner.run(BATCH)["output"]
        np.testing.assert_array_equal(once, again)
        one = {name: array[:1] for name, array in BATCH.items()}
        np.testing.assert_allclose(runner.run(one)["output"], once[:1], rtol=1e-6)
    assert (len(listener.last), len(listener.inner.state), listener.heard, float(listener.level)) == (0, 0, 0, 1)


def test_the_state_is_restored_after_a_failure(listener):
    with TorchBackend().open(build_model(listener), TorchOptions()) as runner:
        with pytest.raises(RuntimeError):
            runner.run({"x": BATCH["x"][:, :2], "rate": BATCH["rate"]})
        assert (len(listener.last), listener.heard) == (0, 0)


def test_a_float64_copy_computes_in_float64(listener):
    with TorchBackend().open(build_model(listener), TorchOptions()) as runner, runner.variant(dtype="float64") as exact:
        single, double = runner.run(BATCH)["output"], exact.run(BATCH)["output"]
        assert double.dtype == np.float64
        assert 1e-10 < np.abs(single - double).max() < 1e-6
        np.testing.assert_array_equal(exact.run(BATCH)["output"], double)
    weights = {name: tensor.detach().double().numpy() for name, tensor in listener.inner.cell.named_parameters()}
    gates = BATCH["x"].astype(np.float64) / 2 @ weights["weight_ih"].T + weights["bias_ih"] + weights["bias_hh"]
    first, _, change, last = np.split(gates, 4, axis=1)
    hidden = np.tanh(change) / (1 + np.exp(-first))
    np.testing.assert_allclose(double, np.tanh(hidden) / (1 + np.exp(-last)), rtol=0, atol=1e-15)


def test_a_scalar_argument_is_the_common_number_of_all_rows(listener):
    arguments = Script(listener).select_arguments(BATCH | {"other": BATCH["x"]})
    assert (list(arguments), arguments["rate"], type(arguments["rate"])) == (["x", "rate"], 2, int)
    with pytest.raises(DataError, match="takes one `rate` for a whole batch, and rows have others"):
        Script(listener).select_arguments(BATCH | {"rate": np.array([1, 2, 1])})


def test_inputs_that_a_script_does_not_take_are_a_fact(listener):
    with TorchBackend().open(build_model(listener, BATCH | {"input": BATCH["x"]}), TorchOptions()) as runner:
        assert runner.facts.unread_inputs == ("input",)
    with TorchBackend().open(build_model(listener), TorchOptions()) as runner:
        assert runner.facts.unread_inputs == ()


@pytest.mark.parametrize("form", ["script", "frozen", "for inference"])
def test_weights_in_the_code_are_cast(form):
    import torch

    class Layers(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = torch.nn.LSTM(WIDTH, WIDTH, batch_first=True)
            self.conv = torch.nn.Conv1d(WIDTH, WIDTH, 1)
            self.norm = torch.nn.LayerNorm(WIDTH)

        def forward(self, x):
            actual, _ = self.rnn(x)
            return self.norm(self.conv(actual.transpose(1, 2)).transpose(1, 2).float())

    torch.manual_seed(7)
    module, x = Layers().eval(), torch.randn(2, 3, WIDTH)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        script = torch.jit.script(module)
        made = {"script": lambda: script, "frozen": lambda: torch.jit.freeze(script)}
        program = made.get(form, lambda: torch.jit.optimize_for_inference(script))()
    with torch.inference_mode():
        single = program(x)
    copied = cast_module(program, "cpu", "float64")
    with arithmetic("float64"):
        exact = copied(x.double())
        torch.testing.assert_close(exact, module.double()(x.double()), rtol=0, atol=1e-14)
    with torch.inference_mode():
        assert torch.equal(program(x), single)  # the original keeps its own code
