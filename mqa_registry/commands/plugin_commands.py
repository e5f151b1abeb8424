"""Commands that plugins give: entry points of the group `mqa.commands`, listed without importing any.

`parity = "mqa_parity.command:parity"` is a command `mqa parity`. The function's parameters are its arguments and options,
as Typer reads them, its docstring is its help, and what it returns is the exit code.
"""

from __future__ import annotations

import ast
import re
from functools import cache
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from importlib.metadata import EntryPoint

    from typer.core import TyperCommand

GROUP = "mqa.commands"
NAME = re.compile(r"[A-Za-z0-9][\w-]*", re.ASCII)  # what a shell takes for one word, and a terminal for no order


@cache
def installed() -> Mapping[str, tuple[EntryPoint, ...]]:
    """The entry points by the names of their commands: more than one where distributions claim the same.

    One whose name could be no word of a command line is none.
    """
    found: dict[str, tuple[EntryPoint, ...]] = {}
    points = (point for point in entry_points(group=GROUP) if NAME.fullmatch(point.name))
    for point in sorted(points, key=lambda point: (point.name, _origin(point))):
        found[point.name] = (*found.get(point.name, ()), point)
    return found


def load(name: str, points: Sequence[EntryPoint]) -> TyperCommand:
    """The command of these entry points; a PluginError where they are several, or where its plugin cannot be used."""
    from mqa_registry.errors import PluginError
    from mqa_registry.plugins import import_plugin

    if len(points) > 1:
        raise PluginError(
            f"{len(points)} distributions give a command `{name}`: {origins(points)}", hint="uninstall all but one"
        )
    point = points[0]
    command, reason = import_plugin(name, lambda: _command(name, point.load()))
    if command is None:
        distribution = _origin(point).partition(" ")[0]
        raise PluginError(
            f"the command `{name}` of {_origin(point)} cannot be used: {reason}",
            hint=f"`pip install --upgrade {distribution}`, or `pip uninstall {distribution}`",
        )
    return command


def _command(name: str, function: object) -> TyperCommand:
    from mqa_registry.commands.parameters import command_of

    if not callable(function):
        raise TypeError("its entry point names no function")
    return command_of(name, function)


def summary_of(points: Sequence[EntryPoint]) -> str:
    """One line of help for the command of these entry points."""
    if len(points) > 1:
        return f"Given by {origins(points)}: uninstall all but one."
    return summary(points[0].module, points[0].attr) or f"Given by {_origin(points[0])}."


def summary(module: str, function: str) -> str:
    """The first line of a function's docstring, read from its module's source; empty where there is none to read."""
    path = _source(module)
    try:
        tree = ast.parse(path.read_bytes()) if path else ast.Module([], [])
    except (OSError, SyntaxError, ValueError):
        return ""
    found: Any = next((node for node in tree.body if getattr(node, "name", "") == function), None)
    return (ast.get_docstring(found) or "").partition("\n")[0] if isinstance(found, ast.FunctionDef) else ""


def _source(module: str) -> Path | None:
    """The file of a module, found without importing the packages around it."""
    package, *inner = module.split(".")
    try:
        spec = find_spec(package)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    if not inner:
        return Path(spec.origin) if spec.origin else None
    bases = [Path(folder, *inner) for folder in spec.submodule_search_locations or ()]
    files = [file for base in bases for file in (base.with_suffix(".py"), base / "__init__.py")]
    return next((file for file in files if file.is_file()), None)


def origins(points: Sequence[EntryPoint]) -> str:
    """The distributions that entry points come with."""
    return " and ".join(_origin(point) for point in points)


def _origin(point: EntryPoint) -> str:
    """The name and version of the distribution that an entry point comes with."""
    if point.dist is None:
        return "unknown"
    metadata = point.dist.metadata  # damaged metadata may lack either
    return f"{metadata['Name'] or 'unknown'} {metadata['Version'] or ''}".rstrip()
