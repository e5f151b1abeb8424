"""`mqa plugins`: the plugins that are installed, and what one of them gives."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mqa_registry.cli.conformance import try_plugin
from mqa_registry.cli.plugin_facts import describe_plugin
from mqa_registry.cli.plugin_pages import UNLIMITED_WIDTH, explain_contribution, list_contributions, list_plugins
from mqa_registry.cli.report_files import STDOUT, ReportOptions
from mqa_registry.entry_points import describe_origins, list_refused_claims
from mqa_registry.errors import ExitCode, UsageError
from mqa_registry.hookspecs import GROUP
from mqa_registry.naming import did_you_mean
from mqa_registry.plugins import disabled_plugins, load, load_all
from mqa_registry.reports.output import output, write_json
from mqa_registry.run_options import RunOptions, flags

if TYPE_CHECKING:
    from mqa_registry.contributions import Contribution
    from mqa_registry.plugins import Plugin

FORMAT = 1  # of the JSON file


def plugins(
    options: Annotated[RunOptions, flags("plugin_files")],
    report: Annotated[ReportOptions, flags("json", "force")],
    name: Annotated[str | None, typer.Argument(help="A plugin, or one contribution: plugin/name.")] = None,
    test: Annotated[bool, typer.Option("--test", help="Try the rules that every plugin is held to.")] = False,
) -> ExitCode:
    """List the plugins that are installed, explain one, or test it.

    One that is broken ends the command with exit code 3, after all others are listed. The variable MQA_PLUGINS_DISABLED
    has the names of plugins that are not to be loaded, as `a,b`.
    """
    if test:
        return try_plugin(name, options.plugin_files)
    return show_plugins(name, options.plugin_files, json=report.json)


def show_plugins(name: str | None, files: Sequence[Path], *, json: str | None = None) -> ExitCode:
    """Print every plugin in a line, one with its contributions, or one contribution with its options.

    Lines are folded at the width of the terminal, and whole where a program reads them. With `json`, the same is written
    to that file.
    """
    width = shutil.get_terminal_size((UNLIMITED_WIDTH, 0)).columns
    plugin_name, slash, contribution = (name or "").partition("/")
    shown = [load([plugin_name], files=files).plugin(plugin_name)] if name else _load_all(files)
    found = _find_contributions(shown[0], contribution) if slash else ()
    is_broken = any(plugin.state == "broken" for plugin in shown)
    code = ExitCode.NOT_TRUSTWORTHY if is_broken else ExitCode.OK
    if json is not None:
        write_json(_to_json(shown, found, code), json)
    if json != STDOUT:
        lines: list[str] = []
        if slash:
            lines = ["\n\n".join("\n".join(explain_contribution(shown[0], one, width)) for one in found)]
        else:
            lines = list(list_contributions(shown[0], width) if name else list_plugins(shown, width))
        print("\n".join(lines), file=output())
    if not name:
        _tell_ignored_names(shown)
    return code


def _load_all(files: Sequence[Path]) -> list[Plugin]:
    return list(load_all(files=files).plugins.values())


def _to_json(shown: Sequence[Plugin], found: Sequence[Contribution], code: ExitCode) -> dict[str, Any]:
    names = {f"{shown[0].name}/{one.name}" for one in found}
    described = [describe_plugin(plugin) for plugin in shown]
    for plugin in described if names else ():
        plugin["contributions"] = [one for one in plugin["contributions"] if one["name"] in names]
    return {"format": FORMAT, "exit_code": int(code), "plugins": described}


def _tell_ignored_names(shown: Sequence[Plugin]) -> None:
    """Tell on standard error which names count for nothing: claims to mqa's own, and names of no plugin."""
    for name, points in list_refused_claims(GROUP).items():
        print(f"note: `{name}` is mqa's own plugin; that of {describe_origins(points)} is not loaded", file=sys.stderr)
    names = [plugin.name for plugin in shown]
    for name in sorted(disabled_plugins() - set(names)):
        hint = did_you_mean(name, names)
        print(
            f"note: no plugin `{name}`, which is to be disabled, is installed{f'; {hint}' if hint else ''}",
            file=sys.stderr,
        )


def _find_contributions(plugin: Plugin, name: str) -> list[Contribution]:
    matches = [one for one in plugin.contributions if one.name == name]
    if not matches:
        names = ", ".join(f"`{one.name}`" for one in plugin.contributions)
        raise UsageError(f"plugin `{plugin.name}` has no `{name}`", hint=f"it has {names}" if names else plugin.broken)
    return matches
