"""Live objects: models and tables in memory that a caller in Python passes in place of what a suite names.

A plugin says which objects it takes. The section of the suite then names its contribution and the digest of the object,
so that plan, store and record know the object by its content; a run finds the object itself by that digest. Of a model
that is the same as one in files, the section names these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from os import PathLike
from typing import TYPE_CHECKING, Any

from mqa_registry.boundary import (
    ContributionCall,
    Contributor,
    check_description,
    check_live_model,
    check_table,
    suggest_backend,
)
from mqa_registry.contributions import Backend, Dataset, LiveModel, Model, ModelSource, SupportsExport, Task
from mqa_registry.errors import UsageError
from mqa_registry.naming import did_you_mean
from mqa_registry.plugins.catalog import DATASET, MODEL_SOURCE
from mqa_registry.suite.check_names import join_names
from mqa_registry.suite.toml import make_tree
from mqa_registry.types.digests import digest_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from mqa_registry.plugins import Catalog, Role
    from mqa_registry.suite.model import Suite
    from mqa_registry.suite.read import RawSuite
    from mqa_registry.suite.toml import Node

DIGEST = "digest"  # the option by which a contribution finds its object
DATA_HINT = 'name the data set of each table: `data={"NAME": TABLE}`'


def with_objects(
    raw: RawSuite, catalog: Catalog, *, model: Any = None, data: Mapping[str, Any] | None = None
) -> RawSuite:
    """The suite with a model, and tables by the names of data sets, in place of those that it names.

    What it says of columns, labels, samples and the task holds for them, too. A suite without `[data]` gets a data set for
    each table; with a model, one without a task gets the one that fits, and one without backends the first that runs it.
    `catalog` has every plugin that may take an object. Raises a UsageError where none does.
    """
    if data is not None:
        raw = _with_tables(raw, catalog, data)
    if isinstance(model, str | PathLike):
        raise UsageError(
            f"`{model}` is the name of a model, and no object in memory",
            hint='name it in the suite: `"model": {"use": SOURCE, "id": NAME, "task": TASK}`',
        )
    if model is not None:
        raw = _with_model(raw, catalog, model if isinstance(model, LiveModel) else LiveModel(model))
    return raw


def with_objects_of(raw: RawSuite, other: RawSuite, catalog: Catalog) -> RawSuite:
    """The suite with the objects of another, to judge by it what was observed of these; `catalog` has the other's plugins.

    A suite of checks alone, without data and backends, gets all that the other says of model, data and backends.
    """
    if not {"data", "backends"} & raw.root.tables.keys():
        sections = {key: node for key, node in other.root.tables.items() if key in ("model", "data", "backends")}
        return replace(raw, root=replace(raw.root, value={**raw.root.tables, **sections}))
    for (kind, *names), section in _list_sections(other):
        outer = raw.root.get(kind)
        own = outer.get(names[0]) if outer and names else outer
        if own is None or not _names_object(section, catalog):
            continue
        role = DATASET if names else MODEL_SOURCE
        made = _replace_section(own, {key: section.value[key].value for key in ("use", DIGEST)}, role, raw)
        if not names and (task := _qualify_task(own, catalog)):
            made = replace(made, value={**made.value, "task": task})
        raw = _with_section(raw, (kind, *names), made, {})
    return raw


def list_objects(suite: Suite) -> tuple[str, ...]:
    """The sections of a suite whose objects a caller passes, as `model` and `data.reviews`."""
    uses = {f"data.{name}": data.source for name, data in suite.data.items()}
    uses |= {"model": suite.model.source} if suite.model else {}
    return tuple(
        name
        for name, use in uses.items()
        if isinstance(use.contribution, ModelSource | Dataset) and use.contribution.is_in_memory
    )


# Tables.


def _with_tables(raw: RawSuite, catalog: Catalog, tables: Mapping[str, Any]) -> RawSuite:
    if not isinstance(tables, Mapping) or not all(isinstance(name, str) for name in tables):
        raise UsageError(f"`data` is of type `{name_type(tables)}`, and no tables by their names", hint=DATA_HINT)
    section = raw.root.get("data")
    for name, value in tables.items():
        if section is not None and name not in section.tables:
            has = f"the suite has {join_names(section.tables)}"
            hint = f"{did_you_mean(name, section.tables)} {has}".strip()
            raise UsageError(f"the suite has no data set `{name}`", hint=hint)
        use, table = take_table(name, value, catalog)
        digest = digest_table(table)
        made = _replace_section(section and section.tables[name], {"use": use, DIGEST: digest}, DATASET, raw)
        raw = _with_section(raw, ("data", name), made, {digest: table})
    return raw


def take_table(name: str, value: Any, catalog: Catalog) -> tuple[str, pa.Table]:
    """The data set, as a suite names it, that takes an object, and the table that it makes of it."""
    for use, one in catalog.each((Dataset,)):
        assert isinstance(one, Dataset)
        if one.from_object is not None:
            contributor = Contributor(one.kind, use, one.from_object)
            with ContributionCall(contributor):
                table = one.from_object(value)
            if table is not None:
                return use, check_table(contributor, table)
    raise UsageError(
        f"the data set `{name}` is of type `{name_type(value)}`, and no table",
        hint="pass a list of dicts, an Arrow table, or a data frame that gives one",
    )


# The model.


def _with_model(raw: RawSuite, catalog: Catalog, live: LiveModel) -> RawSuite:
    section = raw.root.get("model")
    use, live = take_model(live, catalog)
    located = _locate_model(live, catalog)
    table, objects = ({"use": use, DIGEST: live.digest}, {live.digest: live}) if located is None else (located, {})
    made = _replace_section(section, table, MODEL_SOURCE, raw)
    task = _qualify_task(section, catalog) or _make_node(infer_task(live, catalog), raw)
    raw = _with_section(raw, ("model",), replace(made, value={**made.value, "task": task}), objects)
    if "backends" not in raw.root.tables:
        named = task if isinstance(task.value, str) else task.get("use")
        plugin = str(named.value).partition("/")[0] if named else ""
        backends = _make_node(_choose_backend(live, plugin, catalog), raw)
        raw = _with_section(raw, ("backends",), backends, {})
    return raw


def take_model(live: LiveModel, catalog: Catalog) -> tuple[str, LiveModel]:
    """The source, as a suite names it, that takes a model, and the model as it takes it; a UsageError where none does."""
    sources = [(use, one) for use, one in catalog.each((ModelSource,)) if isinstance(one, ModelSource)]
    for use, one in sources:
        contributor = Contributor(one.kind, use, one.take)
        with ContributionCall(contributor):
            taken = one.take(live)
        if taken is not None:
            return use, check_live_model(contributor, taken)
    takes = "; ".join(f"{one.takes} (`{use}`)" for use, one in sources if one.is_in_memory and one.takes)
    raise UsageError(f"no plugin takes an object of type `{name_type(live.model)}` for a model", hint=takes)


def _locate_model(live: LiveModel, catalog: Catalog) -> dict[str, Any] | None:
    """The section of a model that is the same as that in files; None where it is not, or nothing tells."""
    for use, one in catalog.each((ModelSource,)):
        assert isinstance(one, ModelSource)
        contributor = Contributor(one.kind, use, one.locate)
        with ContributionCall(contributor):
            options = one.locate(live)
        if options is not None:
            return {"use": use, **options}
    return None


def _qualify_task(section: Node | None, catalog: Catalog) -> Node | None:
    """The task of a section `[model]` with its plugin, which was that of the source; None where there is none."""
    task = section and section.get("task")
    if not section or not task:
        return None
    named = task if isinstance(task.value, str) else task.get("use")
    if named is None or not isinstance(named.value, str) or "/" in named.value:
        return task
    source = section.get("use")
    tasks = [name for name, _ in catalog.each((Task,)) if name.partition("/")[2] == named.value]
    plugin = str(source.value) if source else next(iter(tasks), "")
    if not plugin:
        return task
    named = replace(named, value=f"{plugin.partition('/')[0]}/{named.value}")
    return named if isinstance(task.value, str) else replace(task, value={**task.value, "use": named})


def infer_task(live: LiveModel, catalog: Catalog) -> str:
    """The task that fits a model: one that needs a kind of model comes before one that takes any.

    A UsageError where that is not one task.
    """
    fitting = []
    for name, one in catalog.each((Task,)):
        assert isinstance(one, Task)
        contributor = Contributor(one.kind, name, one.describe)
        with ContributionCall(contributor):
            description = one.describe(live)
        if check_description(contributor, description) is not None:
            fitting.append((name, one))
    names = [name for name, one in fitting if one.needs] or [name for name, _ in fitting]
    if len(names) == 1:
        return names[0]
    what = f"the tasks {join_names(names)} fit" if names else "no task fits"
    raise UsageError(
        f"{what} the model, of type `{name_type(live.model)}`",
        hint='name its task in the suite: `"model": {"task": "plugin/name"}`',
    )


def _choose_backend(live: LiveModel, plugin: str, catalog: Catalog) -> dict[str, Any]:
    """The table `[backends]` with the first backend that runs the model itself, one of this plugin if there is."""
    model = Model(digest=live.digest, module=lambda: live.model, processor=lambda: live.processor)
    backends = sorted(catalog.each((Backend,)), key=lambda named: named[0].partition("/")[0] != plugin)
    for name, one in backends:
        if isinstance(one, Backend) and not isinstance(one, SupportsExport):
            found = suggest_backend(name, one, model, None)
            if found is not None:
                return {found.name: {"use": name, **found.options}}
    raise UsageError("no backend runs this model", hint="name one in the suite, in the table `backends`")


# Sections.


def _list_sections(raw: RawSuite) -> Iterator[tuple[tuple[str, ...], Node]]:
    """The sections of a model and of data sets, by their paths of keys."""
    model, data = raw.root.get("model"), raw.root.get("data")
    yield from [(("model",), model)] if model else []
    yield from ((("data", name), node) for name, node in (data.tables if data else {}).items())


def _names_object(section: Node, catalog: Catalog) -> bool:
    use = section.get("use")
    found = catalog.find((ModelSource, Dataset), str(use.value)) if use else None
    return isinstance(found, ModelSource | Dataset) and found.is_in_memory and DIGEST in section.tables


def _replace_section(section: Node | None, table: Mapping[str, Any], role: Role, raw: RawSuite) -> Node:
    """A section with another contribution, and those of its keys that the host reads."""
    kept = {key: node for key, node in (section.tables if section else {}).items() if key in role.keys}
    made = _make_node(table, raw)
    return replace(section or made, value={**kept, **made.value})


def _with_section(raw: RawSuite, path: tuple[str, ...], section: Node, objects: Mapping[str, Any]) -> RawSuite:
    """The suite with a section at a path of keys, and the objects that it names."""
    *outer, name = path
    tables = {**raw.root.value}
    if outer:
        parent = raw.root.get(outer[0]) or _make_node({}, raw)
        tables[outer[0]] = replace(parent, value={**parent.tables, name: section})
    else:
        tables[name] = section
    return replace(raw, root=replace(raw.root, value=tables), objects={**raw.objects, **objects})


def _make_node(value: Any, raw: RawSuite) -> Node:
    return make_tree(str(raw.path), value, raw.root.base)


def name_type(value: Any) -> str:
    """The type of a value with its module, for messages: `list`, `torch.nn.modules.linear.Linear`."""
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
