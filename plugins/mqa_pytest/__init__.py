"""The pytest plugin: `pytest suites/nlp.toml` runs a suite, with an item for every check on every backend.

A suite is collected where it is named on the command line, or by the setting `mqa_suites`, which has patterns of paths:
a run of all tests of a project runs no model unless the project says so. Until then nothing of mqa is imported.
"""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

PATTERNS = "mqa_suites"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the setting with the patterns of suites."""
    text = "Suites of mqa to run with the tests of their folders: patterns of paths from the root folder."
    parser.addini(PATTERNS, text, type="args", default=[])


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect a file that is a suite and is asked for; `pyproject.toml` and other TOML files are none."""
    if file_path.suffix != ".toml" or file_path.name == "pyproject.toml" or not _is_asked_for(file_path, parent):
        return None
    if not _is_suite(file_path):
        return None
    from mqa_pytest.items import SuiteFile

    return SuiteFile.from_parent(parent, path=file_path)


def _is_asked_for(file: Path, parent: pytest.Collector) -> bool:
    """Whether the command line names the file itself, or a pattern of the project does."""
    root = parent.config.rootpath
    relative = file.relative_to(root) if file.is_relative_to(root) else file
    return parent.session.isinitpath(file) or any(relative.match(pattern) for pattern in parent.config.getini(PATTERNS))


def _is_suite(file: Path) -> bool:
    """Whether a TOML file has what a suite has: a format and checks, or a suite that it extends.

    A file that is no TOML is one where it has the header of a check: its collection says what is wrong.
    """
    try:
        content = file.read_bytes()
    except OSError:
        return False
    try:
        tables = tomllib.loads(content.decode())
    except (ValueError, RecursionError):
        return b"\n[[check]]" in content
    return isinstance(tables.get("extends"), str) or {"format", "check"} <= tables.keys()
