"""`mqa plugins`: the plugins that are installed, and what one of them gives."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mqa_registry.cli.conformance import try_plugin
from mqa_registry.contributions import Perturbation, Probe, one_line_help
from mqa_registry.errors import ExitCode, UsageError
from mqa_registry.extras import install_command, is_installed
from mqa_registry.options import contribution_options, format_value
from mqa_registry.plugins import find_role, load, load_all
from mqa_registry.reports.output import output
from mqa_registry.run_options import RunOptions, flags

if TYPE_CHECKING:
    from mqa_registry.contributions import Contribution
    from mqa_registry.options import Option
    from mqa_registry.plugins import Plugin

UNLIMITED_WIDTH = 100_000  # columns where there is no terminal, so that `grep` finds whole lines
TARGET_EFFECTS: Mapping[str, str] = {"stays": "stays", "moves": "moves with the row", "changes": "must change"}


def plugins(
    options: Annotated[RunOptions, flags("plugin_files")],
    name: Annotated[str | None, typer.Argument(help="A plugin, or one contribution: plugin/name.")] = None,
    test: Annotated[bool, typer.Option("--test", help="Try the rules that every plugin is held to.")] = False,
) -> ExitCode:
    """List the plugins that are installed, explain one, or test it."""
    if test:
        return try_plugin(name, options.plugin_files)
    show_plugins(name, options.plugin_files)
    return ExitCode.OK


def show_plugins(name: str | None, files: Sequence[Path]) -> None:
    """Print every plugin in short, one plugin with its contributions, or one contribution with its options.

    Lines are folded at the width of the terminal, and whole where a program reads them.
    """
    width = shutil.get_terminal_size((UNLIMITED_WIDTH, 0)).columns
    if name is None:
        for plugin in load_all(files=files).plugins.values():
            print("\n".join(_list_plugin(plugin, width)), file=output())
        return
    plugin_name, slash, contribution = name.partition("/")
    plugin = load([plugin_name], files=files).plugin(plugin_name)
    if not slash:
        print("\n".join(_list_plugin(plugin, width)), file=output())
        return
    pages = ("\n".join(_explain(plugin, one, width)) for one in _find_contributions(plugin, contribution))
    print("\n\n".join(pages), file=output())


def _list_plugin(plugin: Plugin, width: int) -> Iterator[str]:
    yield f"{plugin.name}  ({plugin.origin})"
    if plugin.broken:
        yield from _fold(f"  cannot be used: {plugin.broken}", width, 4)
        yield from _fold(f"  hint: {plugin.hint}", width, 4)
    names = [f"{plugin.name}/{one.name}" for one in plugin.contributions]
    left = max(map(len, names), default=0)
    for name, one in zip(names, plugin.contributions, strict=True):
        yield from _fold(f"  {name:<{left}}  {_describe_kind(one)}: {one_line_help(one)}", width, left + 4)
    yield ""


def _fold(line: str, width: int, indent: int) -> list[str]:
    """Fold a line at a width. The other lines are indented, by less where the indent would leave no room for words."""
    padding = " " * (indent if indent <= 2 * width // 3 else 8)
    return textwrap.wrap(line, width, subsequent_indent=padding, break_long_words=False, break_on_hyphens=False)


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
            else _fold(f"  {' '.join(map(str.strip, lines))}", width, 2)
        )


def _describe_kind(one: Contribution) -> str:
    """The kind of a contribution; of a perturbation also its effect on the target, where it has one."""
    if not isinstance(one, Perturbation) or one.target_effect == "stays":
        return one.kind
    return f"{one.kind}, the target {TARGET_EFFECTS[one.target_effect]}"


def _find_contributions(plugin: Plugin, name: str) -> list[Contribution]:
    matches = [one for one in plugin.contributions if one.name == name]
    if not matches:
        names = ", ".join(f"`{one.name}`" for one in plugin.contributions)
        raise UsageError(f"plugin `{plugin.name}` has no `{name}`", hint=f"it has {names}" if names else plugin.broken)
    return matches


def _explain(plugin: Plugin, one: Contribution, width: int) -> Iterator[str]:
    """The page of one contribution: its kind, where a suite names it, its whole docstring, and its options with types."""
    yield f"{plugin.name}/{one.name}  ({one.kind}, named in {find_role(type(one)).title})"
    yield ""
    yield from _paragraphs(one.documentation, width)
    if isinstance(one, Probe):
        yield ""
        reference = ", and those of a reference" if one.compares else ""
        yield from _fold(f"  reads {one.inputs}{reference}; computes {', '.join(one.outputs)}", width, 2)
    if isinstance(one, Perturbation):
        yield ""
        yield from (f"  {line}" for line in _describe_effects(one))
    for package in one.requires:
        yield ""
        missing = "" if is_installed(package) else f", which is not installed: {install_command(package)}"
        yield from _fold(f"  requires the package {package}{missing}", width, 2)
    options = list(contribution_options(one))
    if options:
        yield ""
        yield "  options:"
    for option in options:
        yield from _fold(f"    {option.name}: {option.type} ({_describe_default(option)})", width, 8)


def _describe_default(option: Option) -> str:
    if option.required:
        return "required"
    return "may be left out" if option.default is None else f"default {format_value(option.default)}"


def _describe_effects(perturbation: Perturbation) -> Iterator[str]:
    """The modality that a perturbation acts on, and its effect on the target."""
    yield f"perturbs: {perturbation.modality}"
    spans = ", spans of the text move with it" if perturbation.edits else ""
    yield f"the target: {TARGET_EFFECTS[perturbation.target_effect]}{spans}"
