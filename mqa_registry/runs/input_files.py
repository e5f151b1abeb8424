"""Input files of a run: what a suite consists of and reads, which no output may replace."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from mqa_registry.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mqa_registry.suite import Node, RawSuite


def refuse_to_overwrite_inputs(outputs: Sequence[Path], raw: RawSuite, plugin_files: Sequence[Path]) -> None:
    """Raise a UsageError where an output would replace a file that a suite consists of or reads.

    Every string of a suite that is the path of a file or a folder counts as an input, whatever option has it.
    """
    # Here and below: Path.exists raises for what can be no name.
    written = [Path(os.path.realpath(output)) for output in outputs if os.path.exists(output)]  # noqa: PTH110
    if not written:
        return
    for given in (*_input_paths(raw.root), *plugin_files):
        source = Path(os.path.realpath(given))
        for output in written:
            if output == source or source in output.parents:
                where = "" if output == source else f", which is in `{given}`"
                raise UsageError(
                    f"`{output.name}` is an input of this run{where}, and would be replaced by its report",
                    hint="write the report to another file",
                )


def _input_paths(node: Node) -> Iterator[Path]:
    """The files that a suite was read from, and the files and folders that its values name."""
    yield Path(node.at.file)
    if isinstance(node.value, str) and _is_existing_path(node.base / node.value):
        yield node.base / node.value
    for child in (*node.tables.values(), *node.items):
        yield from _input_paths(child)


def _is_existing_path(path: Path) -> bool:
    """Whether a string of a suite is the path of a file or folder; most are names, and some can be no path."""
    return path != path.parent and path.name not in ("", ".", "..") and os.path.exists(path)  # noqa: PTH110
