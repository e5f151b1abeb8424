"""The model that a command names: what opens it, and what it is for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from mqa_registry.flag import Flag

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    task: Annotated[str | None, Flag(metavar="TASK", help="The task; left out, the model's source tells which.")] = None
    source: Annotated[str | None, Flag(metavar="NAME", help="The model source; left out, the model's name tells.")] = (
        None
    )


@dataclass(frozen=True)
class ResolvedModel:
    """A model with its source and task, as a suite names them.

    `schema` is that of its predictions, where the task is known. `task_reason` says, for a person, which task was taken
    where the command line names none; empty where it names one.
    """

    id: str
    source: str
    task: str
    schema: str = ""
    task_reason: str = ""

    @property
    def table(self) -> dict[str, str]:
        """The table `[model]` of a suite."""
        return {"use": self.source, "id": self.id, "task": self.task}


def resolve_model(
    named: ModelOptions, options: RunOptions, *, sources: Sequence[str], tasks: str, array_task: str = ""
) -> ResolvedModel:
    """What opens a model and what it is for, as given; left out, its name tells the one, and its source the other.

    `sources` are asked in turn whether they recognize the name; the last one opens what no other does. `tasks` is the
    plugin whose tasks are meant where the source's own has none. `array_task` is the task of rows that are the model's
    inputs as arrays, whatever the model is for; empty for other rows. Raises a UsageError where a source is none, or does
    not tell what the model is for.
    """
    from mqa_registry import plugins
    from mqa_registry.watching import begin

    begin("reading the model's configuration")
    named_task = named.task or array_task
    references = [*([named.source] if named.source else sources), named_task, f"{tasks}/"]
    names = {plugin for plugin, slash, _ in (one.partition("/") for one in references) if slash}
    catalog = plugins.load(names, files=options.plugin_files)
    source = named.source or _recognize(named.model, sources, catalog)
    if named_task:
        task = _full_task(named_task, source, catalog, tasks)
    else:
        task = _infer_task(named.model, source, catalog, options)
    why = "which takes arrays as they are" if array_task else "as the model tells"
    reason = "" if named.task else f"{task}, {why}; `--task` names another"
    return ResolvedModel(named.model, source, task, _schema(task, source, catalog), reason)


def _recognize(model: str, sources: Sequence[str], catalog: Catalog) -> str:
    """The first source that recognizes a model's name, else the last one."""
    from mqa_registry.boundary import Contributor, calling
    from mqa_registry.contributions import ModelSource

    for name in sources[:-1]:
        found = catalog.find((ModelSource,), name)
        if isinstance(found, ModelSource):
            with calling(Contributor(found.kind, name, found.recognizes)):
                if found.recognizes(model):
                    return name
    return sources[-1]


def _full_task(task: str, source: str, catalog: Catalog, tasks: str) -> str:
    """A task as the command line names it, in full where its source's plugin has no tasks that it could be one of."""
    from mqa_registry.contributions import Task

    plugin, slash, _ = source.partition("/")
    if "/" in task or not slash:
        return task
    own = any(name.partition("/")[0] == plugin for name, _ in catalog.each((Task,)))
    return task if own or plugin not in catalog.plugins or catalog.plugins[plugin].broken else f"{tasks}/{task}"


def _infer_task(model: str, source: str, catalog: Catalog, options: RunOptions) -> str:
    """The task that a model's source tells it to be for, as a suite would name it; a UsageError where it tells none."""
    from mqa_registry.boundary import checked_task
    from mqa_registry.contributions import ModelSource
    from mqa_registry.errors import UsageError
    from mqa_registry.run_options import STORE
    from mqa_registry.suite import adhoc_source

    use = adhoc_source({"use": source, "id": model}, catalog)
    context = options.run_context_in(options.store or Path(STORE))
    task = checked_task(use.who, use.call_method(use.contribution_as(ModelSource).infer_task, context))
    if not task:
        raise UsageError(f"`{source}` does not tell what a model is for", hint="name its task with `--task`")
    return task


def _schema(task: str, source: str, catalog: Catalog) -> str:
    """The schema of a task's predictions; empty where there is no such task, which the run itself tells."""
    from mqa_registry.contributions import Task

    found = catalog.find((Task,), task if "/" in task else f"{source.partition('/')[0]}/{task}")
    return found.schema if isinstance(found, Task) else ""
