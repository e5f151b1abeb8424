"""Suites that no file holds: a command makes them up, for the one engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mqa_registry.suite.read import RawSuite
from mqa_registry.suite.spelling import from_toml, to_toml

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def made_up(name: str, tables: Mapping[str, Any], folder: Path) -> RawSuite:
    """The suite of these tables, as if a file of that name in a folder held them; paths are relative to the folder."""
    path = folder / name
    return RawSuite(path, from_toml(str(path), to_toml(tables), folder, {}))
