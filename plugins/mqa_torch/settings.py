"""Settings of modules as JSON: every attribute that says how a module computes, whatever its type."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import CodeType, FunctionType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

MAX_DEPTH = 8  # of settings inside of settings, which may refer to one another in a circle
INSTALLED = {"site-packages", "dist-packages"}  # folders of installed packages
TORCH_ATTRIBUTES = {"_parameters", "_buffers", "_modules"}  # of a module, which are digested otherwise
ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,}")  # as in `<object at 0x7f2b18>`


def read_settings(module: Any) -> list[Any]:
    """Of every module inside its name, its class and its attributes."""
    return [
        [
            name,
            qualified_name(type(part)),
            to_plain({key: value for key, value in vars(part).items() if key not in TORCH_ATTRIBUTES}),
        ]
        for name, part in module.named_modules()
    ]


def to_plain(value: Any, depth: int = MAX_DEPTH) -> Any:
    """A setting as JSON; an object that has no JSON form, or that is nested too deeply, is the name of its class."""
    import torch

    if isinstance(value, str):
        return ADDRESS.sub("", value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, torch.Tensor | np.ndarray):
        return describe_tensor(value) if isinstance(value, torch.Tensor) else _describe_array(value)
    content = _content(value) if depth else None
    if isinstance(content, dict):
        return {ADDRESS.sub("", str(key)): to_plain(item, depth - 1) for key, item in content.items()}
    if content is not None:
        items = [to_plain(item, depth - 1) for item in content]
        return sorted(map(json.dumps, items)) if isinstance(value, set | frozenset) else items
    return qualified_name(value if hasattr(value, "__qualname__") else type(value))


def _content(value: Any) -> dict[Any, Any] | list[Any] | None:
    """What a value is made of; None where that is unknown."""
    if isinstance(value, list | tuple | set | frozenset):
        return list(value)
    if isinstance(value, partial):
        return [value.func, value.args, value.keywords]
    if isinstance(value, FunctionType):
        code = digest_code(value.__code__)
        return [qualified_name(value), code, value.__defaults__, value.__kwdefaults__, *_closure(value)]
    return _items(value)


def digest_code(code: CodeType) -> str:
    """The sha256 of the bytecode of a function and of those inside of it, with its constants and names."""
    return hashlib.sha256("\0".join(_iter_code(code)).encode("utf-8", "surrogatepass")).hexdigest()


def _iter_code(code: CodeType) -> Iterator[str]:
    yield code.co_code.hex()
    yield repr((code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars, code.co_exceptiontable))
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _iter_code(constant)
        else:
            yield repr(sorted(map(repr, constant)) if isinstance(constant, frozenset) else constant)


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
    return vars(value) if isinstance(value, SimpleNamespace) or is_user_class(type(value)) else None


def is_user_class(kind: type) -> bool:
    """Whether a class, not of a module with weights, is in no installed package and so is the user's."""
    import torch

    if kind.__module__ == "__main__":  # of a script or a notebook
        return not issubclass(kind, torch.nn.Module)
    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    if issubclass(kind, torch.nn.Module) or not file or kind.__module__.partition(".")[0] in sys.stdlib_module_names:
        return False
    return not INSTALLED & set(Path(file).parts) and not hasattr(kind, "__slots__")


def describe_tensor(tensor: Any) -> str:
    """The shape, dtype and sha256 of a tensor."""
    import torch

    values = tensor.detach().cpu().contiguous()
    content = values.flatten().view(torch.uint8).numpy().tobytes() if values.numel() else b""
    return f"{tuple(values.shape)} {values.dtype} {hashlib.sha256(content).hexdigest()}"


def _describe_array(array: npt.NDArray[Any]) -> str:
    """The shape, dtype and sha256 of an array; one of Python objects has no content of its own."""
    content = b"" if array.dtype.hasobject else array.tobytes()
    return f"{array.shape} {array.dtype} {hashlib.sha256(content).hexdigest()}"


def qualified_name(value: Any) -> str:
    """The module and name of a class or function; a method of Python's own types has no module."""
    return f"{getattr(value, '__module__', '')}.{value.__qualname__}"
