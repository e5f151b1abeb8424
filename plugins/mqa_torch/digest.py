"""What a model that code builds is known by: its numbers, its settings, and the code itself.

Weights alone do not tell models apart: an epsilon, a flag or a line of `forward` makes other answers of the same ones.
Not every attribute is a setting: addresses, generated names, times and random tokens are others in every process, and
frameworks keep many of them. What a function builds is therefore built twice, and what differs is left out.
"""

from __future__ import annotations

import dataclasses
import hashlib
import inspect
import json
import re
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import FunctionType, SimpleNamespace
from typing import TYPE_CHECKING, Any

from mqa_registry import content_digest, source_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DEEPEST = 8  # of settings inside of settings, which may well go round in circles
PACKAGES = {"site-packages", "dist-packages"}  # folders of what is installed
HELD = {"_parameters", "_buffers", "_modules"}  # where PyTorch keeps what is looked at by itself
ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,}")  # as in `<object at 0x7f2b18>`


def digest_of(name: str, factory: Callable[[], Any], module: Any, again: Any) -> str:
    """The sha256 over a function's name, its code, and what it built: a module, and `again` another one."""
    total = hashlib.sha256(f"{name}\0".encode())
    settings = json.dumps(_common(_settings(module), _settings(again)), sort_keys=True).encode()
    for part in (*_numbers(module, again), settings, *_code(name, factory, module)):
        total.update(hashlib.sha256(part).digest())
    return f"sha256:{total.hexdigest()}"


def _numbers(module: Any, again: Any) -> Iterator[bytes]:
    """Every parameter and buffer, those too that are never saved, in their order; without the names that are made up anew."""
    names = {name for name, _ in _tensors(again)}
    for name, tensor in _tensors(module):
        yield f"{name if name in names else ''}\0{_spelled(tensor)}".encode()


def _tensors(module: Any) -> tuple[tuple[str, Any], ...]:
    return (*module.named_parameters(), *module.named_buffers())


def _settings(module: Any) -> list[Any]:
    """Of every module inside its name, its class and its attributes."""
    return [
        [name, _name(type(part)), _plain({key: one for key, one in vars(part).items() if key not in HELD})]
        for name, part in module.named_modules()
    ]


def _common(one: Any, other: Any) -> Any:
    """What two values have in common, of those that are made of others; None where they differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        return {key: _common(one[key], other[key]) for key in one.keys() & other.keys()}
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return [_common(*pair) for pair in zip(one, other, strict=True)]
    return one if one == other else None


def _plain(value: Any, depth: int = DEEPEST) -> Any:
    """A setting as JSON has it; of an object that is none, and of what is too deep inside of one, its class."""
    import torch

    if isinstance(value, str):
        return ADDRESS.sub("", value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, torch.Tensor):
        return _spelled(value)
    parts = _parts(value) if depth else None
    if isinstance(parts, dict):
        return {ADDRESS.sub("", str(key)): _plain(one, depth - 1) for key, one in parts.items()}
    if parts is not None:
        found = [_plain(one, depth - 1) for one in parts]
        return sorted(map(json.dumps, found)) if isinstance(value, set | frozenset) else found
    return _name(value if hasattr(value, "__qualname__") else type(value))


def _parts(value: Any) -> dict[Any, Any] | list[Any] | None:
    """What a value is made of; None where nobody can tell."""
    if isinstance(value, list | tuple | set | frozenset):
        return list(value)
    if isinstance(value, partial):
        return [value.func, value.args, value.keywords]
    if isinstance(value, FunctionType):
        return [_name(value), value.__defaults__, value.__kwdefaults__, *_captured(value)]
    return _items(value)


def _captured(function: FunctionType) -> Iterator[Any]:
    """What a function or lambda took from around it."""
    for cell in function.__closure__ or ():
        with suppress(ValueError):  # of a name that has no value yet
            yield cell.cell_contents


def _items(value: Any) -> dict[Any, Any] | None:
    """What an object says that it is made of, as a configuration of transformers does."""
    if isinstance(value, dict):
        return value
    if isinstance(value, type):
        return None
    if dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if callable(getattr(value, "to_dict", None)):
        return dict(value.to_dict())
    return vars(value) if isinstance(value, SimpleNamespace) or _is_own(type(value)) else None


def _is_own(kind: type) -> bool:
    """Whether a class, not of a module with weights, is in nobody's package but the user's own."""
    import torch

    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    if issubclass(kind, torch.nn.Module) or not file or kind.__module__.partition(".")[0] in sys.stdlib_module_names:
        return False
    return not PACKAGES & set(Path(file).parts) and not hasattr(kind, "__slots__")


def _spelled(tensor: Any) -> str:
    """A tensor by its form and its numbers."""
    import torch

    values = tensor.detach().cpu().contiguous()
    content = values.flatten().view(torch.uint8).numpy().tobytes() if values.numel() else b""
    return f"{tuple(values.shape)} {values.dtype} {hashlib.sha256(content).hexdigest()}"


def _name(one: Any) -> str:
    return f"{one.__module__}.{one.__qualname__}"


def _code(name: str, factory: Callable[[], Any], module: Any) -> Iterator[bytes]:
    """The files of the function, of what it imports from beside it, and of every class in the model."""
    classes = {type(part) for part in module.modules()}
    files = {file for one in (factory, *classes) if (file := _file(one))}
    start = sys.modules.get(name.partition(":")[0])
    files |= set(source_files(start).values()) if start else set()
    # By their content: where they lie is another thing on every machine.
    yield from sorted(content_digest(file).encode() for file in files)


def _file(one: Any) -> Path | None:
    try:
        source = inspect.getsourcefile(one)
    except TypeError:  # written in another language
        return None
    return Path(source) if source and Path(source).is_file() else None
