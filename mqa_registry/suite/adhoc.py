"""A model and a backend named on the command line, looked up as if a suite had named them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqa_registry.errors import SuiteError, UsageError
from mqa_registry.suite import sections
from mqa_registry.suite.findings import Findings
from mqa_registry.suite.model import ModelUse
from mqa_registry.suite.spelling import from_toml, to_toml
from mqa_registry.suite.uses import Lookup

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mqa_registry.plugins import Catalog
    from mqa_registry.suite.model import Data, Use

LINE = "the command line"


def adhoc(tables: Mapping[str, Any], catalog: Catalog) -> tuple[ModelUse, dict[str, Use], dict[str, Data]]:
    """The model, the backends and the data sets in the tables of a suite; paths are relative to the current folder.

    Raises a UsageError with the first thing that is wrong.
    """
    findings = Findings()
    lookup = Lookup(catalog, findings)
    try:
        root = from_toml(LINE, to_toml(tables), Path(), {})
        source, task = sections.model(root.get("model"), lookup)
        backends = sections.backends(root.get("backends"), lookup)
        data = sections.data(root.get("data"), lookup) if "data" in tables else {}
        findings.settle()
    except SuiteError as error:
        problem = error.problems[0]
        raise UsageError(problem.message, hint=problem.hint) from None
    assert source is not None  # else there was a problem
    assert task is not None  # likewise
    uses = {name: use for name, use in backends.items() if use}
    return ModelUse(source, task), uses, {name: one for name, one in data.items() if one}
