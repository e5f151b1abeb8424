"""`mqa suites`: the suites that plugins give, and what one of them asks."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mqa_registry.cli.plugin_pages import UNLIMITED_WIDTH, fold
from mqa_registry.cli.report_files import STDOUT, ReportOptions
from mqa_registry.contributions import SuiteFile, one_line_help
from mqa_registry.errors import ExitCode, Problem, UsageError
from mqa_registry.plugins import load, load_all
from mqa_registry.reports.output import output, write_json
from mqa_registry.run_options import RunOptions, flags

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mqa_registry.plugins import Plugin

FORMAT = 1  # of the JSON file


def suites(
    options: Annotated[RunOptions, flags("plugin_files")],
    report: Annotated[ReportOptions, flags("json", "force")],
    name: Annotated[str | None, typer.Argument(help="One suite: plugin/name.")] = None,
) -> ExitCode:
    """List the suites that plugins give, or show one.

    `mqa run plugin/name --model MODEL --data FILE` runs it, and `extends = "plugin/name"` lays another over it; with
    `@1.2` behind the name, in that version of its plugin alone.
    """
    found = [_find(name, options)] if name else _list_all(options)
    if report.json is not None:
        write_json({"format": FORMAT, "exit_code": 0, "suites": [_to_json(*one) for one in found]}, report.json)
    if report.json != STDOUT:
        width = shutil.get_terminal_size((UNLIMITED_WIDTH, 0)).columns
        print("\n".join(_show(*found[0]) if name else _list(found, width)), file=output())
    return ExitCode.OK


def _list_all(options: RunOptions) -> list[tuple[Plugin, SuiteFile]]:
    plugins = load_all(files=options.plugin_files).plugins.values()
    return [(plugin, one) for plugin in plugins for one in plugin.contributions if isinstance(one, SuiteFile)]


def _find(name: str, options: RunOptions) -> tuple[Plugin, SuiteFile]:
    """The suite of a name, with its plugin; a UsageError where there is none."""
    plugin = name.partition("/")[0]
    catalog = load([plugin], files=options.plugin_files)
    found = catalog.find((SuiteFile,), name)
    if isinstance(found, Problem):
        raise UsageError(found.message, hint=found.hint)
    assert isinstance(found, SuiteFile)
    return catalog.plugin(plugin), found


def _list(found: Sequence[tuple[Plugin, SuiteFile]], width: int) -> Iterator[str]:
    """A line for each suite: its name, the version of its plugin, and what it asks."""
    rows = [(f"{plugin.name}/{one.name}", plugin.origin, one_line_help(one)) for plugin, one in found]
    names, origins = (max((len(row[column]) for row in rows), default=0) for column in (0, 1))
    for name, origin, line in rows:
        yield from fold(f"{name:<{names}}  {origin:<{origins}}  {line}", width, names + origins + 4)


def _show(plugin: Plugin, suite: SuiteFile) -> Iterator[str]:
    yield f"# {plugin.name}/{suite.name}, of {plugin.origin}"
    yield suite.path.read_text(encoding="utf-8").rstrip()


def _to_json(plugin: Plugin, suite: SuiteFile) -> dict[str, Any]:
    return {
        "name": f"{plugin.name}/{suite.name}",
        "distribution": plugin.distribution,
        "version": plugin.version,
        "summary": one_line_help(suite),
        "documentation": suite.documentation,
        "path": str(suite.path),
        "text": suite.path.read_text(encoding="utf-8"),
    }
