"""Suites of mqa's own, one for each task: `mqa run mqa/text-classification --model MODEL --data FILE`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mqa_registry import SuiteFile, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

FOLDER = Path(__file__).parent


@hookimpl
def mqa_suites() -> Iterable[SuiteFile]:
    """A suite for each file of this folder, by its name."""
    return [SuiteFile(path.stem, path) for path in sorted(FOLDER.glob("*.toml"))]
