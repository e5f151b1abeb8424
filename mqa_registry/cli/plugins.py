"""`mqa plugins`: the plugins that are installed, and what one of them gives."""

from __future__ import annotations

import inspect
import shutil
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mqa_registry.contributions import Perturbation, Probe
from mqa_registry.errors import UsageError
from mqa_registry.extras import install_command, is_installed
from mqa_registry.flag import flags
from mqa_registry.options import format_value, options_of
from mqa_registry.plugins import load, load_all, role_of
from mqa_registry.reports.output import output
from mqa_registry.run_options import RunOptions

if TYPE_CHECKING:
    from mqa_registry.contributions import Contribution
    from mqa_registry.options import Option
    from mqa_registry.plugins import Plugin

UNFOLDED = 100_000  # columns where there is no terminal: nothing that is written for `grep` is torn apart
ANSWERS: Mapping[str, str] = {"stays": "stays", "moves": "moves with the row", "changes": "must change"}


def plugins(
    options: Annotated[RunOptions, flags("plugin_files")],
    name: Annotated[str | None, typer.Argument(help="A plugin, or one contribution: plugin/name.")] = None,
) -> None:
    """List the plugins that are installed, or explain one."""
    show(name, options.plugin_files)


def show(name: str | None, files: Sequence[Path]) -> None:
    """Print every plugin in short, one plugin with its contributions, or one contribution with its options.

    Lines are folded at the width of the terminal, and whole where a program reads them.
    """
    width = shutil.get_terminal_size((UNFOLDED, 0)).columns
    if name is None:
        for plugin in load_all(files=files).plugins.values():
            print("\n".join(_overview(plugin, width)), file=output())
        return
    plugin_name, slash, contribution = name.partition("/")
    plugin = load([plugin_name], files=files).plugin(plugin_name)
    if not slash:
        print("\n".join(_overview(plugin, width)), file=output())
        return
    print("\n\n".join("\n".join(_explained(plugin, one, width)) for one in _named(plugin, contribution)), file=output())


def _overview(plugin: Plugin, width: int) -> Iterator[str]:
    yield f"{plugin.name}  ({plugin.origin})"
    if plugin.broken:
        yield from _folded(f"  cannot be used: {plugin.broken}", width, 4)
        yield from _folded(f"  hint: {plugin.hint}", width, 4)
    names = [f"{plugin.name}/{one.name}" for one in plugin.contributions]
    left = max(map(len, names), default=0)
    for name, one in zip(names, plugin.contributions, strict=True):
        yield from _folded(f"  {name:<{left}}  {_kind(one)}: {one.help}", width, left + 4)
    yield ""


def _folded(line: str, width: int, indent: int) -> list[str]:
    """A line in lines of at most that width, the others behind blanks: fewer where so many would leave no room for words."""
    blanks = " " * (indent if indent <= 2 * width // 3 else 8)
    return textwrap.wrap(line, width, subsequent_indent=blanks, break_long_words=False, break_on_hyphens=False)


def _paragraphs(text: str, width: int) -> Iterator[str]:
    """A docstring behind two blanks: as it is where it fits; else its paragraphs are folded, but for lists and tables."""
    for number, paragraph in enumerate(text.split("\n\n")):
        lines = [f"  {line}".rstrip() for line in paragraph.splitlines()]
        laid_out = any(line.startswith(("   ", "  -", "  |")) for line in lines)
        if number:
            yield ""
        yield from (
            lines
            if laid_out or max(map(len, lines), default=0) <= width
            else _folded(f"  {' '.join(map(str.strip, lines))}", width, 2)
        )


def _kind(one: Contribution) -> str:
    """What it is, with what has to be known before it is used."""
    if not isinstance(one, Perturbation) or one.answer == "stays":
        return one.kind
    return f"{one.kind}, the right answer {ANSWERS[one.answer]}"


def _named(plugin: Plugin, name: str) -> list[Contribution]:
    found = [one for one in plugin.contributions if one.name == name]
    if not found:
        there = ", ".join(f"`{one.name}`" for one in plugin.contributions)
        raise UsageError(f"plugin `{plugin.name}` has no `{name}`", hint=f"it has {there}" if there else plugin.broken)
    return found


def _explained(plugin: Plugin, one: Contribution, width: int) -> Iterator[str]:
    """One contribution: what it is, where a suite names it, its whole help, which tells of its options, and their types."""
    yield f"{plugin.name}/{one.name}  ({one.kind}, named in {role_of(type(one)).title})"
    yield ""
    yield from _paragraphs(inspect.getdoc(one.function) or "", width)
    if isinstance(one, Probe):
        yield ""
        beside = ", and those of a reference" if one.compares else ""
        yield from _folded(f"  sees {one.sees}{beside}; gives {', '.join(one.gives)}", width, 2)
    if isinstance(one, Perturbation):
        yield ""
        yield from (f"  {line}" for line in _consequences(one))
    for package in one.requires:
        yield ""
        missing = "" if is_installed(package) else f", which is not installed: {install_command(package)}"
        yield from _folded(f"  requires the package {package}{missing}", width, 2)
    options = list(options_of(one.function))
    if options:
        yield ""
        yield "  options:"
    for option in options:
        yield from _folded(f"    {option.name}: {option.type} ({_default(option)})", width, 8)


def _default(option: Option) -> str:
    if option.required:
        return "required"
    return "may be left out" if option.default is None else f"default {format_value(option.default)}"


def _consequences(perturbation: Perturbation) -> Iterator[str]:
    """What a perturbation acts on, and what becomes of the right answer."""
    yield f"perturbs: {perturbation.modality}"
    spans = ", spans of the text move with it" if perturbation.edits else ""
    yield f"the right answer: {ANSWERS[perturbation.answer]}{spans}"
