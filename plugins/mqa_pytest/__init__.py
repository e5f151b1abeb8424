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
KEYS = frozenset(["format", "check"])  # that every suite has, but one that extends another


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the setting with the patterns of suites."""
    text = "Suites of mqa to run with the tests of their folders: patterns of paths from the root folder."
    parser.addini(PATTERNS, text, type="args", default=[])


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect a file that is a suite and is asked for; `pyproject.toml` and other TOML files are none."""
    if file_path.suffix != ".toml" or file_path.name == "pyproject.toml":
        return None
    is_named = parent.session.isinitpath(file_path)
    if not (is_named or _matches_patterns(file_path, parent)) or not _is_suite(file_path, is_named=is_named):
        return None
    from mqa_pytest.items import SuiteFile

    return SuiteFile.from_parent(parent, path=file_path)


def _matches_patterns(file: Path, parent: pytest.Collector) -> bool:
    """Whether a pattern of the project has the file."""
    root = parent.config.rootpath
    relative = file.relative_to(root) if file.is_relative_to(root) else file
    return any(relative.match(pattern) for pattern in parent.config.getini(PATTERNS))


def _is_suite(file: Path, *, is_named: bool) -> bool:
    """Whether a TOML file has what a suite has: a format and checks, or a suite that it extends.

    Of a file that the command line names, some of it will do, and one that is no TOML is taken for a suite, as is any
    other that has the header of a check: its collection says what is wrong.
    """
    try:
        content = file.read_bytes()
    except OSError:
        return False
    try:
        keys = tomllib.loads(content.decode()).keys()
    except (ValueError, RecursionError):
        return is_named or b"\n[[check]]" in content
    return "extends" in keys or (not KEYS.isdisjoint(keys) if is_named else keys >= KEYS)
