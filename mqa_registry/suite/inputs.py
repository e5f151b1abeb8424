"""What a command line puts to the test: `--model` and `--data`, in place of the model and the data of a suite."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mqa_registry import plugins
from mqa_registry.boundary import ContributionCall, Contributor
from mqa_registry.contributions import Dataset, ModelSource
from mqa_registry.errors import Location, Problem, SuiteError
from mqa_registry.options import contribution_options
from mqa_registry.suite import grammar
from mqa_registry.suite.toml import Node

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mqa_registry.options import Options
    from mqa_registry.plugins import Catalog

MODEL, DATA = "model", "data"  # tables of a suite, and flags
OPTIONS = {MODEL: "id", DATA: "path"}  # of sources, which name a model or a file
FIRST_DATA = "rows"  # the name of a data set, where the suite has none
HINTS = {
    MODEL: "name the model with `--model`: a folder, a file, or an id on the hub",
    DATA: "name the rows with `--data`: a file, or a folder of files",
}


def with_inputs(suite: Node, model: str | None, data: Path | None, plugin_files: Sequence[Path]) -> Node:
    """The suite with another model, and with other rows for its first data set; each as it is where None.

    A source stays where it recognizes what is named, or where no other does. Else it is the first that does, without the
    options of the one in the suite. What the host reads of the tables stays: task, labels, columns, samples.
    """
    if model is not None:
        suite = _with_table(suite, MODEL, _with_source(suite.get(MODEL), MODEL, model, model, plugin_files))
    if data is not None:
        name, table = _first_data(suite)
        recognized = f"{data.name}/" if data.is_dir() else data.name
        changed = _with_source(table, DATA, str(data), recognized, plugin_files)
        suite = _with_table(suite, DATA, _with_table(suite.get(DATA), name, changed))
    return suite


def find_lacking_inputs(suite: Node, catalog: Catalog) -> Iterator[Problem]:
    """A problem for the model and for each data set of a suite that its source needs a name for, and has none."""
    data = suite.get(DATA)
    tables = [(MODEL, suite.get(MODEL)), *((DATA, table) for table in (data.tables.values() if data else ()))]
    for kind, table in tables:
        use = table.get("use") if table else None
        contribution = catalog.find((ModelSource, Dataset), use.value) if use and isinstance(use.value, str) else None
        if table is None or contribution is None or isinstance(contribution, Problem):
            continue
        option = contribution_options(contribution).get(OPTIONS[kind])
        if option and option.required and OPTIONS[kind] not in table.tables:
            what = "no model" if kind == MODEL else "no rows to test it on"
            yield Problem(f"the suite names {what}", HINTS[kind], table.key)


def _first_data(suite: Node) -> tuple[str, Node | None]:
    """The name and the table of the first data set."""
    data = suite.get(DATA)
    return next(iter(data.tables.items()), (FIRST_DATA, None)) if data else (FIRST_DATA, None)


def _with_source(table: Node | None, kind: str, name: str, recognized: str, files: Sequence[Path]) -> Node:
    """A table with the source that takes what is named, and its name."""
    flag = Location(f"--{kind}", 1, 1, max(len(name), 1), name)
    use = table.get("use") if table else None
    source = _find_source(use.value if use else "", kind, recognized, files)
    if not source:
        raise SuiteError(
            [Problem(f"no source of a plugin takes `{name}`", "set `use` of its table with `--set`", flag)]
        )
    own = table.tables if table else {}
    keys: Options = grammar.MODEL if kind == MODEL else grammar.DATA
    kept = own if use and use.value == source else {key: node for key, node in own.items() if key in keys.names}
    made = {"use": Node(source, flag, flag, Path()), OPTIONS[kind]: Node(name, flag, flag, Path())}
    return Node({**kept, **made}, flag, flag, Path())


def _find_source(own: str, kind: str, recognized: str, files: Sequence[Path]) -> str:
    """The suite's own source, unless another recognizes what is named and that does not; empty where there is none.

    One that takes no name stays, too: that it has no such option is told of the suite.
    """
    catalog = plugins.load([own.partition("/")[0]], files=files)
    source = catalog.find((ModelSource, Dataset), own)
    is_nameless = not isinstance(source, Problem) and OPTIONS[kind] not in contribution_options(source).names
    if is_nameless or (own and _recognizes(catalog, own, kind, recognized)):
        return own
    every = plugins.load_all(files=files)
    names = [name for name, _ in every.each((ModelSource,) if kind == MODEL else (Dataset,))]
    return next((name for name in names if _recognizes(every, name, kind, recognized)), own)


def _recognizes(catalog: Catalog, name: str, kind: str, recognized: str) -> bool:
    source = catalog.find((ModelSource,) if kind == MODEL else (Dataset,), name)
    function = source.recognizes if isinstance(source, ModelSource | Dataset) else None
    if function is None or isinstance(source, Problem):
        return False
    with ContributionCall(Contributor(source.kind, name, function)):
        return bool(function(recognized))


def _with_table(suite: Node | None, key: str, table: Node) -> Node:
    """A table of a suite, or a new one, with another value for a key."""
    if suite is None:
        return Node({key: table}, table.key, table.at, table.base)
    return Node({**suite.tables, key: table}, suite.key, suite.at, suite.base)
