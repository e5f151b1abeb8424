"""Names of new plugins: well formed, and not yet taken by a plugin, a module, a command or an option."""

from __future__ import annotations

import re
from importlib.util import find_spec
from typing import TYPE_CHECKING

from mqa_registry.cli.command_group import ENTRY_POINT_GROUP as COMMANDS_GROUP
from mqa_registry.cli.command_group import HOST_COMMANDS, Commands
from mqa_registry.entry_points import describe_origins, list_entry_points
from mqa_registry.errors import UsageError
from mqa_registry.hookspecs import GROUP
from mqa_registry.reports.reporters import REPORTS

if TYPE_CHECKING:
    from mqa_registry.cli.project.files import Project

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")  # a plugin, a command and an option can have it
HINT = "take another name: none replaces another"
GROUPS = {"command": COMMANDS_GROUP, "reporter": REPORTS}  # of entry points, where it is not that of plugins


def check_name(project: Project) -> None:
    """Raise a UsageError where a project cannot have its name."""
    name = project.name
    if not NAME.fullmatch(name):
        raise UsageError(
            f"`{name}` can name no plugin", hint="write small letters and digits, its words joined by `-`: `swap-names`"
        )
    if taken := list_entry_points(GROUPS.get(project.kind, GROUP)).get(name):
        what = project.kind if project.kind in GROUPS else "plugin"
        raise UsageError(f"there is a {what} `{name}` already, of {describe_origins(taken)}", hint=HINT)
    if project.kind == "command" and name in HOST_COMMANDS:
        raise UsageError(f"`mqa {name}` is a command of mqa", hint=HINT)
    if project.kind == "reporter" and name in _list_options():
        raise UsageError(f"`--{name}` is an option of mqa", hint=HINT)
    spec = find_spec(project.module)
    if spec is not None:
        raise UsageError(f"there is a module `{project.module}` already: {spec.origin}", hint=HINT)


def _list_options() -> set[str]:
    """The names of the options of `mqa run`, which a reporter adds one to."""
    return {option.lstrip("-") for parameter in Commands()["run"].params for option in parameter.opts}
