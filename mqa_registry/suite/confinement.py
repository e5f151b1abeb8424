"""Confinement: a suite that names nothing outside of its own folder, for suites that others wrote."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from mqa_registry.errors import Problem, SuiteError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mqa_registry.errors import Location
    from mqa_registry.suite.tree import Node

HINT = "bring it into the folder, or run without `--confined`"


def folder_of(suite: Path) -> Path:
    """The folder that a suite is confined to, as it really lies on disk."""
    return Path(os.path.realpath(suite.parent))


def check_confined(root: Node, folder: Path) -> None:
    """A SuiteError for every value of a suite that names a path outside of a folder, there or not, or by a link.

    Every string is taken for a path that could be one, whatever option it belongs to: `../x`, `/x`, or what exists.
    """
    problems = [Problem(said, HINT, at) for at, said in _outside(root, folder)]
    if problems:
        raise SuiteError(problems)


def check_inside(files: Iterable[Path], folder: Path, asked: Location | None = None) -> None:
    """A SuiteError for every file that does not lie in a folder: one that is no value of a suite, but read for it."""
    problems = [Problem(said, HINT, asked) for file in files if (said := _leads_out(str(file), file, folder))]
    if problems:
        raise SuiteError(problems)


def _outside(node: Node, folder: Path) -> Iterator[tuple[Location, str]]:
    if isinstance(node.value, str) and (said := _leads_out(node.value, node.base / node.value, folder)):
        yield node.at, said
    for child in (*node.tables.values(), *node.items):
        yield from _outside(child, folder)


def _leads_out(written: str, path: Path, folder: Path) -> str:
    """How a path leads out of a folder, itself or by a link of what it holds; nothing where it does not."""
    try:
        real = Path(os.path.realpath(path))
        there = os.path.lexists(path)
    except (OSError, ValueError):  # what can be no path, as one with a NUL
        return ""
    if not real.is_relative_to(folder):
        return f"`{written}` leads out of `{folder}`, and `--confined` keeps the suite to it"
    if not (there and path.is_dir()) or real == folder:
        return ""
    link = next((link for link in _links(real) if not Path(os.path.realpath(link)).is_relative_to(folder)), None)
    return f"`{link}` is a link that leads out of `{folder}`, and `--confined` keeps the suite to it" if link else ""


def _links(folder: Path) -> Iterator[Path]:
    for path, folders, files in os.walk(folder):
        yield from (one for name in (*folders, *files) if (one := Path(path, name)).is_symlink())
