"""The summary on the console: the verdict and what it means, what was not judged, weak points, and the trade-off."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from mqa_registry.naming import counted
from mqa_registry.reports.console.text import MAX_NOTE_CELLS, VERDICT_STYLES
from mqa_registry.reports.expectations import VALUE
from mqa_registry.reports.number_format import format_duration, format_estimate
from mqa_registry.reports.report import list_backends, list_checks
from mqa_registry.reports.summary import (
    count_verdicts,
    draw_conclusion,
    find_weak_points,
    group_unjudged,
    list_trade_off,
    read_trade_off,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mqa_registry.reports.console.text import TextBuilder
    from mqa_registry.reports.report import CheckResults, Report
    from mqa_registry.reports.summary import Loss, Spread, TradeOffColumn

MAX_RULE_CELLS = 100
_MAX_NAMED_CHECKS = 5  # that block the release
_MAX_CHECK_CELLS = 30  # of a check's name before a weak point
_WORK = {
    "predicted": ("row predicted", "rows predicted"),
    "found": ("found in the store", "found in the store"),
    "passes": ("forward pass", "forward passes"),
}


def render_short_verdict(report: Report, builder: TextBuilder) -> list[Text]:
    """The verdict with its counts, as `-q` shows it."""
    suite = builder.quote(report.suite.name)
    counts = f": {count_verdicts(list_checks(report))} (exit code {int(report.exit_code)})"
    return builder.wrap(builder.join(_render_verdict(report, builder), "  ", suite, counts), builder.width)


def render_conclusion(report: Report, builder: TextBuilder) -> Iterator[Text]:
    """A rule, the verdict with its counts, the checks to look at, what it means for the release, and what the run took."""
    checks = list_checks(report)
    yield builder.literal("")
    yield render_rule(builder)
    lead = builder.join(_render_verdict(report, builder), "  ")
    conclusion = (
        builder.join(builder.quote(report.note, cells=MAX_NOTE_CELLS), ".")
        if report.note
        else builder.literal(draw_conclusion(report, checks))
    )
    blocks = (
        builder.literal(count_verdicts(checks)),
        *_list_blocking_checks(checks, builder),
        builder.join(conclusion, f" Exit code {int(report.exit_code)}."),
        builder.quote(_describe_work(report), "dim", cells=400),
    )
    for block in blocks:
        yield from builder.wrap_after(lead, block)
        lead = Text(" " * lead.cell_len)


def render_rule(builder: TextBuilder) -> Text:
    """A line across the console."""
    return builder.literal("─" * min(builder.width, MAX_RULE_CELLS), "dim")


def render_unjudged(report: Report, builder: TextBuilder) -> Iterator[Text]:
    """Every reason why a check was not judged, once, with the checks that it is for."""
    for (verdict, reason), (first, *others) in group_unjudged(list_checks(report)).items():
        lead = builder.join("  ", builder.literal(verdict.value, VERDICT_STYLES[verdict]), "  ")
        more = f" and {len(others):,} more" if others else ""
        text = builder.join(builder.quote(first.title), more, ": ", builder.quote(reason, cells=MAX_NOTE_CELLS))
        yield from builder.wrap_after(lead, text)


def render_weak_points(report: Report, builder: TextBuilder) -> Iterator[Text]:
    """A line for each of the largest losses and widest spreads; nothing where there are fewer than two."""
    weak_points = find_weak_points(report)
    if weak_points is None:
        return
    yield builder.literal("")
    backend = builder.quote(weak_points.backend, "dim")
    yield builder.join(builder.literal("weakest points", "bold"), builder.literal(" on ", "dim"), backend)
    lines = [(loss.check, _describe_loss(loss, builder)) for loss in weak_points.losses]
    lines += [(spread.check, _describe_spread(spread, builder)) for spread in weak_points.spreads]
    names = [builder.quote(check, cells=_MAX_CHECK_CELLS) for check, _ in lines]
    width = max(name.cell_len for name in names)
    for name, (_, text) in zip(names, lines, strict=True):
        yield from builder.wrap_after(builder.join("  ", name, " " * (width - name.cell_len + 2)), text)


def render_trade_off(report: Report, builder: TextBuilder) -> Iterator[Text]:
    """A table of what each backend costs and what it damages; nothing where the report has no such checks."""
    columns = list_trade_off(report)
    if not columns:
        return
    yield builder.literal("")
    yield builder.literal("cost against damage", "bold")
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("", overflow="fold")
    for column in columns:
        table.add_column(_render_column_head(column, builder), justify="right", overflow="fold")
    for backend in list_backends(report):
        cells = (_render_trade_off_cell(column, backend, builder) for column in columns)
        table.add_row(builder.quote(backend), *cells)
    with builder.console.capture() as captured:
        builder.console.print(table)
    for line in captured.get().splitlines():
        yield Text.from_ansi(line.rstrip())


def _render_verdict(report: Report, builder: TextBuilder) -> Text:
    return builder.literal(report.verdict.value, f"bold {VERDICT_STYLES[report.verdict]}")


def _list_blocking_checks(checks: Sequence[CheckResults], builder: TextBuilder) -> Iterator[Text]:
    """The critical checks that do not hold, and those with an overdue waiver, by name; nothing where there are none."""
    names = [check.title for check in checks if check.blocks_release]
    if names:
        more = f" and {len(names) - _MAX_NAMED_CHECKS:,} more" if len(names) > _MAX_NAMED_CHECKS else ""
        listed = Text(", ").join([builder.quote(name) for name in names[:_MAX_NAMED_CHECKS]])
        yield builder.join(builder.literal("see ", "dim"), listed, builder.literal(more, "dim"))


def _describe_work(report: Report) -> str:
    """The run's time, and its work summed over the backends."""
    totals: Counter[str] = Counter()
    for work in (report.work or {}).values():
        totals.update(vars(work))
    done = [counted(total, *_WORK[name]) for name, total in totals.items() if total]
    return ", ".join([f"run {report.run}", format_duration(report.seconds), *done])


def _describe_loss(loss: Loss, builder: TextBuilder) -> Text:
    verb = "falls" if loss.is_drop else "rises"
    to = f" to {format_estimate(loss.value)[0]}" if loss.value is not None else ""
    return builder.join(builder.quote(loss.measure), f" {verb} by {format_estimate(loss.change)[0]}{to}")


def _describe_spread(spread: Spread, builder: TextBuilder) -> Text:
    lowest, highest = (
        builder.join(format_estimate(group.number)[0], " for ", builder.quote(group.name))
        for group in (spread.lowest, spread.highest)
    )
    return builder.join(builder.quote(spread.measure), " ", lowest, ", ", highest)


def _render_column_head(column: TradeOffColumn, builder: TextBuilder) -> Text:
    """The check, and which of its numbers is shown, where that is not its value."""
    words = [] if column.bounds.number == VALUE else [column.bounds.number]
    words += ["worst group"] if column.has_groups else []
    number = builder.literal("\n" + ", ".join(words), "dim") if words else Text()
    return builder.join(builder.quote(column.check.title), number)


def _render_trade_off_cell(column: TradeOffColumn, backend: str, builder: TextBuilder) -> Text:
    result = column.check.results.get(backend)
    if result is None:
        return builder.literal("reference" if column.check.reference_backend == backend else "", "dim")
    number, group = read_trade_off(column, result)
    if number is None:
        return builder.literal(result.verdict.value, "dim")
    estimate = format_estimate(number, column.bounds.limits)[0]
    name = builder.join("\n", builder.quote(group, "dim")) if group else Text()
    return builder.join(builder.symbol(result.verdict), " ", estimate, name)
