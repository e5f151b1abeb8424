"""A module's time is what it takes by itself; the clock is told, so that the sums are exact."""

from __future__ import annotations

import time

import numpy as np
import pytest

from mqa_registry import RunnerFacts
from mqa_transformers import hooks
from mqa_transformers.hooks import ModuleTimer, time_modules
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
    monkeypatch.setattr(hooks, "time", clock)
    return clock


def works(clock, seconds, *inside, after=0.0):
    """A module that takes some time, has the modules inside of it run, and takes some more."""
    import torch

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
    import torch

    return dict(time_modules(module, lambda: module(torch.ones(1)), device))


def test_what_runs_inside_of_a_module_is_not_its_own(clock):
    deep = works(clock, 1, works(clock, 2, works(clock, 4), after=8), after=16)
    assert spent(deep) == {"": 17, "inside.0": 10, "inside.0.inside.0": 4}


def test_all_of_the_time_is_some_modules(clock):
    deep = works(clock, 0.5, works(clock, 0.25), works(clock, 0.125, works(clock, 2)))
    assert sum(spent(deep).values()) == clock.now


def test_every_call_of_a_module_counts(clock):
    shared = works(clock, 1)
    assert spent(works(clock, 2, shared, shared, shared)) == {"": 2, "inside.0": 3}


def test_a_module_that_does_not_run_has_no_time(clock):
    import torch

    class Chooses(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.unused = works(clock, 1), works(clock, 1)

        def forward(self, x):
            return self.used(x)

    assert "unused" not in spent(Chooses())


def test_a_module_whose_failure_is_caught_does_not_keep_the_time_of_the_rest(clock):
    import torch

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


def test_a_gpu_is_waited_for_before_the_clock_is_read(clock):
    import torch

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


def test_no_hook_stays(clock):
    module = works(clock, 1, works(clock, 1))
    spent(module)
    for part in module.modules():
        assert not part._forward_hooks
        assert not part._forward_pre_hooks


def test_the_runner_tells_of_every_repetition_and_names_the_class():
    import torch

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
