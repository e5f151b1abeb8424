"""The numbers with a fraction that outputs of integers were rounded from."""

from __future__ import annotations

from functools import cache
from typing import Any

HALF, WHOLE = "half", "whole"
ROUNDING = {"round": HALF, "floor": WHOLE, "ceil": WHOLE, "trunc": WHOLE, "fix": WHOLE}
CONVERSIONS = {"to", "_to_copy"}
CLAMPS = {"clamp", "clamp_min", "clamp_max", "clip"}
SHIFTS = {"add", "sub"}  # by a whole number, as by the zero point of a quantized one
# Operators that put elements elsewhere, and leave them as they are.
MOVES = {
    "view", "_unsafe_view", "reshape", "flatten", "unflatten", "permute", "transpose", "t", "squeeze", "unsqueeze",
    "contiguous", "clone", "detach", "alias", "expand", "slice", "select", "flip", "movedim",
}  # fmt: skip


def rounded() -> Any:
    """A mode of PyTorch that follows numbers with a fraction to the integers they are rounded to, while it is entered.

    Its `source` gives what a tensor was rounded from, element by element, and where its steps are: at halves or at whole
    numbers. Followed are rounding, clamping, shifting by a whole number, conversion to an integer type, and what moves
    elements about. What any other operator makes is rounded from nothing, and has no source: a label, an index, a count.
    """
    return _mode()()


@cache
def _mode() -> Any:
    """The class, made once PyTorch is there to derive it from."""
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode

    class Rounded(TorchDispatchMode):  # type: ignore[no-untyped-call] # its base class has no types
        def __init__(self) -> None:
            super().__init__()  # type: ignore[no-untyped-call]
            self._sources: dict[int, tuple[Any, Any, str]] = {}  # with the tensor, so that no other takes its `id`

        def source(self, tensor: Any) -> tuple[Any, str] | None:
            found = self._sources.get(id(tensor))
            return found and found[1:]

        def __torch_dispatch__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
            name = func.overloadpacket.__name__
            kind, kwargs = name.removesuffix("_"), kwargs or {}
            first = args[0] if args and isinstance(args[0], torch.Tensor) else None
            before = first.clone() if first is not None and name != kind and kind in ROUNDING else first
            known = None if first is None else self.source(first)
            out = func(*args, **kwargs)
            if first is None or not isinstance(out, torch.Tensor):
                return out
            self._sources.pop(id(out), None)  # what was written over
            if kind in ROUNDING and first.is_floating_point():
                self._sources[id(out)] = (out, before, ROUNDING[kind])
            elif kind in CONVERSIONS and known is not None:
                self._sources[id(out)] = (out, *known)
            elif kind in CONVERSIONS and first.is_floating_point() and _is_integer(out):
                self._sources[id(out)] = (out, first, WHOLE)
            elif known is not None and (kind in CLAMPS | MOVES or (kind in SHIFTS and _is_whole(args[1]))):
                self._sources[id(out)] = (out, func(known[0], *args[1:], **kwargs), known[1])
            return out

    return Rounded


def _is_whole(number: Any) -> bool:
    return isinstance(number, int | float) and float(number).is_integer()


def _is_integer(tensor: Any) -> bool:
    import torch

    return not (tensor.is_floating_point() or tensor.is_complex() or tensor.dtype is torch.bool)
