"""The digest of a model that code builds: of its weights, its settings, and the code itself.

Weights do not identify a model: an epsilon, a flag or a line of `forward` changes the predictions of the same weights.
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

MAX_DEPTH = 8  # of settings inside of settings, which may refer to one another in a circle
INSTALLED = {"site-packages", "dist-packages"}  # folders of installed packages
TORCH_ATTRIBUTES = {"_parameters", "_buffers", "_modules"}  # of a module, which are digested otherwise
ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,}")  # as in `<object at 0x7f2b18>`


def digest_factory(name: str, factory: Callable[[], Any], module: Any, rebuilt: Any) -> str:
    """The sha256 over a function's name, its code, and what it built: a module, and `rebuilt` a second time."""
    total = hashlib.sha256(f"{name}\0".encode())
    settings = json.dumps(_intersect(_settings(module), _settings(rebuilt)), sort_keys=True).encode()
    for part in (*_weights(module, rebuilt), settings, *_code(name, factory, module)):
        total.update(hashlib.sha256(part).digest())
    return f"sha256:{total.hexdigest()}"


def _weights(module: Any, rebuilt: Any) -> Iterator[bytes]:
    """Every parameter and buffer, those too that are never saved, in their order; without names that are generated anew."""
    stable_names = {name for name, _ in _tensors(rebuilt)}
    for name, tensor in _tensors(module):
        yield f"{name if name in stable_names else ''}\0{_describe_tensor(tensor)}".encode()


def _tensors(module: Any) -> tuple[tuple[str, Any], ...]:
    return (*module.named_parameters(), *module.named_buffers())


def _settings(module: Any) -> list[Any]:
    """Of every module inside its name, its class and its attributes."""
    return [
        [
            name,
            _qualified_name(type(part)),
            _to_plain({key: value for key, value in vars(part).items() if key not in TORCH_ATTRIBUTES}),
        ]
        for name, part in module.named_modules()
    ]


def _intersect(value: Any, other: Any) -> Any:
    """What two values have in common, of dicts and lists in their items; None where they differ."""
    if isinstance(value, dict) and isinstance(other, dict):
        return {key: _intersect(value[key], other[key]) for key in value.keys() & other.keys()}
    if isinstance(value, list) and isinstance(other, list) and len(value) == len(other):
        return [_intersect(*pair) for pair in zip(value, other, strict=True)]
    return value if value == other else None


def _to_plain(value: Any, depth: int = MAX_DEPTH) -> Any:
    """A setting as JSON; an object that has no JSON form, or that is nested too deeply, is the name of its class."""
    import torch

    if isinstance(value, str):
        return ADDRESS.sub("", value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, torch.Tensor):
        return _describe_tensor(value)
    content = _content(value) if depth else None
    if isinstance(content, dict):
        return {ADDRESS.sub("", str(key)): _to_plain(item, depth - 1) for key, item in content.items()}
    if content is not None:
        items = [_to_plain(item, depth - 1) for item in content]
        return sorted(map(json.dumps, items)) if isinstance(value, set | frozenset) else items
    return _qualified_name(value if hasattr(value, "__qualname__") else type(value))


def _content(value: Any) -> dict[Any, Any] | list[Any] | None:
    """What a value is made of; None where that is unknown."""
    if isinstance(value, list | tuple | set | frozenset):
        return list(value)
    if isinstance(value, partial):
        return [value.func, value.args, value.keywords]
    if isinstance(value, FunctionType):
        return [_qualified_name(value), value.__defaults__, value.__kwdefaults__, *_closure(value)]
    return _items(value)


def _closure(function: FunctionType) -> Iterator[Any]:
    """The values that a function or lambda has from the scope around it."""
    for cell in function.__closure__ or ():
        with suppress(ValueError):  # of a name that has no value yet
            yield cell.cell_contents


def _items(value: Any) -> dict[Any, Any] | None:
    """The attributes of an object that says what they are, as a configuration of transformers does."""
    if isinstance(value, dict):
        return value
    if isinstance(value, type):
        return None
    if dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if callable(getattr(value, "to_dict", None)):
        return dict(value.to_dict())
    return vars(value) if isinstance(value, SimpleNamespace) or _is_user_class(type(value)) else None


def _is_user_class(kind: type) -> bool:
    """Whether a class, not of a module with weights, is in no installed package and so is the user's."""
    import torch

    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    if issubclass(kind, torch.nn.Module) or not file or kind.__module__.partition(".")[0] in sys.stdlib_module_names:
        return False
    return not INSTALLED & set(Path(file).parts) and not hasattr(kind, "__slots__")


def _describe_tensor(tensor: Any) -> str:
    """The shape, dtype and sha256 of a tensor."""
    import torch

    values = tensor.detach().cpu().contiguous()
    content = values.flatten().view(torch.uint8).numpy().tobytes() if values.numel() else b""
    return f"{tuple(values.shape)} {values.dtype} {hashlib.sha256(content).hexdigest()}"


def _qualified_name(value: Any) -> str:
    return f"{value.__module__}.{value.__qualname__}"


def _code(name: str, factory: Callable[[], Any], module: Any) -> Iterator[bytes]:
    """The digests of the files of the function, of what it imports from its folder, and of every class in the model."""
    classes = {type(part) for part in module.modules()}
    files = {file for value in (factory, *classes) if (file := _source_file(value))}
    start = sys.modules.get(name.partition(":")[0])
    files |= set(source_files(start).values()) if start else set()
    # By their content, since their paths are others on every machine.
    yield from sorted(content_digest(file).encode() for file in files)


def _source_file(value: Any) -> Path | None:
    try:
        source = inspect.getsourcefile(value)
    except TypeError:  # written in another language
        return None
    return Path(source) if source and Path(source).is_file() else None
