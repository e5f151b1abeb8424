"""A module in memory: what of a caller's is taken, known by all that its predictions depend on, and left as it is."""

from __future__ import annotations

import functools
import threading
import types
from pathlib import Path

import numpy as np
import pytest
import torch
from mqa_torch.memory_source import MemoryOptions, MemorySource

import mqa_transformers
from mqa_registry import DataError, LiveModel, ModelUnderTest, RunContext
from mqa_transformers.tasks.forward import ForwardOptions

FORWARD = next(task for task in mqa_transformers.mqa_tasks() if task.name == "forward")
CODE = """
import torch

GAIN = {gain}

def scale(x):
    return x * GAIN {more}

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = torch.nn.Linear(3, 2)
        self.drop = torch.nn.Dropout(0.5)
        self.table = None
        self.act = None

    def forward(self, x):
        y = scale(self.drop(self.inner(x)))
        return y if self.act is None else self.act(y)
"""
SOURCE = MemorySource()


def make(gain=2, more="", seed=7, code=CODE):
    """A module of a class that stands in no file, as one of a notebook."""
    namespace = {"__name__": "__main__"}
    exec(code.format(gain=gain, more=more), namespace)
    torch.manual_seed(seed)
    return namespace["Net"]()


def digest(module, processor=None):
    return SOURCE.take(LiveModel(module, processor)).digest


def test_an_equal_module_has_the_same_digest_and_training_is_no_difference():
    first = digest(make())
    assert first == digest(make()) == digest(make().eval())
    assert first.startswith("sha256:")


def patch_forward(module):
    module.inner.forward = types.MethodType(
        lambda self, x: torch.nn.functional.linear(x, self.weight) + 3, module.inner
    )


def other_patch(module):
    module.inner.forward = types.MethodType(
        lambda self, x: torch.nn.functional.linear(x, self.weight) + 4, module.inner
    )


def new_object(value):
    """An object of a class of a notebook, which adds a value."""
    namespace = {"__name__": "__main__"}
    exec(f"class Adds:\n    def __call__(self, y):\n        return y + {value}", namespace)
    return namespace["Adds"]()


CHANGES = {
    "a weight": lambda net: net.inner.weight.data.mul_(1.001),
    "a setting": lambda net: setattr(net.drop, "inplace", True),
    "an array": lambda net: setattr(net, "table", np.ones(3)),
    "another array": lambda net: setattr(net, "table", np.zeros(3)),
    "a function": lambda net: setattr(net, "act", lambda y: y + 1),
    "another function": lambda net: setattr(net, "act", lambda y: y + 2),
    "a bound function": lambda net: setattr(net, "act", functools.partial(torch.add, 5)),
    "a bound object": lambda net: setattr(net, "act", functools.partial(new_object("1"))),
    "another bound object": lambda net: setattr(net, "act", functools.partial(new_object("2"))),
    "a bound module": lambda net: setattr(net, "act", functools.partial(torch.nn.Tanh())),
    "a method": patch_forward,
    "another method": other_patch,
    "functions in a list": lambda net: setattr(net, "table", [lambda y: y + 1]),
    "other functions in a list": lambda net: setattr(net, "table", [lambda y: y + 2]),
    "a module in a list": lambda net: setattr(net, "table", [torch.nn.Linear(2, 2)]),
    "another module in a list": lambda net: setattr(net, "table", [torch.nn.Linear(2, 2, bias=False)]),
    "an object": lambda net: setattr(net, "table", new_object("1")),
    "another object": lambda net: setattr(net, "table", new_object("2")),
    "a hook": lambda net: net.register_forward_hook(lambda module, inputs, output: output + 1),
}


def test_whatever_changes_predictions_changes_the_digest():
    modules = [make(), make(gain=3), make(more="+ 1"), make(more="+ 2"), make(seed=8)]
    for change in CHANGES.values():
        changed = make()
        change(changed)
        modules.append(changed)
    digests = [digest(module) for module in modules]
    assert len(set(digests)) == len(modules)


def test_a_processor_counts_by_what_it_saves_or_does():
    class Saves:
        def __init__(self, text):
            self.text = text

        def save_pretrained(self, folder):
            (Path(folder) / "words.txt").write_text(self.text)

    processors = [None, Saves("a"), Saves("b"), lambda text: text.lower(), lambda text: text.upper()]
    digests = [digest(make(), one) for one in processors]
    assert len(set(digests)) == len(processors)
    assert digests[1] == digest(make(), Saves("a"))


def test_the_module_of_the_caller_stays_as_it_is():
    module = make()
    taken = SOURCE.take(LiveModel(module))
    assert taken.model is not module
    assert module.training
    assert not any(part.training for part in taken.model.modules())
    assert taken.model.inner.weight is module.inner.weight  # no second copy of the weights
    module.eval()
    assert SOURCE.take(LiveModel(module)).model is module
    half = make().to(torch.bfloat16)
    widened = SOURCE.take(LiveModel(half)).model
    assert (widened.inner.weight.dtype, half.inner.weight.dtype) == (torch.float32, torch.bfloat16)
    assert torch.equal(widened.inner.weight, half.inner.weight.float())


def test_a_pipeline_has_a_module_and_a_processor():
    pipeline = types.SimpleNamespace(model=make().eval(), tokenizer=str.split)
    taken = SOURCE.take(LiveModel(pipeline))
    assert (taken.model, taken.processor) == (pipeline.model, str.split)
    assert SOURCE.take(LiveModel(pipeline, str.lower)).processor is str.lower
    compiled = torch.nn.Module()
    compiled._orig_mod = pipeline.model  # as what `torch.compile` gives has it
    assert SOURCE.take(LiveModel(compiled)).model is pipeline.model


@pytest.mark.parametrize("value", [7, "my-model", torch.ones(2), types.SimpleNamespace(model=3), object()])
def test_what_is_no_module_is_not_taken(value):
    assert SOURCE.take(LiveModel(value)) is None


def test_a_module_that_cannot_be_run_or_known_is_refused():
    with pytest.raises(DataError, match=r"the weight `inner\.weight` has no values"):
        SOURCE.take(LiveModel(make().to("meta")))
    with pytest.deprecated_call():
        script = torch.jit.trace(make().eval(), torch.ones(1, 3))
    with pytest.raises(DataError, match="TorchScript in memory does not show its code"):
        SOURCE.take(LiveModel(script))
    locked = make()
    locked.lock = threading.Lock()
    with pytest.raises(DataError, match="the module cannot be copied"):
        SOURCE.take(LiveModel(locked))
    assert SOURCE.take(LiveModel(locked.eval()))


def test_it_is_loaded_by_its_digest(tmp_path):
    live = SOURCE.take(LiveModel(make()))
    context = RunContext(tmp_path, device="cpu", objects={live.digest: live})
    model = SOURCE.load(FORWARD, context, MemoryOptions(digest=live.digest))
    assert (model.digest, model.module, model.labels) == (live.digest, live.model, ())
    assert model.about == {"id": "Net", "format": "module in memory"}
    codec = ModelUnderTest(model, FORWARD, context, ForwardOptions()).codec
    assert codec.encode([{"inputs": {"x": [1.0, 2.0, 3.0]}}])[0]["x"].shape == (3,)
    with pytest.raises(DataError, match="is no model for the task `text-classification`"):
        SOURCE.load(
            mqa_transformers.tasks.text_classification.TextClassification(), context, MemoryOptions(digest=live.digest)
        )
    with pytest.raises(DataError, match="the model is an object in the memory"):
        SOURCE.load(FORWARD, context, MemoryOptions())
