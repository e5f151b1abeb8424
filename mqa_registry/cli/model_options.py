"""The model that a command names: its options, and how its source and task are resolved."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from mqa_registry.run_options import Flag

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mqa_registry.contributions import LiveModel
    from mqa_registry.plugins import Catalog
    from mqa_registry.run_options import RunOptions


@dataclass(frozen=True, kw_only=True)
class ModelOptions:
    """The model that a command names. Each field is an argument or option of the commands that take it."""

    model: Annotated[
        str,
        Flag(
            argument=True,
            metavar="MODEL",
            help="A folder, an id on the hub, a .pt2, TorchScript or .onnx file, or module:function.",
        ),
    ]
    task: Annotated[str | None, Flag(metavar="TASK", help="The task; left out, the model's source infers it.")] = None
    source: Annotated[
        str | None, Flag(metavar="NAME", help="The model source; left out, inferred from the model's name.")
    ] = None


@dataclass(frozen=True)
class ResolvedModel:
    """A model with its source and task, as a suite names them.

    `id` is its name, of a `live` one the name of its class. `schema` is that of its predictions; empty for an unknown task.
    `task_reason` tells a person which task was inferred, and why; empty where the caller names one.
    """

    id: str
    source: str
    task: str
    schema: str = ""
    task_reason: str = ""
    live: LiveModel | None = field(default=None, repr=False)

    @property
    def table(self) -> dict[str, str]:
        """The table `[model]` of a suite."""
        from mqa_registry.suite.live_objects import DIGEST

        option = {"id": self.id} if self.live is None else {DIGEST: self.live.digest}
        return {"use": self.source, **option, "task": self.task}

    @property
    def objects(self) -> dict[str, object]:
        """The model by its digest, where it is in memory."""
        return {} if self.live is None else {self.live.digest: self.live}


def resolve_model(
    model: object,
    options: RunOptions,
    *,
    task: str | None = None,
    source: str | None = None,
    sources: Sequence[str],
    tasks: str,
    array_task: str = "",
) -> ResolvedModel:
    """Resolve the source and the task of a model: of its name, or of an object in memory as a caller in Python has it.

    Without a `source`, it is the first of `sources` that recognizes the model's name, else the last. Without a `task`, the
    source infers it. `tasks` is the plugin whose tasks count where the plugin of the source has none. `array_task` is
    the task of rows that are arrays for the model's inputs; empty for other rows. Raises a UsageError where there is no
    such source, or it cannot infer the task.
    """
    from mqa_registry import plugins
    from mqa_registry.process import begin_step

    begin_step("reading the model's configuration")
    named_task = task or array_task
    if not isinstance(model, str | PathLike):
        catalog = plugins.load_all(files=options.plugin_files)
        resolved = _resolve_object(model, catalog, task, source, tasks=tasks, array_task=array_task)
        return _with_schema(resolved, catalog, options)
    name = fspath(model)
    references = [*([source] if source else sources), named_task, f"{tasks}/"]
    names = {plugin for plugin, slash, _ in (one.partition("/") for one in references) if slash}
    catalog = plugins.load(names, files=options.plugin_files)
    source = source or _infer_source(name, sources, catalog)
    if named_task:
        full_task = _qualify_task(named_task, source, catalog, tasks)
    else:
        full_task = _infer_task(name, source, catalog, options)
    why = "which takes arrays as they are" if array_task else "as the model's source infers"
    reason = "" if task else f"{full_task}, {why}; `--task` names another"
    return _with_schema(ResolvedModel(name, source, full_task, task_reason=reason), catalog, options)


def _resolve_object(
    model: object, catalog: Catalog, task: str | None, source: str | None, *, tasks: str, array_task: str
) -> ResolvedModel:
    """A model in memory with the source that takes it and its task."""
    from mqa_registry.contributions import LiveModel
    from mqa_registry.errors import UsageError
    from mqa_registry.suite import infer_task, name_type, take_model

    live = model if isinstance(model, LiveModel) else LiveModel(model)
    if source:
        problem = f"the model is of type `{name_type(live.model)}`, in memory, and `{source}` loads one by its name"
        raise UsageError(problem, hint="leave `source` out")
    taking, live = take_model(live, catalog)
    named_task = task or array_task
    full_task = _qualify_task(named_task, taking, catalog, tasks) if named_task else infer_task(live, catalog)
    return ResolvedModel(type(live.model).__name__, taking, full_task, live=live)


def _infer_source(model: str, sources: Sequence[str], catalog: Catalog) -> str:
    """The first source that recognizes a model's name, else the last one."""
    from mqa_registry.boundary import ContributionCall, Contributor
    from mqa_registry.contributions import ModelSource

    for name in sources[:-1]:
        contribution = catalog.find((ModelSource,), name)
        if isinstance(contribution, ModelSource):
            with ContributionCall(Contributor(contribution.kind, name, contribution.recognizes)):
                if contribution.recognizes(model):
                    return name
    return sources[-1]


def _qualify_task(task: str, source: str, catalog: Catalog, tasks: str) -> str:
    """A task with its plugin, where the plugin of the source has no tasks; otherwise as the command line names it."""
    from mqa_registry.contributions import Task

    plugin, slash, _ = source.partition("/")
    if "/" in task or not slash:
        return task
    has_tasks = any(name.partition("/")[0] == plugin for name, _ in catalog.each((Task,)))
    return task if has_tasks or plugin not in catalog.plugins or catalog.plugins[plugin].broken else f"{tasks}/{task}"


def _infer_task(model: str, source: str, catalog: Catalog, options: RunOptions) -> str:
    """The task that a model's source infers, as a suite names it; a UsageError where it infers none."""
    from mqa_registry.boundary import check_inferred_task
    from mqa_registry.contributions import ModelSource
    from mqa_registry.errors import UsageError
    from mqa_registry.run_options import STORE
    from mqa_registry.suite import validate_source

    use = validate_source({"use": source, "id": model}, catalog)
    context = options.run_context_in(options.store_folder or Path(STORE))
    task = check_inferred_task(use.contributor, use.call_method(use.contribution_as(ModelSource).infer_task, context))
    if not task:
        raise UsageError(f"`{source}` does not infer the task of a model", hint="name its task with `--task`")
    return task


def _with_schema(resolved: ResolvedModel, catalog: Catalog, options: RunOptions) -> ResolvedModel:
    """The model with the schema of its predictions, for which a task of several looks at the model's configuration.

    Without one where there is no such task, which is an error of the run.
    """
    from mqa_registry.contributions import Task
    from mqa_registry.execution import build_model
    from mqa_registry.run_options import STORE
    from mqa_registry.suite import validate_tables

    own = f"{resolved.source.partition('/')[0]}/{resolved.task}"
    task = catalog.find((Task,), resolved.task if "/" in resolved.task else own)
    if not isinstance(task, Task):
        return resolved
    if not task.other_schemas:
        return replace(resolved, schema=task.schema)
    model, _, _ = validate_tables({"model": resolved.table}, catalog)
    context = options.run_context_in(options.store_folder or Path(STORE))
    built = build_model(model, replace(context, objects=resolved.objects))
    return replace(resolved, schema=built.task.schema)
