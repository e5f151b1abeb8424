"""Instrumentation of a PyTorch module: its outputs by name, and what happens inside of it while it runs.

Forward hooks give the inputs, the outputs and the times of the modules inside. A mode of PyTorch follows fractional
numbers to the integers that they are rounded to.
"""

from __future__ import annotations

import inspect
import re
import time
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from mqa_registry import NotRunError
from mqa_transformers.torchscript import is_script

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

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
    match = CACHE_PATH.fullmatch(path)
    return f"{PRESENT}{match[2]}.{CACHE_SIDES[match[1]]}{match[3]}" if match else path


@contextmanager
def hook_outputs(module: Any, names: Iterable[str], record: Callable[[str, Any], None]) -> Iterator[None]:
    """Inside of the block, `record` gets the name and the output of each of these submodules whenever one has run."""
    with _hooked(module, names, lambda part, name: part.register_forward_hook(partial(_record_output, name, record))):
        yield


@contextmanager
def hook_inputs(module: Any, names: Iterable[str], record: Callable[[str, Any], None]) -> Iterator[None]:
    """Inside of the block, `record` gets the name and all arguments of each of these submodules before one runs."""

    def register(part: Any, name: str) -> Any:
        return part.register_forward_pre_hook(partial(_record_inputs, name, record), with_kwargs=True)

    with _hooked(module, names, register):
        yield


def time_modules(module: Any, run: Callable[[], object], device: str) -> Mapping[str, float]:
    """Seconds that each module takes in one run, those inside of it not counted; the outermost has an empty name."""
    timer = ModuleTimer(_synchronizer(device))
    names = [name for name, _ in module.named_modules()]
    with hook_inputs(module, names, timer.start), hook_outputs(module, names, timer.stop):
        run()
    return timer.seconds


@dataclass
class ModuleTimer:
    """Seconds by the names of modules; the time of a module stands still while one inside of it runs.

    `synchronize` waits until all work that was started is done.
    """

    synchronize: Callable[[], object]
    seconds: dict[str, float] = field(default_factory=dict)
    _running: list[str] = field(default_factory=list)
    _since: float = 0.0

    def start(self, name: str, _args: object) -> None:
        self._charge()
        self._running.append(name)
        self._since = time.perf_counter()

    def stop(self, name: str, _output: object) -> None:
        self._charge()
        while self._running and self._running.pop() != name:
            pass  # a module inside of it that raised, where it caught the error, was never stopped
        self._since = time.perf_counter()

    def _charge(self) -> None:
        """Add the time since the last start or stop to the innermost module that runs."""
        self.synchronize()
        if self._running:
            name = self._running[-1]
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - self._since


def track_rounding() -> Any:
    """A context manager that follows fractional numbers to the integers that they are rounded to.

    The mode of PyTorch that it gives has a method `source`: for a tensor, the numbers that it was rounded from, element
    by element, and whether the steps are at halves or at whole numbers. It follows rounding, clamping, shifting by a
    whole number, conversion to an integer type, and operators that move elements. What another operator makes, as a
    label, an index or a count, has no source.
    """
    return _rounding_mode()()


def accepts_use_cache(module: Any) -> bool:
    """Whether a module has the argument `use_cache`, by which it gives its keys and values or leaves them out."""
    return not is_script(module) and "use_cache" in inspect.signature(module.forward).parameters


def get_submodule(module: Any, name: str) -> Any:
    """A module inside of a module, by its name; a NotRunError where there is none."""
    try:
        return dict(module.named_modules())[name] if is_script(module) else module.get_submodule(name)
    except (AttributeError, KeyError) as error:
        raise NotRunError(f"the model has no module `{name}`") from error


def get_class_name(module: Any) -> str:
    """The name of a module's class, also where it is TorchScript."""
    return str(module.original_name if is_script(module) else type(module).__name__)


def _iter_tensors(value: Any, path: str, ancestors: frozenset[int]) -> Iterator[tuple[str, Any]]:
    import torch

    if isinstance(value, torch.Tensor):
        yield path, value
    elif id(value) not in ancestors:
        for name, child in _iter_children(value):
            yield from _iter_tensors(child, f"{path}.{name}" if path else name, ancestors | {id(value)})


def _iter_children(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        yield from ((str(key), child) for key, child in value.items())
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        yield from ((str(index), child) for index, child in enumerate(value))
    elif not isinstance(value, type):
        yield from getattr(value, "__dict__", {}).items()


@contextmanager
def _hooked(module: Any, names: Iterable[str], register: Callable[[Any, str], Any]) -> Iterator[None]:
    names = tuple(names)
    if names and is_script(module):
        raise NotRunError("TorchScript shows nothing of the modules inside of it")
    handles: list[Any] = []
    try:
        for name in names:
            handles.append(register(get_submodule(module, name), name))  # noqa: PERF401 - those before a failure are removed
        yield
    finally:
        for handle in handles:
            handle.remove()


def _record_output(name: str, record: Callable[[str, Any], None], module: Any, args: Any, output: Any) -> None:
    record(name, output)


def _record_inputs(name: str, record: Callable[[str, Any], None], module: Any, args: Any, kwargs: Any) -> None:
    record(name, [*args, *kwargs.values()])


def _synchronizer(device: str) -> Callable[[], object]:
    """What waits for a device: a GPU works on while its caller goes ahead."""
    if not device.startswith("cuda"):
        return lambda: None
    import torch

    return lambda: torch.cuda.synchronize(device)


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
