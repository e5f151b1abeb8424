"""`mqa search`: what installed plugins give, and what others publish, by words in its name or in the line about it."""

from __future__ import annotations

import shutil
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mqa_registry.cli.plugin_pages import UNLIMITED_WIDTH, fold
from mqa_registry.cli.report_files import STDOUT, ReportOptions
from mqa_registry.contributions import one_line_help
from mqa_registry.errors import ExitCode, UsageError
from mqa_registry.naming import did_you_mean
from mqa_registry.plugins import load_all
from mqa_registry.plugins.index import INDEX, KINDS, IndexEntry, find_entries, read_index
from mqa_registry.reports.output import output, write_json
from mqa_registry.run_options import RunOptions, flags

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FORMAT = 1  # of the JSON file
INSTALLED = "installed"


def search(
    words: Annotated[list[str], typer.Argument(metavar="WORD...", help="Words that it has, in any order.")],
    *,
    kind: Annotated[str | None, typer.Option(metavar="KIND", help="Find this kind alone, as metric or suite.")] = None,
    index: Annotated[
        Path, typer.Option(metavar="FILE", help="A newer copy of mqa's index.", show_default=False)
    ] = INDEX,
    options: Annotated[RunOptions, flags("plugin_files")],
    report: Annotated[ReportOptions, flags("json", "force")],
) -> ExitCode:
    """Find what suites can name: of installed plugins, and of those in the index of what others publish.

    A line says how to install what is not installed; nothing is installed by itself.
    """
    if kind is not None and kind not in KINDS:
        hint = did_you_mean(kind, KINDS) or f"kinds are {', '.join(sorted(KINDS))}"
        raise UsageError(f"there is no kind `{kind}`", hint=hint)
    installed = list(_list_installed(options))
    names = {entry.name.partition("/")[0] for entry in installed}
    others = [entry for entry in read_index(index) if entry.name.partition("/")[0] not in names]
    found = [(entry, True) for entry in find_entries(installed, words, kind)]
    found += [(entry, False) for entry in find_entries(others, words, kind)]
    if report.json is not None:
        tables = [{**asdict(entry), INSTALLED: is_installed} for entry, is_installed in found]
        write_json({"format": FORMAT, "exit_code": 0, "found": tables}, report.json)
    if report.json != STDOUT:
        width = shutil.get_terminal_size((UNLIMITED_WIDTH, 0)).columns
        print("\n".join(_list(found, width)), file=output())
    if not found:
        print(f"note: nothing has {' and '.join(f'`{word}`' for word in words)}", file=sys.stderr)
    return ExitCode.OK


def _list_installed(options: RunOptions) -> Iterator[IndexEntry]:
    for plugin in load_all(files=options.plugin_files).plugins.values():
        for one in plugin.contributions:
            yield IndexEntry(f"{plugin.name}/{one.name}", one.kind, plugin.distribution, one_line_help(one))


def _list(found: Sequence[tuple[IndexEntry, bool]], width: int) -> Iterator[str]:
    """A line for each, with the command that installs what is not installed."""
    names, kinds = (max((len(getattr(one, key)) for one, _ in found), default=0) for key in ("name", "kind"))
    for entry, is_installed in found:
        command = "" if is_installed else f"  (pip install {entry.distribution})"
        yield from fold(
            f"{entry.name:<{names}}  {entry.kind:<{kinds}}  {entry.summary}{command}", width, names + kinds + 4
        )
