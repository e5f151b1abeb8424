"""What a module gives, as tensors with names: ragged lists, caches and nested outputs too."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

PAST, PRESENT = "past_key_values.", "present."  # how keys and values are named by transformers, and by optimum
CACHED = re.compile(r"past_key_values\.(?:(self|cross)_attention_cache\.)?layers\.(\d+)\.(key|value)s")
SIDES = {None: "", "self": "decoder.", "cross": "encoder."}


def named_tensors(outputs: Any) -> dict[str, Any]:
    """Every tensor in a module's outputs by its path, such as `logits` or `past_key_values.layers.0.keys`.

    A mapping gives its keys, a sequence its positions, any other object the names of its attributes: the paths by
    which the exporter of transformers names an ONNX file's outputs. A bare tensor has the empty path.
    """
    return dict(_walk(outputs, "", frozenset()))


def present(path: str) -> str:
    """Optimum's name for a tensor, such as `present.0.key` or `present.0.encoder.value`; a path of any other is its own."""
    found = CACHED.fullmatch(path)
    return f"{PRESENT}{found[2]}.{SIDES[found[1]]}{found[3]}" if found else path


def _walk(value: Any, path: str, within: frozenset[int]) -> Iterator[tuple[str, Any]]:
    import torch

    if isinstance(value, torch.Tensor):
        yield path, value
    elif id(value) not in within:
        for name, part in _parts(value):
            yield from _walk(part, f"{path}.{name}" if path else name, within | {id(value)})


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        yield from ((str(name), part) for name, part in value.items())
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        yield from ((str(place), part) for place, part in enumerate(value))
    elif not isinstance(value, type):
        yield from getattr(value, "__dict__", {}).items()
