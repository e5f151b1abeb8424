"""The dry run: what a run would predict, and whether each check has enough rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

from mqa_registry import plan as plans
from mqa_registry import runs
from mqa_registry.execution import validate_inputs
from mqa_registry.expect import words_of
from mqa_registry.judging.column_memory import find_whole_columns
from mqa_registry.judging.required_rows import count_rows, find_required_rows
from mqa_registry.naming import counted
from mqa_registry.reports.console.text import TextBuilder, open_console
from mqa_registry.reports.expectations import describe_bounds
from mqa_registry.reports.number_format import format_count
from mqa_registry.reports.output import output
from mqa_registry.store import open_scratch

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rich.text import Text

    from mqa_registry.judging.column_memory import WholeColumn
    from mqa_registry.judging.required_rows import RequiredRows
    from mqa_registry.runs import RunOptions


def show_plan(suite: Path, options: RunOptions) -> None:
    """Print what a run would predict, with the rows at hand and the fewest rows that each check needs."""
    plan = runs.read_plan(suite, options)
    with open_scratch(options.run_context(plan.suite), options.store_of(plan.suite)) as context:
        rows = validate_inputs(plan, context)
    for name, one in rows.items():
        print(f"{name}: {counted(len(one), 'row')}", file=output())
    for line in plans.describe(plan):
        print(line, file=output())
    for column in find_whole_columns(plan, rows):
        print(_describe_column(column), file=output())
    screen = open_console(highlight=False)
    builder = TextBuilder(screen)
    requirements = find_required_rows(plan, count_rows(plan, rows))
    screen.print(builder.literal(_heading(plan.suite.confidence)))
    with screen.capture() as table:
        screen.print(_table(requirements, builder))
    print("\n".join(line.rstrip() for line in table.get().splitlines()), file=output())
    screen.print(builder.literal(_summary(requirements)))


def _describe_column(column: WholeColumn) -> str:
    """A measure that reads all rows at once, and the memory that it takes for that."""
    size = "as much as they take" if column.size is None else f"about {format_count(round(column.size / 1e6))} MB"
    rows = f"{counted(column.rows, 'row')} of {column.data}"
    return f"  {column.check}: {column.measure} reads all {rows} at once, which takes {size} of memory"


def _heading(confidence: float) -> str:
    return f"\nrows at hand, and the fewest with which a check can pass at all, at {100 * confidence:g} %:"


def _table(requirements: Sequence[RequiredRows], builder: TextBuilder) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("", width=1)
    table.add_column("check", overflow="fold")
    table.add_column("expects", overflow="fold")
    table.add_column("at hand", justify="right", no_wrap=True)
    table.add_column("needed", justify="right", no_wrap=True)
    table.add_column("in the best case", max_width=20, overflow="fold")
    for need in requirements:
        table.add_row(*_row(need, builder))
    return table


def _row(need: RequiredRows, builder: TextBuilder) -> tuple[Text, ...]:
    grouped = need.is_per_group and not need.expect.keys() & set(words_of(need="groups"))
    expects = ", ".join(bound.text for bound in describe_bounds(need.expect, grouped=grouped))
    check = builder.quote(need.check, cells=200)
    if need.group:
        check = builder.join(check, builder.literal("\n  smallest group: ", "dim"), builder.quote(need.group))
    return (
        builder.literal("" if need.is_enough else "!", "bold red"),
        check,
        builder.literal(expects),
        builder.literal(format_count(need.available)),
        builder.literal(
            "-" if need.required is None else format_count(need.required), "" if need.is_enough else "bold red"
        ),
        builder.literal(need.best_case),
    )


def _summary(requirements: Sequence[RequiredRows]) -> str:
    short = len({need.check for need in requirements if not need.is_enough})
    if not short:
        return "No check has too few rows to pass."
    return f"! {counted(short, 'check')} {'has' if short == 1 else 'have'} too few rows to pass, however good the model is."
