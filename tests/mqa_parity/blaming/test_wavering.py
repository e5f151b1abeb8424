"""A reference that is at fault: random numbers and statistics of a batch in the model itself, and inputs that a file lacks."""

from __future__ import annotations

import numpy as np
import pytest


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
def test_a_model_that_does_not_agree_with_itself_is_to_blame_and_not_the_file(opened, told, rows, model, module):
    one = opened("sound", sound(), rows, "script")
    found = told(model(), [rows], one.graph, one.path)
    assert (found.kind, found.module) == ("reference", module)
    assert found.meaning.startswith("the model does not agree with itself: its own answer moves")


def test_of_one_row_with_a_seed_the_copies_tell(opened, told, rows):
    one = opened("sound", sound(), rows, "script")
    assert told(seeded(), [{"x": rows["x"][:1]}], one.graph, one.path).kind == "reference"


def test_a_model_that_agrees_with_itself_is_not_to_blame(opened, told, rows):
    one = opened("sound", sound(), rows, "script")
    one.nodes(("Tanh",))[0].op_type = "Sigmoid"
    assert told(sound(), [rows], one.graph, one.path).kind == "exporter"


def test_an_input_that_the_file_lacks_and_the_answer_depends_on_is_named(opened, told, rows):
    import torch

    class Scaled(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = sound()

        def forward(self, x, scale, unused):
            return {"logits": self.model(x)["logits"] * scale[:, None]}

    one = opened("sound", sound(), rows, "script")
    more = {"scale": np.linspace(0.5, 2, 40).astype(np.float32), "unused": np.ones(40, np.float32)}
    found = told(Scaled().eval(), [rows | more], one.graph, one.path, unread_inputs=["unused", "scale"])
    assert found.kind == "exporter"
    assert found.meaning == "the file does not take `scale`, which the model is given and its answer depends on"
