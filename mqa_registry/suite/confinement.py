"""Confined suites, which name no file outside of a folder, by themselves or by a link in it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from mqa_registry.errors import CONFINED_HINT, Location, Problem, SuiteError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from mqa_registry.suite.toml import Node

CONFINED = ("and `--confined` keeps the suite to it", CONFINED_HINT)
PACKAGED = (
    "and a plugin's suite names what is in its own folder alone",
    "ask its author; `--set` can give the key a value",
)


def real_folder(folder: Path) -> Path:
    """The folder that a suite is confined to, with links resolved."""
    return Path(os.path.realpath(folder))


def require_confined(
    root: Node, folder: Path, packages: Collection[Path] = (), *, rule: tuple[str, str] = CONFINED
) -> None:
    """Raise a SuiteError for every value of a suite that leads out of a folder, by itself or by a link.

    Every string that can be a path is taken for one, whatever option it belongs to: `../x`, `/x`, or what exists. What
    stands in a suite of a plugin is confined to that suite's folder, which is among the `packages`. `rule` says why, and
    what to do.
    """
    reason, hint = rule
    problems = [Problem(f"{escape}, {reason}", hint, at) for at, escape in _paths_outside(root, folder, packages)]
    if problems:
        raise SuiteError(problems)


def require_inside(files: Iterable[Path], folder: Path, at: Location | None = None) -> None:
    """Raise a SuiteError for every file that is not in a folder: files that are read for a suite, such as plugins."""
    reason, hint = CONFINED
    escapes = (_describe_escape(str(file), file, folder) for file in files)
    problems = [Problem(f"{escape}, {reason}", hint, at) for escape in escapes if escape]
    if problems:
        raise SuiteError(problems)


def _paths_outside(node: Node, folder: Path, packages: Collection[Path]) -> Iterator[tuple[Location, str]]:
    if isinstance(node.value, str):
        own = _package_of(node.base, packages) or folder
        if escape := _describe_escape(node.value, node.base / node.value, own):
            yield node.at, escape
    for _, child in node.children:
        yield from _paths_outside(child, folder, packages)


def _package_of(base: Path, packages: Collection[Path]) -> Path | None:
    """The folder of the plugin's suite that a value with this base stands in; None where it stands in none."""
    if not packages:
        return None
    real = real_folder(base)
    return next((package for package in packages if real.is_relative_to(package)), None)


def _describe_escape(written: str, path: Path, folder: Path) -> str:
    """How a path leads out of a folder, by itself or by a link in it; empty where it does not."""
    try:
        real = Path(os.path.realpath(path))
        exists = os.path.lexists(path)
    except (OSError, ValueError):  # no path, such as a string with a NUL
        return ""
    if not real.is_relative_to(folder):
        return f"`{written}` leads out of `{folder}`"
    if not (exists and path.is_dir()) or real == folder:
        return ""
    link = next((link for link in _links(real) if not Path(os.path.realpath(link)).is_relative_to(folder)), None)
    return f"`{link}` is a link that leads out of `{folder}`" if link else ""


def _links(folder: Path) -> Iterator[Path]:
    for path, folders, files in os.walk(folder):
        yield from (one for name in (*folders, *files) if (one := Path(path, name)).is_symlink())
