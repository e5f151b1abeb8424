"""What a module gives: its tensors by name, and the fractional numbers that outputs of integers were rounded from."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

# How keys and values are named by transformers, and by optimum.
PAST, PRESENT = "past_key_values.", "present."
CACHE_PATH = re.compile(r"past_key_values\.(?:(self|cross)_attention_cache\.)?layers\.(\d+)\.(key|value)s")
CACHE_SIDES = {None: "", "self": "decoder.", "cross": "encoder."}

# Operators that round, and where their steps are: at halves or at whole numbers.
HALF, WHOLE = "half", "whole"
ROUNDING = {"round": HALF, "floor": WHOLE, "ceil": WHOLE, "trunc": WHOLE, "fix": WHOLE}
CONVERSIONS = {"to", "_to_copy"}
CLAMPS = {"clamp", "clamp_min", "clamp_max", "clip"}
SHIFTS = {"add", "sub"}  # by a whole number, as by the zero point of a quantized tensor
# Operators that move elements and keep their values; in inference mode composite ones come under their own names.
MOVES = {
    "view", "_unsafe_view", "reshape", "flatten", "unflatten", "permute", "transpose", "t", "mT", "swapaxes", "squeeze",
    "unsqueeze", "contiguous", "clone", "detach", "alias", "expand", "slice", "narrow", "select", "flip", "movedim",
}  # fmt: skip


def named_tensors(outputs: Any) -> dict[str, Any]:
    """Every tensor in a module's outputs by its path, such as `logits` or `past_key_values.layers.0.keys`.

    A mapping gives its keys, a sequence its indices, any other object the names of its attributes: the paths by
    which the exporter of transformers names an ONNX file's outputs. A bare tensor has the empty path.
    """
    return dict(_iter_tensors(outputs, "", frozenset()))


def optimum_name(path: str) -> str:
    """Optimum's name for a tensor, such as `present.0.key` or `present.0.encoder.value`; a path of any other is its own."""
    found = CACHE_PATH.fullmatch(path)
    return f"{PRESENT}{found[2]}.{CACHE_SIDES[found[1]]}{found[3]}" if found else path


def _iter_tensors(value: Any, path: str, ancestors: frozenset[int]) -> Iterator[tuple[str, Any]]:
    import torch

    if isinstance(value, torch.Tensor):
        yield path, value
    elif id(value) not in ancestors:
        for name, child in _children(value):
            yield from _iter_tensors(child, f"{path}.{name}" if path else name, ancestors | {id(value)})


def _children(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        yield from ((str(key), child) for key, child in value.items())
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        yield from ((str(index), child) for index, child in enumerate(value))
    elif not isinstance(value, type):
        yield from getattr(value, "__dict__", {}).items()


def track_rounding() -> Any:
    """A context manager that follows fractional numbers to the integers that they are rounded to.

    The mode of PyTorch that it gives has a method `source`: for a tensor, the numbers that it was rounded from, element
    by element, and whether the steps are at halves or at whole numbers. It follows rounding, clamping, shifting by a
    whole number, conversion to an integer type, and operators that move elements. What another operator makes, as a
    label, an index or a count, has no source.
    """
    return _rounding_mode()()


@cache
def _rounding_mode() -> Any:
    """The class, made once PyTorch is imported: it derives from one of PyTorch's."""
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode

    class RoundingMode(TorchDispatchMode):  # type: ignore[no-untyped-call] # its base class has no types
        def __init__(self) -> None:
            super().__init__()  # type: ignore[no-untyped-call]
            # Each has the tensor itself, so that no later tensor gets the same `id`.
            self._sources: dict[int, tuple[Any, Any, str]] = {}

        def source(self, tensor: Any) -> tuple[Any, str] | None:
            entry = self._sources.get(id(tensor))
            return entry and entry[1:]

        def __torch_dispatch__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
            name = func.overloadpacket.__name__
            operator, kwargs = name.removesuffix("_"), kwargs or {}
            first = args[0] if args and isinstance(args[0], torch.Tensor) else None
            is_in_place = name != operator
            before = first.clone() if first is not None and is_in_place and operator in ROUNDING else first
            source = None if first is None else self.source(first)
            out = func(*args, **kwargs)
            if first is None or not isinstance(out, torch.Tensor):
                return out
            self._sources.pop(id(out), None)  # it may have been written over
            if operator in ROUNDING and first.is_floating_point():
                self._sources[id(out)] = (out, before, ROUNDING[operator])
            elif operator in CONVERSIONS and source is not None:
                self._sources[id(out)] = (out, *source)
            elif operator in CONVERSIONS and first.is_floating_point() and _is_integer_tensor(out):
                self._sources[id(out)] = (out, first, WHOLE)
            elif source is not None and (
                operator in CLAMPS | MOVES or (operator in SHIFTS and _is_whole_number(args[1]))
            ):
                self._sources[id(out)] = (out, func(source[0], *args[1:], **kwargs), source[1])
            return out

    return RoundingMode


def _is_whole_number(number: Any) -> bool:
    return isinstance(number, int | float) and float(number).is_integer()


def _is_integer_tensor(tensor: Any) -> bool:
    import torch

    return not (tensor.is_floating_point() or tensor.is_complex() or tensor.dtype is torch.bool)
