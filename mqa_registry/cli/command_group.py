"""The group of all commands, those of mqa and those of plugins: listed by name, imported when called.

A plugin gives commands by entry points of the group `mqa.commands`: `parity = "mqa_parity.command:parity"` is `mqa parity`.
The function's parameters are arguments and options as Typer reads them, the first line of its docstring is its line in
the help, and what it returns is the exit code.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typer.core import TyperGroup

from mqa_registry.entry_points import describe_origins, list_entry_points

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.metadata import EntryPoint

    from typer.core import TyperCommand

    from mqa_registry.entry_points import EntryPoints

HOST_COMMANDS = (
    "init",
    "run",
    "judge",
    "report",
    "compare",
    "runs",
    "validate",
    "rows",
    "suites",
    "plugins",
    "search",
    "new",
    "doctor",
    "schema",
)  # in the order of the help
COMMANDS_PACKAGE = f"{__package__}.commands"  # with a module for each of them, and in it a function of the same name
ENTRY_POINT_GROUP = "mqa.commands"
COMMAND_NAME = re.compile(r"[A-Za-z0-9][\w-]*", re.ASCII)  # one word to a shell, and no control sequence to a terminal


class CommandGroup(TyperGroup):
    """The commands of `mqa`. Help and shell completion list them and load none."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands: Any = Commands()

    def list_commands(self, ctx: Any) -> list[str]:
        """The names of all commands."""
        return list(self.commands)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of this name, None where there is none; ends the process where a plugin's cannot be loaded."""
        from mqa_registry.errors import PluginError

        try:
            return self.commands.get(cmd_name)
        except PluginError:
            if ctx.resilient_parsing:  # shell completion
                return None
            from mqa_registry.cli.exit_codes import exit_on_error

            with exit_on_error(debug=False):
                raise

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands into the help, each with its one line."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, self.commands.summary(name)) for name in self.commands])

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        """The commands and options that begin with what was typed."""
        from typer._click.shell_completion import CompletionItem  # typer has no public name for it

        names = [name for name in self.commands if name.startswith(incomplete)]
        options = list(super(TyperGroup, self).shell_complete(ctx, incomplete))
        return [CompletionItem(name, help=self.commands.summary(name)) for name in names] + options


class Commands(Mapping[str, "TyperCommand"]):
    """The commands by name. To look one up imports it; a PluginError where that fails."""

    def __iter__(self) -> Iterator[str]:
        yield from HOST_COMMANDS
        yield from (name for name in plugin_entry_points() if name not in HOST_COMMANDS)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __getitem__(self, name: str) -> TyperCommand:
        if name in HOST_COMMANDS:
            from mqa_registry.cli.parameters import make_command

            return make_command(name, getattr(import_module(f"{COMMANDS_PACKAGE}.{name}"), name))
        return load_plugin_command(name, plugin_entry_points()[name])

    def summary(self, name: str) -> str:
        """The command's line in the help, read from the source."""
        if name in HOST_COMMANDS:
            return _read_summary(f"{COMMANDS_PACKAGE}.{name}", name)
        points = plugin_entry_points()[name]
        if len(points) > 1:
            return f"Given by {describe_origins(points)}: uninstall all but one."
        return _read_summary(points[0].module, points[0].attr) or f"Given by {describe_origins(points)}."


@cache
def plugin_entry_points() -> EntryPoints:
    """The entry points of plugins' commands by name; one whose name cannot be a word of a command line is left out."""
    return list_entry_points(ENTRY_POINT_GROUP, COMMAND_NAME)


def load_plugin_command(name: str, points: Sequence[EntryPoint]) -> TyperCommand:
    """Import the command of these entry points; a PluginError where they are several, or where it cannot be used."""
    from mqa_registry.cli.parameters import make_command
    from mqa_registry.plugins import load_entry_point

    def read(function: object) -> TyperCommand:
        if not callable(function):
            raise TypeError("its entry point names no function")
        return make_command(name, function)

    return load_entry_point(f"command `{name}`", points, read)


def _read_summary(module: str, function: str) -> str:
    """The first line of a function's docstring, read from the source of its module; empty where there is none."""
    path = _find_source(module)
    try:
        tree = ast.parse(path.read_bytes()) if path else ast.Module([], [])
    except (OSError, SyntaxError, ValueError):
        return ""
    definition = next((node for node in tree.body if getattr(node, "name", "") == function), None)
    return (ast.get_docstring(definition) or "").partition("\n")[0] if isinstance(definition, ast.FunctionDef) else ""


def _find_source(module: str) -> Path | None:
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
