"""Paths in a suite: whether there is a file or folder under each, told before anything costly is begun."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from mqa_registry.formats import is_special
from mqa_registry.options import did_you_mean, options_of
from mqa_registry.options.wording import kinds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mqa_registry.errors import Location
    from mqa_registry.suite.tree import Node

# What can be no name of anything but a file: a name on a hub has one slash at most.
_PATH = re.compile(
    r"[./~].*|.*\\.*|[^/]*/[^/]*/.*|.*/|.*\.(?:pt|pt2|pth|ts|jit|ckpt|pkl|bin|onnx|safetensors|h5|keras)"
)


def missing_paths(
    function: Callable[..., Any], given: Mapping[str, Node], values: Mapping[str, Any]
) -> Iterator[tuple[Location, str, str]]:
    """Every option of a contribution that names a file or folder that is not there, or is neither: where it stands, and a hint.

    An option that is a path or a name, as a model on a hub has one, names a path where it can be nothing else, or where
    a folder beside it has nearly the same name.
    """
    for option in options_of(function):
        accepted = {one for kind in kinds(option.annotation) for one in (get_args(kind) or (kind,))}
        if option.name in values and Path in accepted:
            node, value = given[option.name], values[option.name]
            pairs = zip(node.items, value, strict=True) if isinstance(value, list | tuple) else [(node, value)]
            for one, held in pairs:
                yield from _missing(one, held, certain=str not in accepted)


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
    hint = _near(path, written)
    if certain or _PATH.fullmatch(written) or ("/" in written and hint):
        yield node.at, f"there is no file or folder `{written}`", hint


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _near(path: Path, written: str) -> str:
    """What there is of nearly the same name, written as the path is; of a folder that is not there, that."""
    try:
        parent = path.parent
        if not parent.is_dir():
            return _near(parent, str(Path(written).parent)) if len(Path(written).parts) > 1 else ""
        folder = written.rstrip("/")[: -len(path.name) or None]
        return did_you_mean(written, [f"{folder}{one.name}" for one in parent.iterdir()])
    except (OSError, ValueError):
        return ""
