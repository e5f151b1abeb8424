"""The identity of a contribution in a suite: all that tells what it does, for the keys of whatever is kept."""

from __future__ import annotations

import sys
from dataclasses import fields
from functools import partial
from inspect import unwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqa_registry.contributions import ClassContribution, FunctionContribution, ModelSource
from mqa_registry.options import contribution_options
from mqa_registry.provenance import HOST, content_digest, source_digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import ModuleType

    from mqa_registry.contributions import Contribution
    from mqa_registry.suite.model import Use


def identity(use: Use) -> dict[str, Any]:
    """Its name, the version and source code of its plugin, and every option, as JSON has it.

    Options that were left out have their defaults, and paths are known by what they hold, wherever that lies. A model's
    folder is known by the digest that its source gives: not every file in there is of the model.
    """
    options = {option.name: option.default for option in contribution_options(use.contribution)} | dict(use.options)
    folders = not isinstance(use.contribution, ModelSource)
    return {
        "use": use.name,
        "version": use.plugin.version if use.plugin else "",
        "source": sorted({source_digest(module) for module in _modules(use)}),
        "options": {name: _resolved(value, folders=folders) for name, value in options.items()},
    }


def _modules(use: Use) -> Iterator[ModuleType]:
    """The module of the plugin, and those of the contribution's code, which may be another's."""
    if use.plugin is not None and use.plugin.module is not None:
        yield use.plugin.module
    for part in _code(use.contribution):
        module = sys.modules.get(getattr(part, "__module__", None) or "")
        if module is not None and module.__name__.partition(".")[0] != HOST:
            yield module


def _code(contribution: Contribution) -> Iterator[Any]:
    """The functions of a contribution; of a class, it and its bases, and its options."""
    if isinstance(contribution, ClassContribution):
        yield from type(contribution).__mro__
        yield contribution.options_source
        return
    assert isinstance(contribution, FunctionContribution)
    for field in fields(contribution):
        function = getattr(contribution, field.name)
        while isinstance(function, partial):
            function = function.func
        if callable(function):
            yield unwrap(function)


def _resolved(value: Any, *, folders: bool) -> Any:
    """A value as JSON has it, the same in every process."""
    inner = partial(_resolved, folders=folders)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Path):
        return _content(value, folders=folders)
    if isinstance(value, dict):
        return {str(key): inner(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [inner(one) for one in value]
    if isinstance(value, set | frozenset):
        return sorted(map(inner, value), key=str)
    return f"{type(value).__module__}.{type(value).__qualname__}"


def _content(path: Path, *, folders: bool) -> Mapping[str, str]:
    if not path.exists():
        return {"missing": str(path)}
    if path.is_dir() and not folders:
        return {"folder": "known by the model's digest"}
    return {"sha256": content_digest(path)}
