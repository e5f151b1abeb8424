"""Faults of numbers that were learned: one, a row, a whole tensor, or all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from tests.benchmarks.faults.custom_models import jitter
from tests.benchmarks.faults.fault import WEIGHTS, Generator, Truth, choose

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    import numpy.typing as npt
    from torch import nn

    from tests.benchmarks.faults.graph import Graph

    Array: TypeAlias = npt.NDArray[Any]
    Change: TypeAlias = Callable[[Array, np.random.Generator], Array]

OTHER = 12345  # the seed of another checkpoint


def change_weight(
    change: Change, least: int = 32, *, dimensions: int = 0, square: bool = False, constant: bool = False
) -> Callable[[Graph, np.random.Generator], Truth | None]:
    """A fault of one initializer; `constant` moves it into a node."""

    def fault(graph: Graph, rng: np.random.Generator) -> Truth | None:
        weights = {
            name: one
            for name, one in graph.weights(least).items()
            if graph.owners(name)
            and (not dimensions or one.ndim == dimensions)
            and (not square or (one.ndim == 2 and one.shape[0] == one.shape[1]))
        }
        if not weights:
            return None
        name = choose(rng, weights)
        truth = weight_truth(graph, name)
        graph.set_weight(name, change(weights[name].copy(), rng).astype(weights[name].dtype))
        if constant:
            graph.to_constant(name)
        return truth

    return fault


def weight_truth(graph: Graph, *names: str) -> Truth:
    """The truth of weights: the modules and the nodes that read them."""
    owners = tuple(dict.fromkeys(owner for name in names for owner in graph.owners(name)))
    users = tuple(user for name in names for user in graph.users(name))
    return Truth(WEIGHTS, owners, users, what=" and ".join(names))


def shift_one_number(weight: Array, rng: np.random.Generator) -> Array:
    index = int(rng.integers(weight.size))
    weight.flat[index] += float(np.sign(rng.normal()) * 4 * (weight.astype(np.float64).std() + 0.01))
    return weight


def negate_one_row(weight: Array, rng: np.random.Generator) -> Array:
    weight[int(rng.integers(len(weight)))] *= -1
    return weight


def transpose(weight: Array, rng: np.random.Generator) -> Array:
    return weight.T


def round_to_bfloat16(weight: Array, rng: np.random.Generator) -> Array:
    """To the 8 bits of precision that bfloat16 has."""
    return np.asarray(torch.from_numpy(weight).bfloat16().to(torch.from_numpy(weight).dtype).numpy())


def scale(weight: Array, rng: np.random.Generator) -> Array:
    return weight * 1.01


def insert_nan(weight: Array, rng: np.random.Generator) -> Array:
    weight.flat[int(rng.integers(weight.size))] = np.nan
    return weight


def zero(weight: Array, rng: np.random.Generator) -> Array:
    return np.zeros_like(weight)


def swap_weights(graph: Graph, rng: np.random.Generator) -> Truth | None:
    """Two weights of the same shape, each in the other's place."""
    weights = graph.weights(32)
    pairs = [
        (one, other)
        for one in weights
        for other in weights
        if one < other and weights[one].shape == weights[other].shape and graph.owners(one) and graph.owners(other)
    ]
    if not pairs:
        return None
    one, other = choose(rng, pairs)
    graph.set_weight(one, weights[other])
    graph.set_weight(other, weights[one])
    return weight_truth(graph, one, other)


def replace_checkpoint(module: nn.Module, rng: np.random.Generator) -> Truth | None:
    """All weights as another seed draws them."""
    draw = torch.Generator().manual_seed(OTHER)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.mul_(1 + 0.1 * torch.randn(parameter.shape, generator=draw))
    jitter(module, OTHER)
    return Truth(WEIGHTS, anywhere=True, what="every weight")


def permute_heads(module: nn.Module, rng: np.random.Generator) -> Truth | None:
    """The rows of a query's weights by half of them on, which exchanges heads."""
    names = [
        name
        for name, one in module.named_modules()
        if isinstance(one, torch.nn.Linear) and name.rpartition(".")[2] in {"query", "q_lin", "q_proj"}
    ]
    if not names:
        return None
    name = choose(rng, names)
    found = module.get_submodule(name)
    with torch.no_grad():
        for parameter in found.parameters():
            parameter.copy_(parameter.roll(len(parameter) // 2, 0))
    return Truth(WEIGHTS, (name,), what=f"the heads of {name}")


def reset_statistics(module: nn.Module, rng: np.random.Generator) -> Truth | None:
    """Those of a batch normalization, as where they were never updated."""
    names = [name for name, one in module.named_modules() if isinstance(one, torch.nn.BatchNorm2d)]
    if not names:
        return None
    name = choose(rng, names)
    norm = module.get_submodule(name)
    assert isinstance(norm, torch.nn.BatchNorm2d)
    norm.reset_running_stats()
    parent = name.rpartition(".")[0]
    beside = tuple(
        f"{parent}.{child}".removeprefix(".")
        for child, one in module.get_submodule(parent).named_children()
        if isinstance(one, torch.nn.Conv2d)
    )
    return Truth(WEIGHTS, (name, *beside), what=f"statistics of {name}")


def swap_layers(module: nn.Module, rng: np.random.Generator) -> Truth | None:
    """The weights of two layers, each in the other's place."""
    lists = [
        (name, one)
        for name, one in module.named_modules()
        if isinstance(one, torch.nn.ModuleList) and len(one) >= 2 and any(True for _ in one.parameters())
    ]
    lists = [(name, one) for name, one in lists if _have_equal_shapes(one[0], one[1])]
    if not lists:
        return None
    name, layers = choose(rng, lists)
    first, second = ({key: one.clone() for key, one in layers[index].state_dict().items()} for index in (0, 1))
    layers[0].load_state_dict(second)
    layers[1].load_state_dict(first)
    inside = tuple(one for one, _ in module.named_modules() if one.startswith((f"{name}.0", f"{name}.1")))
    return Truth(WEIGHTS, inside, what=f"{name}.0 and {name}.1")


def _have_equal_shapes(one: nn.Module, other: nn.Module) -> bool:
    shapes = [{key: tuple(each.shape) for key, each in layer.state_dict().items()} for layer in (one, other)]
    return shapes[0] == shapes[1]


GENERATORS = (
    Generator("one number of a weight", change_weight(shift_one_number)),
    Generator("one number of a weight in a Constant", change_weight(shift_one_number, constant=True)),
    Generator("one row of a weight", change_weight(negate_one_row, dimensions=2)),
    Generator("one number of a weight without a name", change_weight(shift_one_number), postprocessing="nameless"),
    Generator(
        "one row of a weight in an optimized file",
        change_weight(negate_one_row, dimensions=2),
        postprocessing="optimized",
    ),
    Generator("a weight transposed", change_weight(transpose, square=True)),
    Generator("a weight rounded to bfloat16", change_weight(round_to_bfloat16, 256)),
    Generator("a weight by a hundredth too large", change_weight(scale)),
    Generator("a weight that is no number", change_weight(insert_nan)),
    Generator("a bias left out", change_weight(zero, 3, dimensions=1)),
    Generator("two weights swapped", swap_weights),
    Generator("heads permuted", in_module=permute_heads),
    Generator("statistics never updated", in_module=reset_statistics),
    Generator("two layers swapped", in_module=swap_layers),
    Generator("another checkpoint", in_module=replace_checkpoint),
)
