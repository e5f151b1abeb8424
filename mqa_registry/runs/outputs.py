"""Outputs: files that a command writes, none of which may be what the command reads."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from mqa_registry.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mqa_registry.suite import Node, RawSuite


def refuse_inputs(outputs: Sequence[Path], raw: RawSuite, plugin_files: Sequence[Path] = ()) -> None:
    """Raise a UsageError where an output would replace a file that a suite is made of or reads.

    Every string of a suite that names a file or a folder is taken for an input, whatever option it belongs to.
    """
    written = [Path(os.path.realpath(output)) for output in outputs if output.exists()]
    if not written:
        return
    for given in (*_files_of(raw.root), *plugin_files):
        source = Path(os.path.realpath(given))
        for output in written:
            if output == source or source in output.parents:
                where = "" if output == source else f", which is in `{given}`"
                raise UsageError(
                    f"`{output.name}` is an input of this run{where}, and would be replaced by its report",
                    hint="write the report to another file",
                )


def _files_of(node: Node) -> Iterator[Path]:
    """The files that a suite was read from, and the files and folders that its values name."""
    yield Path(node.at.file)
    if isinstance(node.value, str) and _is_there(node.base / node.value):
        yield node.base / node.value
    for child in (*node.tables.values(), *node.items):
        yield from _files_of(child)


def _is_there(path: Path) -> bool:
    """Whether a string of a suite is the path of something; most are names, some are no path at all."""
    return path != path.parent and path.name not in ("", ".", "..") and os.path.exists(path)  # noqa: PTH110  # Path.exists raises for what can be no name
