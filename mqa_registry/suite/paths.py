"""Paths in a suite: whether each file or folder is there, and whether it lies in the folder of a confined suite."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from mqa_registry.errors import Problem, SuiteError
from mqa_registry.formats import is_special
from mqa_registry.naming import did_you_mean
from mqa_registry.options import plain_types

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mqa_registry.errors import Location
    from mqa_registry.options import Options
    from mqa_registry.suite.toml import Node

# What can be no name of anything but a file: a name on a hub has one slash at most.
PATH = re.compile(r"[./~].*|.*\\.*|[^/]*/[^/]*/.*|.*/|.*\.(?:pt|pt2|pth|ts|jit|ckpt|pkl|bin|onnx|safetensors|h5|keras)")
CONFINED_HINT = "bring it into the folder, or run without `--confined`"


def missing_paths(
    options: Options, nodes: Mapping[str, Node], values: Mapping[str, Any]
) -> Iterator[tuple[Location, str, str]]:
    """Every option of a contribution that names a file or folder that is not there, or is neither: position, message, hint.

    An option that is a path or a name, as a model on a hub has one, names a path where it can be nothing else, or where
    a folder beside it has nearly the same name.
    """
    for option in options:
        accepted = {one for kind in plain_types(option.annotation) for one in (get_args(kind) or (kind,))}
        if option.name in values and Path in accepted:
            node, value = nodes[option.name], values[option.name]
            pairs = zip(node.items, value, strict=True) if isinstance(value, list | tuple) else [(node, value)]
            for item, path in pairs:
                yield from _missing(item, path, certain=str not in accepted)


def _missing(node: Node, value: Any, *, certain: bool) -> Iterator[tuple[Location, str, str]]:
    written = node.value
    if not isinstance(written, str):
        return
    path = value if isinstance(value, Path) else node.base / written
    if is_special(path):
        yield node.at, f"`{written}` is a pipe or a device, and may never end", "save what it gives to a file"
        return
    if _exists(path):
        return
    hint = _suggest(path, written)
    if certain or PATH.fullmatch(written) or ("/" in written and hint):
        yield node.at, f"there is no file or folder `{written}`", hint


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _suggest(path: Path, written: str) -> str:
    """What there is of nearly the same name, written as the path is; of a folder that is not there, that."""
    try:
        parent = path.parent
        if not parent.is_dir():
            return _suggest(parent, str(Path(written).parent)) if len(Path(written).parts) > 1 else ""
        folder = written.rstrip("/")[: -len(path.name) or None]
        return did_you_mean(written, [f"{folder}{one.name}" for one in parent.iterdir()])
    except (OSError, ValueError):
        return ""


def real_folder(folder: Path) -> Path:
    """A folder that a suite is confined to, links resolved."""
    return Path(os.path.realpath(folder))


def check_confined(root: Node, folder: Path) -> None:
    """A SuiteError for every value of a suite that names a path outside of a folder, there or not, or by a link.

    Every string is taken for a path that could be one, whatever option it belongs to: `../x`, `/x`, or what exists.
    """
    problems = [Problem(message, CONFINED_HINT, at) for at, message in _paths_outside(root, folder)]
    if problems:
        raise SuiteError(problems)


def check_inside(files: Iterable[Path], folder: Path, at: Location | None = None) -> None:
    """A SuiteError for every file that does not lie in a folder: one that is no value of a suite, but read for it."""
    problems = [
        Problem(message, CONFINED_HINT, at) for file in files if (message := _how_outside(str(file), file, folder))
    ]
    if problems:
        raise SuiteError(problems)


def _paths_outside(node: Node, folder: Path) -> Iterator[tuple[Location, str]]:
    if isinstance(node.value, str) and (message := _how_outside(node.value, node.base / node.value, folder)):
        yield node.at, message
    for _, child in node.children:
        yield from _paths_outside(child, folder)


def _how_outside(written: str, path: Path, folder: Path) -> str:
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
