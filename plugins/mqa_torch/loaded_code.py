"""Code that is loaded, as of classes that a notebook defines: it need not be what a file has by now, or be in a file at all.

Functions are known by their bytecode, by what they refer to by name, and so on. The code of installed packages is known
by its files.
"""

from __future__ import annotations

import inspect
import json
import sys
from functools import partial
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from mqa_registry import content_digest, source_files
from mqa_torch.settings import INSTALLED, qualified_name, to_plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def describe_code(values: Iterable[Any]) -> list[str]:
    """A line for every function and class among these, and for all that they refer to, in the order of their names."""
    lines: dict[int, str] = {}
    pending = list(values)
    kept = []  # so that no object takes the id of another
    while pending:
        value = pending.pop()
        if id(value) in lines:
            continue
        kept.append(value)
        lines[id(value)] = ""  # first, since functions refer to one another in circles
        lines[id(value)] = "\0".join(_describe(value, pending))
    return sorted(filter(None, lines.values()))


def source_file(value: Any) -> Path | None:
    """The file with the source of a function or class; None where there is none."""
    try:
        source = inspect.getsourcefile(value)
    except (TypeError, OSError):  # written in another language, or in a notebook
        return None
    return Path(source) if source and Path(source).is_file() else None


def _describe(value: Any, pending: list[Any]) -> Iterator[str]:
    """What identifies a function or class, and `pending` with what it refers to."""
    if isinstance(value, partial):
        pending += [value.func if hasattr(value.func, "__qualname__") else type(value.func)]
    elif inspect.ismethod(value):
        pending += [value.__func__]
    elif isinstance(value, ModuleType):
        if not _is_installed(value):
            yield from (content_digest(file) for _, file in sorted(source_files(value).items()))
    elif _is_installed(value):
        if isinstance(value, type):  # a method may have been replaced
            functions = (one for one in map(_unwrap, vars(value).values()) if isinstance(one, FunctionType))
            pending += [one for one in functions if not _is_installed(one)]
        file = source_file(value)
        yield qualified_name(value) + (content_digest(file) if file else "")
    elif isinstance(value, type):
        pending += [base for base in value.__bases__ if base is not object]
        members = {name: _unwrap(member) for name, member in vars(value).items()}
        pending += [member for member in members.values() if isinstance(member, FunctionType | type)]
        plain = {name: to_plain(member) for name, member in members.items() if not name.startswith("__")}
        yield f"{qualified_name(value)}{json.dumps(plain, sort_keys=True)}"
    elif isinstance(value, FunctionType):
        yield from _describe_function(value, pending)


def _describe_function(function: FunctionType, pending: list[Any]) -> Iterator[str]:
    code = function.__code__
    yield qualified_name(function)
    yield json.dumps(to_plain(function), sort_keys=True)  # its bytecode, its defaults, and what is around it
    pending += [cell.cell_contents for cell in function.__closure__ or () if _has_callable(cell)]
    for name in sorted(_iter_names(code)):
        if name in function.__globals__:
            used = function.__globals__[name]
            if isinstance(used, FunctionType | type | ModuleType | partial):
                pending.append(used)
            else:
                yield f"{name}={json.dumps(to_plain(used), sort_keys=True)}"


def _has_callable(cell: Any) -> bool:
    try:
        return isinstance(cell.cell_contents, FunctionType | type)
    except ValueError:  # of a name that has no value yet
        return False


def _iter_names(code: CodeType) -> set[str]:
    """The names that a function, or one inside of it, may look up in its module."""
    inner = [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return set(code.co_names).union(*map(_iter_names, inner))


def _unwrap(member: Any) -> Any:
    """The function of a method of a class, of a property its getter."""
    if isinstance(member, property):
        return member.fget
    return member.__func__ if isinstance(member, staticmethod | classmethod) else member


def _is_installed(value: Any) -> bool:
    """Whether a function, class or module is of an installed package, of Python itself, or compiled."""
    name = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
    if not isinstance(name, str) or name.partition(".")[0] in sys.stdlib_module_names or name == "builtins":
        return True
    if isinstance(value, FunctionType):
        return bool(INSTALLED & set(Path(value.__code__.co_filename).parts))
    file = getattr(sys.modules.get(name), "__file__", None)
    return file is not None and bool(INSTALLED & set(Path(file).parts))
