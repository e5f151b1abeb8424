"""What a module gives, as tensors with the names that an exporter gives them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

ONLY = "output"  # the name of a bare tensor


def named_outputs(outputs: Any) -> dict[str, Any]:
    """The tensors among a module's outputs; what is inside of named ones, such as a cache, is left out.

    Where the module names none, they are known by their places, those inside of others too: `0`, `1.0`.
    """
    import torch

    if isinstance(outputs, Mapping):
        return {name: value for name, value in outputs.items() if isinstance(value, torch.Tensor)}
    return dict(_placed(outputs, ""))


def _placed(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    import torch

    if isinstance(value, torch.Tensor):
        yield path or ONLY, value
    elif isinstance(value, list | tuple):
        for place, part in enumerate(value):
            yield from _placed(part, f"{path}.{place}" if path else str(place))
