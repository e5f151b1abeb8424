"""What a model that code builds is known by: its numbers, its settings, and the code itself.

Weights alone do not tell models apart: an epsilon, a flag or a line of `forward` makes other answers of the same ones.
"""

from __future__ import annotations

import dataclasses
import hashlib
import inspect
import json
import sys
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DEEPEST = 8  # of settings inside of settings, which may well go round in circles
PACKAGES = ("site-packages", "dist-packages")  # folders of what is installed


def digest_of(name: str, factory: Callable[[], Any], module: Any) -> str:
    """The sha256 over a function's name, its code, and what it built."""
    total = hashlib.sha256(f"{name}\0".encode())
    for part in (*_numbers(module), *_settings(module), *_code(name, factory, module)):
        total.update(hashlib.sha256(part).digest())
    return f"sha256:{total.hexdigest()}"


def _numbers(module: Any) -> Iterator[bytes]:
    """Every parameter and buffer, those too that are never saved."""
    for name, tensor in (*module.named_parameters(), *module.named_buffers()):
        yield f"{name}\0{_spelled(tensor)}".encode()


def _settings(module: Any) -> Iterator[bytes]:
    """The class of every module inside, with those of its attributes that are the same in every process."""
    for name, part in module.named_modules():
        yield f"{name}\0{_name(type(part))}\0{json.dumps(_plain(vars(part)), sort_keys=True)}".encode()


def _plain(value: Any, depth: int = DEEPEST) -> Any:
    """A setting as JSON has it; of an object that is none, and of what is too deep inside of one, its class."""
    import torch

    inner = partial(_plain, depth=depth - 1)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, torch.Tensor):
        return _spelled(value)
    if depth and isinstance(value, list | tuple):
        return [inner(one) for one in value]
    if depth and isinstance(value, set | frozenset):
        return sorted(json.dumps(inner(one), sort_keys=True) for one in value)
    if depth and (items := _items(value)) is not None:
        return {str(key): inner(one) for key, one in items.items()}
    return _name(value if hasattr(value, "__qualname__") else type(value))


def _items(value: Any) -> dict[Any, Any] | None:
    """What an object says that it is made of, as a configuration of transformers does."""
    if isinstance(value, dict):
        return value
    if isinstance(value, type):
        return None
    if dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return dict(value.to_dict()) if callable(getattr(value, "to_dict", None)) else None


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
    files |= set(_beside(start)) if start else set()
    for file in sorted(files):
        yield file.read_bytes()


def _file(one: Any) -> Path | None:
    try:
        source = inspect.getsourcefile(one)
    except TypeError:  # written in another language
        return None
    return Path(source) if source and Path(source).is_file() else None


def _beside(start: ModuleType) -> Iterator[Path]:
    """The files of a module and of all that it uses of its own package, or of its own folder where that is no package."""
    package = start.__name__.partition(".")[0]
    home = _home(start)
    seen, waiting = {start.__name__}, [start]
    while waiting:
        module = waiting.pop()
        file = _file(module)
        if file is None:
            continue
        yield file
        for name in _used(module) - seen:
            other = sys.modules.get(name)
            if other is not None and (name.partition(".")[0] == package or _within(other, home)):
                waiting.append(other)
            seen.add(name)


def _used(module: ModuleType) -> set[str]:
    """The modules of everything that a module has names for."""
    names = (
        one.__name__ if isinstance(one, ModuleType) else getattr(one, "__module__", None) for one in _values(module)
    )
    return {name for name in names if isinstance(name, str)}


def _values(module: ModuleType) -> list[Any]:
    return list(vars(module).values())


def _home(start: ModuleType) -> Path | None:
    """The folder that a module's package is in; None where that is one of installed packages."""
    package = sys.modules.get(start.__name__.partition(".")[0], start)
    file = _file(package)
    if file is None:
        return None
    home = file.parents[1] if file.name == "__init__.py" else file.parent
    return None if set(PACKAGES) & set(home.parts) else home


def _within(module: ModuleType, home: Path | None) -> bool:
    file = _file(module)
    return home is not None and file is not None and file.is_relative_to(home)
