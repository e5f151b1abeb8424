"""Times of modules by a clock that the tests move, outputs by their paths, and numbers before rounding."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch

from mqa_registry import RunnerFacts
from mqa_transformers import instrumentation
from mqa_transformers.instrumentation import ModuleTimer, named_tensors, time_modules
from mqa_transformers.runner import TorchRunner


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until it is moved."""

    class Clock:
        now = 0.0

        def perf_counter(self):
            return self.now

        def pass_(self, seconds):
            self.now += seconds

    clock = Clock()
    monkeypatch.setattr(instrumentation, "time", clock)
    return clock


def works(clock, seconds, *inside, after=0.0):
    """A module that takes some time, has the modules inside of it run, and takes some more."""

    class Works(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inside = torch.nn.ModuleList(inside)

        def forward(self, x):
            clock.pass_(seconds)
            for one in self.inside:
                x = one(x)
            clock.pass_(after)
            return x

    return Works()


def spent(module, device="cpu"):
    return dict(time_modules(module, lambda: module(torch.ones(1)), device))


def test_the_time_of_a_module_excludes_the_modules_inside(clock):
    deep = works(clock, 1, works(clock, 2, works(clock, 4), after=8), after=16)
    assert spent(deep) == {"": 17, "inside.0": 10, "inside.0.inside.0": 4}


def test_the_times_of_all_modules_add_up(clock):
    deep = works(clock, 0.5, works(clock, 0.25), works(clock, 0.125, works(clock, 2)))
    assert sum(spent(deep).values()) == clock.now


def test_the_times_of_all_calls_of_a_module_add_up(clock):
    shared = works(clock, 1)
    assert spent(works(clock, 2, shared, shared, shared)) == {"": 2, "inside.0": 3}


def test_a_module_that_does_not_run_has_no_time(clock):
    class Chooses(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.unused = works(clock, 1), works(clock, 1)

        def forward(self, x):
            return self.used(x)

    assert "unused" not in spent(Chooses())


def test_a_module_whose_failure_is_caught_does_not_keep_the_time_of_the_rest(clock):
    class Fails(torch.nn.Module):
        def forward(self, x):
            clock.pass_(1)
            raise ValueError

    class Catches(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.next = Fails(), works(clock, 4)

        def forward(self, x):
            try:
                self.first(x)
            except ValueError:
                x = self.next(x)
            return x

    seconds = spent(works(clock, 0, Catches(), works(clock, 8), after=16))
    assert (seconds["inside.0.next"], seconds["inside.1"], seconds[""]) == (4, 8, 16)


def test_a_gpu_is_synchronized_before_the_clock_is_read(clock):
    begun = []

    def wait():
        while begun:
            clock.pass_(begun.pop())

    class Launches(torch.nn.Module):
        def forward(self, x):
            begun.append(3)
            return x

    launches = Launches()
    watch = ModuleTimer(wait)
    watch.start("launches", None)
    launches(torch.ones(1))
    watch.stop("launches", None)
    assert watch.seconds == {"launches": 3}


def test_hooks_are_removed(clock):
    module = works(clock, 1, works(clock, 1))
    spent(module)
    for part in module.modules():
        assert not part._forward_hooks
        assert not part._forward_pre_hooks


def test_a_runner_times_every_repetition_and_names_classes():
    class Slow(torch.nn.Module):
        def forward(self, x):
            time.sleep(0.005)
            return x

    module = torch.nn.Sequential(torch.nn.Identity(), Slow())
    module.forward = lambda x: {"output": torch.nn.Sequential.forward(module, x)}
    runner = TorchRunner(module, module, dict, "cpu", 1, 1, {}, RunnerFacts(precision="float32", tf32=False))
    seconds = runner.time_modules({"x": np.ones((2, 2), np.float32)}, 3)
    assert {name: len(runs) for name, runs in seconds.items()} == {"": 3, "0": 3, "1": 3}
    assert min(seconds["1"]) >= 0.005
    assert runner.class_name("1") == "Slow"


@pytest.fixture
def tensor():
    return torch.ones(2)


def test_nested_outputs_have_the_path_to_them(tensor):
    outputs = {"logits": tensor, "hidden_states": (tensor, [tensor]), "loss": None, "names": "abc", "number": 3}
    assert list(named_tensors(outputs)) == ["logits", "hidden_states.0", "hidden_states.1.0"]


def test_a_bare_tensor_has_no_name(tensor):
    assert list(named_tensors(tensor)) == [""]
    assert list(named_tensors((tensor, 1))) == ["0"]


def test_outputs_that_contain_themselves_are_named_once(tensor):
    outputs = {"logits": tensor}
    outputs["itself"] = outputs
    assert list(named_tensors(outputs)) == ["logits"]


def test_a_cache_of_keys_and_values_is_named_as_in_an_export():
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
def test_rounding_is_followed_element_by_element(unrounded, function, source, at_half, dtype):
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
def test_moved_elements_keep_their_values_before_rounding(unrounded, name):
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
def test_clamps_and_shifts_apply_to_the_values_before_rounding(unrounded, function, source):
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
def test_labels_indices_and_counts_have_no_values_before_rounding(unrounded, function):
    assert unrounded(function) is None
