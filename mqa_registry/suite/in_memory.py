"""Suites in memory: tables that a command makes, read as if a suite file had them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqa_registry.errors import Location, Problem, SuiteError
from mqa_registry.suite import sections
from mqa_registry.suite.columns import note_unread_columns
from mqa_registry.suite.findings import Findings
from mqa_registry.suite.read import RawSuite
from mqa_registry.suite.tree import INTEGERS, Node
from mqa_registry.suite.uses import Lookup

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mqa_registry.plugins import Catalog
    from mqa_registry.suite.model import Data, ModelUse, Use

COMMAND_LINE = "the command line"  # where the tables of a command stand


def suite_of(tables: Mapping[str, Any], path: Path) -> RawSuite:
    """The suite of these tables, as if the file of this path had them; paths in it are relative to the file's folder.

    Raises a SuiteError where a table holds what no suite file can.
    """
    return RawSuite(path, _node(tables, str(path), path.parent))


def find_model_source(table: Mapping[str, Any], catalog: Catalog) -> Use:
    """The model source in the table `[model]` of a suite, whatever its task; SuiteError with all that is wrong with it."""
    findings = Findings()
    lookup = Lookup(catalog, findings)
    found = sections.source(_node(table, COMMAND_LINE, Path()), lookup)
    lookup.note_missing()
    findings.settle()
    assert found is not None  # else there was a problem
    return found


def read_sections(tables: Mapping[str, Any], catalog: Catalog) -> tuple[ModelUse, dict[str, Use], dict[str, Data]]:
    """The model, the backends and the data sets of a suite that has no checks.

    Paths are relative to the current folder. Raises a SuiteError with all that is wrong.
    """
    findings = Findings()
    lookup = Lookup(catalog, findings)
    root = _node(tables, COMMAND_LINE, Path())
    model = sections.model(root.get("model"), lookup)
    data = sections.data(root.get("data"), lookup)
    note_unread_columns(root.get("data"), data, model.task, (), findings)
    backends = sections.backends(root.get("backends"), lookup)
    lookup.note_missing()
    findings.settle()
    assert model.whole is not None  # else there was a problem
    return (
        model.whole,
        {name: use for name, use in backends.items() if use},
        {name: one for name, one in data.items() if one},
    )


def _node(value: Any, file: str, base: Path) -> Node:
    """The tree of a value, every part of which stands at the top of a file."""
    top = Location(file, 1, 1, 1, "")
    if isinstance(value, dict):
        value = {key: _node(inner, file, base) for key, inner in value.items()}
    elif isinstance(value, list):
        value = [_node(inner, file, base) for inner in value]
    elif type(value) is int and value not in INTEGERS:
        raise SuiteError([Problem("a whole number in TOML has at most 64 bits", "", top)])
    return Node(value, top, top, base)
