"""The group of all commands, mqa's own and those of plugins: listed by name, loaded when called."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from typer.core import TyperGroup

from mqa_registry.commands import plugin_commands

if TYPE_CHECKING:
    from typer.core import TyperCommand

# The modules of this package that are commands, in the order of the help. Each has a function of its own name.
OWN = ("run", "judge", "validate", "rows", "plugins", "doctor", "schema")


class Commands(Mapping[str, "TyperCommand"]):
    """The commands by their names. Looking one up loads it; a PluginError where that fails."""

    def __iter__(self) -> Iterator[str]:
        yield from OWN
        yield from (name for name in plugin_commands.installed() if name not in OWN)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __getitem__(self, name: str) -> TyperCommand:
        from mqa_registry.commands.parameters import command_of

        if name in OWN:
            return command_of(name, getattr(import_module(f"{__package__}.{name}"), name))
        return plugin_commands.load(name, plugin_commands.installed()[name])

    def summary(self, name: str) -> str:
        """The command's one-line help, without loading it."""
        if name in OWN:
            return plugin_commands.summary(f"{__package__}.{name}", name)
        return plugin_commands.summary_of(plugin_commands.installed()[name])


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
            if ctx.resilient_parsing:  # the shell asks how a line could go on
                return None
            from mqa_registry.commands.exit_codes import exit_on_error

            with exit_on_error(debug=False):
                raise

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands into the help, each with its one line."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, self.commands.summary(name)) for name in self.commands])

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        """The commands and options that begin so."""
        from typer._click.shell_completion import CompletionItem  # typer has no public name for it

        names = [name for name in self.commands if name.startswith(incomplete)]
        options = list(super(TyperGroup, self).shell_complete(ctx, incomplete))
        return [CompletionItem(name, help=self.commands.summary(name)) for name in names] + options
