"""The pages of `mqa plugins`: a list of all, what one gives, and one contribution with its options."""

from __future__ import annotations

import textwrap
from collections import Counter
from typing import TYPE_CHECKING

from mqa_registry.cli.plugin_facts import describe_kind, list_warnings
from mqa_registry.contributions import Metric, ModelSource, Perturbation, Probe, Slice, Task, one_line_help
from mqa_registry.extras import install_command, is_installed
from mqa_registry.naming import counted
from mqa_registry.options import contribution_options, format_value
from mqa_registry.plugins import find_role

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mqa_registry.contributions import Comparison, Contribution
    from mqa_registry.options import Option
    from mqa_registry.plugins import Plugin

TARGET_EFFECTS: Mapping[str, str] = {"stays": "stays", "moves": "moves with the row", "changes": "must change"}
UNLIMITED_WIDTH = 100_000  # columns where there is no terminal, so that `grep` finds whole lines
PLURALS = {"diagnosis": "diagnoses"}


def list_plugins(plugins: Iterable[Plugin], width: int) -> Iterator[str]:
    """A line for each plugin: its name, version and distribution, and what it gives, or why it cannot be used."""
    rows = [(one.name, one.version, one.distribution, one) for one in plugins]
    columns = [max(map(len, texts), default=0) for texts in zip(*(row[:3] for row in rows), strict=True)]
    for *texts, plugin in rows:
        head = "  ".join(f"{text:<{cells}}" for text, cells in zip(texts, columns, strict=True))
        yield from fold(f"{head}  {count_kinds(plugin)}", width, sum(columns) + 6)
        yield from _describe_state(plugin, width)


def count_kinds(plugin: Plugin) -> str:
    """What a plugin gives, counted by kind: `3 metrics, 1 slice`; else its state."""
    kinds = Counter(one.kind for one in plugin.contributions)
    counts = (counted(number, kind, PLURALS.get(kind, "")) for kind, number in kinds.items())
    return ", ".join(counts) if plugin.state == "ok" else plugin.state


def list_contributions(plugin: Plugin, width: int) -> Iterator[str]:
    """One plugin: its origin and state, and a line for each contribution, with its options under it."""
    yield f"{plugin.name}  ({plugin.origin})"
    yield from _describe_state(plugin, width)
    names = [f"{plugin.name}/{one.name}" for one in plugin.contributions]
    left = max(map(len, names), default=0)
    for name, one in zip(names, plugin.contributions, strict=True):
        yield from fold(f"  {name:<{left}}  {_describe_kind(one)}: {one_line_help(one)}", width, left + 4)
        options = ", ".join(map(_shorten_option, contribution_options(one)))
        yield from fold(f"      options: {options}", width, 8) if options else ()
    yield ""


def explain_contribution(plugin: Plugin, one: Contribution, width: int) -> Iterator[str]:
    """The page of one contribution: where a suite names it, its whole docstring, its facts, its options with types."""
    yield f"{plugin.name}/{one.name}  ({one.kind}, named in {find_role(type(one)).title})"
    yield ""
    yield from _paragraphs(one.documentation, width)
    if facts := list(_describe_facts(one)):
        yield ""
        yield from (line for fact in facts for line in fold(f"  {fact}", width, 4))
    for package in one.requires:
        yield ""
        missing = "" if is_installed(package) else f", which is not installed: {install_command(package)}"
        yield from fold(f"  requires the package {package}{missing}", width, 2)
    options = list(contribution_options(one))
    if options:
        yield ""
        yield "  options:"
    for option in options:
        yield from fold(f"    {option.name}: {option.type} ({_describe_default(option)})", width, 8)


def fold(line: str, width: int, indent: int) -> list[str]:
    """Fold a line at a width. The other lines are indented, by less where the indent would leave no room for words."""
    padding = " " * (indent if indent <= 2 * width // 3 else 8)
    return textwrap.wrap(line, width, subsequent_indent=padding, break_long_words=False, break_on_hyphens=False)


def _describe_state(plugin: Plugin, width: int) -> Iterator[str]:
    """Why a plugin cannot be used and what to do, and what its author should look at."""
    if plugin.broken:
        yield from fold(f"  cannot be used: {plugin.broken}", width, 4)
        yield from fold(f"  hint: {plugin.hint}", width, 4)
    for warning in list_warnings(plugin):
        yield from fold(f"  warning: {warning}", width, 4)


def _paragraphs(text: str, width: int) -> Iterator[str]:
    """Indent a docstring, and fold its paragraphs that are too wide, except lists and tables."""
    for number, paragraph in enumerate(text.split("\n\n")):
        lines = [f"  {line}".rstrip() for line in paragraph.splitlines()]
        laid_out = any(line.startswith(("   ", "  -", "  |")) for line in lines)
        if number:
            yield ""
        yield from (
            lines
            if laid_out or max(map(len, lines), default=0) <= width
            else fold(f"  {' '.join(map(str.strip, lines))}", width, 2)
        )


def _describe_kind(one: Contribution) -> str:
    """The kind of a contribution; of a perturbation also its effect on the target, where it has one."""
    if not isinstance(one, Perturbation) or one.target_effect == "stays":
        return one.kind
    return f"{one.kind}, the target {TARGET_EFFECTS[one.target_effect]}"


def _describe_facts(one: Contribution) -> Iterator[str]:
    """What a contribution reads and gives, in sentences."""
    match one:
        case Task():
            yield f"reads the fields {_list(f'{name} ({kind})' for name, kind in one.fields.items())}"
            for schema, columns in describe_kind(one)["schemas"].items():
                yield f"predicts {schema}: the columns {_list(f'{name} ({kind})' for name, kind in columns.items())}"
            yield f"its main metric is {one.metric}" if one.metric else "it has no main metric"
        case Probe():
            reference = ", and those of a reference" if one.compares else ""
            yield f"reads {one.inputs}{reference}; computes {_list(one.outputs)}"
        case Perturbation():
            spans = ", spans of the text move with it" if one.edits else ""
            yield f"perturbs: {one.modality}"
            yield f"the target: {TARGET_EFFECTS[one.target_effect]}{spans}"
        case Slice():
            yield f"groups rows by: {one.inputs}"
        case ModelSource() if one.takes:
            yield f"takes {one.takes}"
        case _ if "range" in describe_kind(one):
            yield from _describe_measure(one)  # type: ignore[arg-type]  # a metric or a comparison, which have one


def _describe_measure(one: Metric | Comparison) -> Iterator[str]:
    low, high = one.range
    yield f"reads predictions of {_list(one.schemas)}; is from {low:g} to {high:g}".replace(
        "from -inf to inf", "any number"
    )


def _list(texts: Iterable[str]) -> str:
    return ", ".join(texts)


def _shorten_option(option: Option) -> str:
    """An option with its default, as a suite has it; its type where it has none."""
    if option.required or option.default is None:
        return f"{option.name} ({option.type}{', required' if option.required else ''})"
    return f"{option.name} = {format_value(option.default)}"


def _describe_default(option: Option) -> str:
    if option.required:
        return "required"
    return "may be left out" if option.default is None else f"default {format_value(option.default)}"
