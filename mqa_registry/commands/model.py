"""The model that a command names: what knows it, and what it is for."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, cast

from mqa_registry import plugins, runs
from mqa_registry.boundary import checked_task
from mqa_registry.contributions import Task
from mqa_registry.errors import UsageError
from mqa_registry.suite import adhoc_source

if TYPE_CHECKING:
    from mqa_registry.contributions import ModelSource
    from mqa_registry.runs import Asked

TASKS = "transformers"  # the plugin whose tasks are meant where the source's own has none
ARRAYS = f"{TASKS}/forward"  # the task that takes a model's inputs as they are, whatever it is for
FILES = {".pt", ".pt2", ".pth", ".ts", ".torchscript", ".jit", ".ckpt", ".pkl", ".pickle", ".bin", ".safetensors"}
ONNX = ".onnx"
FACTORY = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


def told(task: str, *, arrays: bool) -> str:
    """Which task was taken where none was named, and why."""
    why = "which takes arrays as they are" if arrays else "as the model tells"
    return f"{task}, {why}; `--task` names another"


def source_of(model: str) -> str:
    """What knows a model of that name: a file, a function, else a folder or an id of the hub.

    A file goes to the source of files, whatever it is: that knows what it is, and what to write instead.
    """
    if Path(model).suffix == ONNX:
        return "onnx/file"
    if Path(model).suffix in FILES or Path(model).is_file():
        return "torch/file"
    return "torch/factory" if FACTORY.fullmatch(model) else "transformers/auto"


def source_and_task(model: str, source: str | None, task: str | None, asked: Asked, *, arrays: bool) -> tuple[str, str]:
    """What knows a model and what it is for, as given; left out, its name tells the one, and the source the other."""
    known = source or source_of(model)
    if task:
        return known, task_named(task, known, asked)
    return known, task_of(model, known, asked, arrays=arrays)


def task_named(task: str, source: str, asked: Asked) -> str:
    """A task as the command line names it, in full where its source's plugin has no tasks that it could be one of."""
    plugin, slash, _ = source.partition("/")
    if "/" in task or not slash:
        return task
    catalog = plugins.load({plugin}, files=asked.plugin_files)
    own = any(name.partition("/")[0] == plugin for name, _ in catalog.each((Task,)))
    return task if own or plugin not in catalog.plugins or catalog.plugins[plugin].broken else f"{TASKS}/{task}"


def task_of(model: str, source: str, asked: Asked, *, arrays: bool) -> str:
    """The task that a model's source tells it to be for, as a suite would name it; a UsageError where it tells none.

    With `arrays`, rows are the model's inputs themselves, whatever it is for.
    """
    if arrays:
        return ARRAYS
    catalog = plugins.load({source.partition("/")[0]} if "/" in source else set(), files=asked.plugin_files)
    use = adhoc_source({"use": source, "id": model}, catalog)
    tells = cast("ModelSource", use.contribution).tells
    if tells is None:
        raise UsageError(f"`{source}` does not tell what a model is for", hint="name its task with `--task`")
    conditions = asked.conditions_in(asked.store or Path(runs.STORE))
    return checked_task(use.who, use.call_part(tells, conditions))
