"""Faults that an exporter or a patch makes of the model's code: the module is changed, and exported then."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from tests.benchmarks.faults.fault import STRUCTURE, WEIGHTS, Generator, Truth, choose

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

ACTIVATIONS = (nn.GELU, nn.SiLU, nn.ReLU, nn.Tanh)
ACTIVATION_NAMES = {"GELUActivation", "NewGELUActivation", "SiLUActivation", "GELUTanh"}
LAYERS = {"layer", "layers", "h", "blocks", "encoder"}


class QuickGELU(nn.Module):
    """GELU as x sigmoid(1.702 x)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * torch.sigmoid(1.702 * x)


class Rectifier(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(x)


class PassThrough(nn.Module):
    """A layer that gives what it is given."""

    def forward(self, x: torch.Tensor, *rest: Any, **options: Any) -> torch.Tensor:
        return x


def replace_activation(other: type[nn.Module]) -> Callable[[nn.Module, np.random.Generator], Truth | None]:
    """Another function in place of an activation."""

    def fault(module: nn.Module, rng: np.random.Generator) -> Truth | None:
        names = [name for name, one in module.named_modules() if _is_activation(one)]
        if not names:
            return None
        name = choose(rng, names)
        module.set_submodule(name, other())
        return Truth(STRUCTURE, (name,), near=(name.rpartition(".")[0],), what=name)

    return fault


def _is_activation(one: nn.Module) -> bool:
    return isinstance(one, ACTIVATIONS) or type(one).__name__ in ACTIVATION_NAMES


def change_epsilon(module: nn.Module, rng: np.random.Generator) -> Truth | None:
    """Of one normalization."""
    names = [name for name, one in module.named_modules() if hasattr(one, "eps") or hasattr(one, "variance_epsilon")]
    if not names:
        return None
    name = choose(rng, names)
    norm = module.get_submodule(name)
    setattr(norm, "eps" if hasattr(norm, "eps") else "variance_epsilon", 0.02)
    folded = isinstance(norm, nn.BatchNorm2d)  # into the weights of a convolution beside it, whose fault it is then
    parent = name.rpartition(".")[0]
    beside = _list_siblings(module, parent) if folded else ()
    return Truth(STRUCTURE | WEIGHTS if folded else STRUCTURE, (name, *beside), near=(parent,), what=name)


def skip_layer(module: nn.Module, rng: np.random.Generator) -> Truth | None:
    """One layer of several alike gives what it is given."""
    names = [
        f"{name}.{index}"
        for name, one in module.named_modules()
        if isinstance(one, nn.ModuleList | nn.Sequential) and len(one) >= 2
        for index in range(len(one))
        if type(one[index]) is type(one[0]) and sum(1 for _ in one[index].modules()) > 3
    ]
    if not names:
        return None
    name = choose(rng, names)
    inside = tuple(f"{name}.{one}" for one, _ in module.get_submodule(name).named_modules() if one)
    module.set_submodule(name, PassThrough())
    return Truth(STRUCTURE, (name, *inside), near=(name.rpartition(".")[0],), what=f"{name} is missing")


def change_attention_scale(module: nn.Module, rng: np.random.Generator) -> Truth | None:
    """An attention of another scale, as an attribute says it."""
    found = [
        (name, key)
        for name, one in module.named_modules()
        for key in ("scaling", "scale")
        if isinstance(getattr(one, key, None), float)
    ]
    if not found:
        return None
    name, key = choose(rng, found)
    attention = module.get_submodule(name)
    setattr(attention, key, getattr(attention, key) * 1.1)
    return Truth(STRUCTURE, (name,), near=(name.rpartition(".")[0],), what=f"{name}.{key}")


def change_rope_frequencies(module: nn.Module, rng: np.random.Generator) -> Truth | None:
    """Rotary positions of another theta."""
    for name, one in module.named_modules():
        found = getattr(one, "inv_freq", None)
        if isinstance(found, torch.Tensor):
            found.mul_(torch.linspace(1.0, 0.9, len(found)))
            return Truth(STRUCTURE | {"weights"}, (name,), near=(name.rpartition(".")[0],), what=f"{name}.inv_freq")
    return None


def halve_window(module: nn.Module, rng: np.random.Generator) -> Truth | None:
    """Attention to fewer tokens, or to more, than the model's window has."""
    config: Any = getattr(module, "config", None)
    size = getattr(config, "sliding_window", None)
    if not size:
        return None
    config.sliding_window = size // 2
    attentions = tuple(name for name, one in module.named_modules() if hasattr(one, "sliding_window"))
    for name in attentions:
        setattr(module.get_submodule(name), "sliding_window", size // 2)  # noqa: B010 - mypy knows no such attribute
    return Truth(STRUCTURE, ("model", "", *attentions), what="the window")


def remove_mask(module: nn.Module, rng: np.random.Generator) -> Truth | None:
    """The whole model attends to padding."""
    return _change_mask(module, torch.ones_like)


def shorten_mask(module: nn.Module, rng: np.random.Generator) -> Truth | None:
    """The whole model attends to every token but the last of each row."""
    return _change_mask(module, lambda mask: mask * torch.cat([mask[:, 1:], torch.ones_like(mask[:, :1])], 1))


def _change_mask(module: nn.Module, change: Callable[[torch.Tensor], torch.Tensor]) -> Truth | None:
    config: Any = getattr(module, "config", None)
    if config is None or "attention_mask" not in inspect.signature(module.forward).parameters:
        return None

    def before(inner: nn.Module, given: Any, named: dict[str, Any]) -> Any:
        if named.get("attention_mask") is None:
            return None
        return given, named | {"attention_mask": change(named["attention_mask"])}

    module.register_forward_pre_hook(before, with_kwargs=True)
    attentions = tuple(
        name
        for name, _ in module.named_modules()
        if name.rpartition(".")[2] in {"attention", "self", "attn", "self_attn"}
    )
    base = getattr(module, "base_model_prefix", "")
    return Truth(STRUCTURE, ("", str(base), *attentions), what="the mask")


def leave_dropout_on(module: nn.Module, rng: np.random.Generator) -> Truth | None:
    """Exported with one dropout left at work."""
    names = [name for name, one in module.named_modules() if isinstance(one, nn.Dropout) and one.p > 0]
    if not names:
        return None
    name = choose(rng, names)
    module.get_submodule(name).train()
    return Truth(STRUCTURE, (name,), near=(name.rpartition(".")[0],), what=name)


def freeze_length(module: nn.Module, rng: np.random.Generator) -> Truth | None:
    """The length of the rows that were traced becomes a number of the code, as where a shape is made a Python number."""
    names = [name for name, one in module.named_modules() if isinstance(one, nn.Linear) and "layer" in name]
    if not names or "input_ids" not in inspect.signature(module.forward).parameters:
        return None
    name = choose(rng, names)

    def before(inner: nn.Module, given: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        return (given[0].reshape(-1, int(given[0].shape[1]), given[0].shape[2]),)

    module.get_submodule(name).register_forward_pre_hook(before)
    parent = name.rpartition(".")[0]
    return Truth(STRUCTURE, (name, parent), near=_list_siblings(module, parent), what=f"the length before {name}")


def hook_output(
    change: Callable[[torch.Tensor], torch.Tensor],
) -> Callable[[nn.Module, np.random.Generator], Truth | None]:
    """A module whose output is changed by a hook, as patches of libraries do."""

    def fault(module: nn.Module, rng: np.random.Generator) -> Truth | None:
        names = [name for name, one in module.named_modules() if isinstance(one, nn.Linear | nn.Conv2d | nn.LayerNorm)]
        if not names:
            return None
        name = choose(rng, names)
        module.get_submodule(name).register_forward_hook(lambda inner, given, found: change(found))
        parent = name.rpartition(".")[0]
        return Truth(STRUCTURE, (name, parent), near=_list_siblings(module, parent), what=f"a hook of {name}")

    return fault


def _list_siblings(module: nn.Module, parent: str) -> tuple[str, ...]:
    names = [name for name, _ in module.get_submodule(parent).named_children()]
    return tuple(f"{parent}.{name}".removeprefix(".") for name in names)


GENERATORS = (
    Generator("quick GELU for an activation", in_module=replace_activation(QuickGELU)),
    Generator("ReLU for an activation", in_module=replace_activation(Rectifier)),
    Generator("another epsilon in the code", in_module=change_epsilon),
    Generator("a layer missing", in_module=skip_layer),
    Generator("another scale in the code", in_module=change_attention_scale),
    Generator("another theta of RoPE", in_module=change_rope_frequencies),
    Generator("another window", in_module=halve_window),
    Generator("the mask left out", in_module=remove_mask),
    Generator("the mask cut short", in_module=shorten_mask),
    Generator("a dropout left at work", in_module=leave_dropout_on),
    Generator("a length frozen", in_module=freeze_length, traced=True),
    Generator("quick GELU in float16", in_module=replace_activation(QuickGELU), postprocessing="float16"),
    Generator("a hook that scales", in_module=hook_output(lambda found: found * 1.02)),
    Generator("a hook that cuts off", in_module=hook_output(lambda found: found.clamp(-0.5, 0.5))),
)
