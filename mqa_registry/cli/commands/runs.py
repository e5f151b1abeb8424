"""`mqa runs`: list the runs that a store keeps, name one, and drop old ones."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mqa_registry.errors import ExitCode, UsageError
from mqa_registry.run_options import STORE, RunOptions, flags

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.text import Text

    from mqa_registry.reports.console.text import TextBuilder
    from mqa_registry.runs.history import KeptRun

COLUMNS = ("run", "verdict", "suite", "commit", "tags", "size")
COMMIT_DIGITS = 10
MIN_TABLE_CELLS = 60  # of a terminal; a narrower one has a list
MAX_LINE_CELLS = 1000


class Action(StrEnum):
    """What is done with the runs of a store."""

    LIST = "list"
    TAG = "tag"
    PRUNE = "prune"


def runs(
    action: Annotated[
        Action, typer.Argument(help="List the runs, tag one of them, or prune the old ones.")
    ] = Action.LIST,
    run: Annotated[str, typer.Argument(metavar="RUN", help="With `tag`: an id or its beginning, or `last`.")] = "",
    tag: Annotated[str, typer.Argument(metavar="TAG", help="With `tag`: the name that the run gets.")] = "",
    *,
    count: Annotated[int, typer.Option("--count", "-n", min=1, metavar="N", help="List the N newest.")] = 20,
    keep: Annotated[int, typer.Option("--keep", min=0, metavar="N", help="With `prune`: keep the N newest.")] = 20,
    yes: Annotated[
        bool, typer.Option("--yes", help="With `prune`: drop them; without it, show what it would free.")
    ] = False,
    options: Annotated[RunOptions, flags("store")],
) -> ExitCode:
    """List the runs that a store keeps, the newest first.

    `mqa runs tag RUN TAG` names a run: it is then found by that name, and never pruned. `mqa runs prune` shows which runs
    would go and how much that frees; with --yes they go. Equal files of several runs are on the disk once, and go with
    the last of them.
    """
    if (action is Action.TAG) != bool(run and tag) or (run and action is not Action.TAG):
        takes = "a run and a tag" if action is Action.TAG else "neither run nor tag"
        raise UsageError(f"`mqa runs {action}` takes {takes}", hint="write `mqa runs tag last v1.2`")
    if action is Action.TAG:
        _tag(options.store_folder, run, tag)
    elif action is Action.PRUNE:
        _prune(options.store_folder, keep, yes=yes)
    else:
        _list(options.store_folder, count)
    return ExitCode.OK


def _list(store: Path | None, count: int) -> None:
    from mqa_registry.runs.archive import find_name
    from mqa_registry.runs.history import list_kept_runs
    from mqa_registry.runs.tags import LAST

    found = list_kept_runs(store or Path(STORE), count)
    if not found:
        find_name(LAST, store)  # an error, which says where there may be some
    _print_runs(found)


def _tag(store: Path | None, run: str, tag: str) -> None:
    from mqa_registry.runs.archive import find_name
    from mqa_registry.runs.tags import read_tags, tag_run

    name, folder = find_name(run, store), store or Path(STORE)
    earlier = read_tags(folder).get(tag, name)
    tag_run(folder, name, tag)
    _print_line(f"{name} is tagged {tag}" + (f", as {earlier} was" if earlier != name else ""))


def _prune(store: Path | None, keep: int, *, yes: bool) -> None:
    from mqa_registry.naming import counted
    from mqa_registry.reports.number_format import format_bytes
    from mqa_registry.runs.history import find_prunable, measure_pruning, prune

    folder = store or Path(STORE)
    found = find_prunable(folder, keep)
    measured = prune(folder, found) if yes else measure_pruning(folder, found)
    _print_runs(found)
    line = f"{counted(len(found), 'run')}, {'freed' if yes else 'would free'} {format_bytes(measured.freed)}"
    if measured.shared:
        line += f", and not {format_bytes(measured.shared)} that other runs have too"
    _print_line(line if yes or not found else f"{line}; drop them with `mqa runs prune --yes`")


def _print_runs(kept: Sequence[KeptRun]) -> None:
    """A table of runs, in which nothing that comes from a file acts on the terminal; where it is narrow, a list."""
    from rich.table import Table
    from rich.text import Text

    from mqa_registry.reports.console.text import TextBuilder, open_console

    if not kept:
        return
    console = open_console()
    builder = TextBuilder(console)
    rows = [_render_run(one, builder) for one in kept]
    if console.width < MIN_TABLE_CELLS:
        for run, *others in rows:
            facts = Text("  ").join(filter(None, others))
            for line in (run, *builder.wrap(facts, builder.width, lead=Text("  "), indent=2)):
                console.print(line, no_wrap=True, overflow="ignore", crop=False)
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in COLUMNS:
        is_id = column == COLUMNS[0]  # never folded, so that it can be copied
        table.add_column(column, justify="right" if column == "size" else "left", overflow="fold", no_wrap=is_id)
    for row in rows:
        table.add_row(*row)
    console.print(table)


def _render_run(kept: KeptRun, builder: TextBuilder) -> tuple[Text, ...]:
    """The cells of a run, one for each of the columns."""
    from mqa_registry.reports.console.text import VERDICT_STYLES
    from mqa_registry.reports.number_format import format_bytes

    report = kept.report
    commit = report.environment.get("git", {}) if report else {}
    verdict = (report.verdict.value, VERDICT_STYLES[report.verdict]) if report else ("damaged", "")
    return (
        builder.quote(kept.run),
        builder.literal(*verdict),
        builder.quote(report.suite.name if report else ""),
        builder.quote(f"{str(commit.get('commit', ''))[:COMMIT_DIGITS]}{'*' if commit.get('dirty') else ''}"),
        builder.quote(", ".join(kept.tags)),
        builder.literal(format_bytes(kept.size)),
    )


def _print_line(line: str) -> None:
    from mqa_registry.reports.console.text import TextBuilder, open_console

    console = open_console(highlight=False)
    console.print(TextBuilder(console).quote(line, cells=MAX_LINE_CELLS), no_wrap=True, overflow="ignore", crop=False)
