"""The comparison with an earlier run on the console: what is shown to be worse, and which rows are newly wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from mqa_registry.naming import counted
from mqa_registry.reports.console.text import MAX_NOTE_CELLS, VERDICT_STYLES, TextBuilder
from mqa_registry.reports.explanations import (
    conclude_comparison,
    describe_change,
    describe_flips,
    describe_unshown_groups,
    name_change,
)
from mqa_registry.reports.number_format import format_count
from mqa_registry.reports.prediction_text import format_prediction

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console

    from mqa_registry.contributions import ExampleRow
    from mqa_registry.judging.result import Change, Flips, RunComparison

_INDENT = "  "
_EXAMPLE_INDENT = "    "
_MAX_EXAMPLES = 2  # newly wrong rows of a view; `-v` shows all that the report has
_MAX_TEXT_CELLS = 300


def print_comparison(comparison: RunComparison, console: Console, *, verbose: int = 0) -> None:
    """Write the comparison of two runs to the console; `verbose` above 0 adds every measure of a whole view and every row.

    Below 0 it leaves what is shown to be worse, and the conclusion.
    """
    for line in render_comparison(comparison, TextBuilder(console, verbose)):
        console.print(line, no_wrap=True, overflow="ignore", crop=False, highlight=False)


def render_comparison(comparison: RunComparison, builder: TextBuilder) -> Iterator[Text]:
    """The changes that count, the rows that are newly wrong, the verdicts that changed, and the conclusion."""
    run, started = builder.quote(comparison.reference), builder.quote(comparison.started)
    heading = builder.join("against the run ", run, " of ", started, style="bold")
    yield from builder.wrap(heading, builder.width)
    yield from _render_changes(comparison, builder)
    if builder.verbose >= 0:
        for flips in comparison.flips:
            if builder.verbose > 0 or not flips.perturb:
                yield from _render_flips(flips, builder)
        for one in comparison.verdict_changes:
            name = builder.join(_INDENT, builder.quote(one.check), *_on_backend(one.backend, builder), ": ")
            before, now = (builder.literal(verdict.value, VERDICT_STYLES[verdict]) for verdict in (one.before, one.now))
            yield from builder.wrap_after(name, builder.join(before, " → ", now))
        for reason in comparison.left_out:
            lead = builder.literal(f"{_INDENT}not compared: ", "dim")
            yield from builder.wrap_after(lead, builder.quote(reason, "dim", cells=MAX_NOTE_CELLS))
    conclusion = builder.literal(conclude_comparison(comparison), VERDICT_STYLES[comparison.verdict])
    yield from builder.wrap_after(Text(_INDENT), conclusion)


def _render_changes(comparison: RunComparison, builder: TextBuilder) -> Iterator[Text]:
    """A line for each change that counts, and how many others there are; verbose, a line for each of a whole view."""
    for change in comparison.shown_changes:
        yield from _render_change(change, builder)
    if comparison.unshown_groups:
        yield builder.literal(f"{_INDENT}and {describe_unshown_groups(comparison)}", "dim")
    others = [change for change in comparison.changes if not comparison.counts(change)]
    if builder.verbose > 0:
        for change in others:
            if not change.group:
                yield from _render_change(change, builder)
        others = [change for change in others if change.group]
    if others and builder.verbose >= 0:
        yield builder.literal(f"{_INDENT}{_count_changes(others)} not shown to be worse", "dim")


def _count_changes(changes: Sequence[Change]) -> str:
    """Such as `12 measures, 9 of them of groups, are`."""
    groups, total = sum(bool(one.group) for one in changes), len(changes)
    if groups == total:
        return f"{counted(total, 'measure of a group is', 'measures of groups are')}"
    of_groups = f", {groups:,} of them of groups," if groups else ""
    return f"{counted(total, 'measure', 'measures')}{of_groups} {'is' if total == 1 else 'are'}"


def _render_change(change: Change, builder: TextBuilder) -> Iterator[Text]:
    """A line such as `✗ accuracy on torch: 0.893 → 0.871, worse by 0.022 [0.010, 0.034]`."""
    lead = builder.join(
        _INDENT, builder.symbol(change.verdict), " ", builder.quote(name_change(change), cells=MAX_NOTE_CELLS), ": "
    )
    yield from builder.wrap_after(lead, builder.quote(describe_change(change), cells=MAX_NOTE_CELLS))


def _render_flips(flips: Flips, builder: TextBuilder) -> Iterator[Text]:
    """How many rows are newly wrong and newly right, and some of the newly wrong ones."""
    negative = flips.test.negative_flips
    if not negative + flips.test.positive_flips:
        return
    rows = " by ".join(str(use.get("use")) for use in flips.perturb)
    lead = builder.join(_INDENT, builder.quote(flips.data), builder.quote(f" by {rows}" if rows else ""))
    lead = builder.join(lead, *_on_backend(flips.backend, builder), ": ")
    yield from builder.wrap_after(lead, builder.literal(describe_flips(flips)))
    for group in flips.groups:
        name = builder.join(_EXAMPLE_INDENT, "in ", builder.quote(group.group), ": ")
        yield from builder.wrap_after(name, builder.literal(describe_flips(group)))
    shown = flips.examples if builder.verbose > 0 else flips.examples[:_MAX_EXAMPLES]
    for example in shown:
        yield from _render_example(example, builder)
    if negative > len(shown):
        yield builder.literal(f"{_EXAMPLE_INDENT}and {format_count(negative - len(shown))} more", "dim")


def _render_example(example: ExampleRow, builder: TextBuilder) -> Iterator[Text]:
    """The row's id, what was predicted and is predicted now, and its texts."""
    lead = builder.join(_EXAMPLE_INDENT, builder.quote(example.id))
    known = example.reference is not None or example.prediction is not None
    predictions = (example.reference, example.prediction, example.target)
    before, now, target = (builder.quote(format_prediction(one)) for one in predictions)
    answers = builder.join(": ", before, " → ", now, ", right is ", target) if known else Text()
    yield from builder.wrap(builder.join(lead, answers), builder.width, indent=len(_EXAMPLE_INDENT) + len(_INDENT))
    texts = example.perturbed or example.fields
    for name, text in texts.items():
        label = f"{name} " if len(texts) > 1 else ""
        quoted = builder.join(builder.quote(label), '"', builder.quote(text, cells=_MAX_TEXT_CELLS), '"')
        quoted.stylize("italic dim")
        yield from builder.wrap_after(Text(f"{_EXAMPLE_INDENT}  "), quoted)


def _on_backend(backend: str, builder: TextBuilder) -> tuple[str | Text, ...]:
    return (" on ", builder.quote(backend)) if backend else ()
