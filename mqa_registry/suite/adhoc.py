"""A model and a backend named on the command line, looked up as if a suite had named them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqa_registry.errors import SuiteError, UsageError
from mqa_registry.suite import sections
from mqa_registry.suite.columns import note_unread_columns
from mqa_registry.suite.findings import Findings
from mqa_registry.suite.spelling import from_toml, to_toml
from mqa_registry.suite.uses import Lookup

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mqa_registry.plugins import Catalog
    from mqa_registry.suite.model import Data, ModelUse, Use
    from mqa_registry.suite.tree import Node

LINE = "the command line"


def adhoc_source(table: Mapping[str, Any], catalog: Catalog) -> Use:
    """The model source in the table `[model]` of a suite, whatever its task; raises as `adhoc` does."""
    found: Use | None = _settled(
        {"model": table}, catalog, lambda root, lookup: sections.source(root.get("model"), lookup)
    )
    assert found is not None  # else there was a problem
    return found


def adhoc(tables: Mapping[str, Any], catalog: Catalog) -> tuple[ModelUse, dict[str, Use], dict[str, Data]]:
    """The model, the backends and the data sets in the tables of a suite; paths are relative to the current folder.

    Raises a UsageError with the first thing that is wrong.
    """
    model, backends, data = _settled(tables, catalog, _sections)
    assert model.whole is not None  # else there was a problem
    uses = {name: use for name, use in backends.items() if use}
    return model.whole, uses, {name: one for name, one in data.items() if one}


def _sections(root: Node, lookup: Lookup) -> Any:
    model = sections.model(root.get("model"), lookup)
    data = sections.data(root.get("data"), lookup) if root.get("data") else {}
    note_unread_columns(root.get("data"), data, model.task, (), lookup.findings)
    return model, sections.backends(root.get("backends"), lookup), data


def _settled(tables: Mapping[str, Any], catalog: Catalog, read: Callable[[Node, Lookup], Any]) -> Any:
    """What is read of tables, where nothing is wrong with it."""
    findings = Findings()
    try:
        lookup = Lookup(catalog, findings)
        found = read(from_toml(LINE, to_toml(tables), Path(), {}), lookup)
        lookup.note_missing()
        findings.settle()
    except SuiteError as error:
        problem = error.problems[0]
        raise UsageError(problem.message, hint=problem.hint) from None
    return found
