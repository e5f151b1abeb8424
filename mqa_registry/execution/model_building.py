"""Building the model under test: from the suite, and again in another process from its spec."""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_registry import plugins
from mqa_registry.boundary import check_classes, check_codec, check_model, check_task, open_runner
from mqa_registry.contributions import Backend, ModelSource, ModelUnderTest, RunContext, Task
from mqa_registry.errors import BlobError, DataError, PluginError, Problem
from mqa_registry.suite import ModelUse, Use, identity
from mqa_registry.types import fingerprint
from mqa_registry.types.labels import UnreadableLabel, read_labels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from mqa_registry.contributions import Model, Runner
    from mqa_registry.contributions.task import Batch
    from mqa_registry.plugins import Catalog, Kinds
    from mqa_registry.types import Example, Rows

OF_PROCESS = {"objects", "scratch"}  # what of a context is of the process alone
PATH = "path on this machine"  # the only key of the JSON object that stands for a path


def build_model(
    model: ModelUse,
    context: RunContext,
    rows: Rows | Callable[[], Rows] | None = None,
    *,
    sample: Batch | None = None,
    given: Mapping[int, Sequence[Example]] | None = None,
) -> ModelUnderTest:
    """The model with its task; its weights are not loaded yet.

    `rows` are unperturbed rows that it may take examples of, or a function that reads them once it does.
    `sample` and `given`, the examples by how many were requested, come from the same model under test in another process,
    where there are no `rows` in this one.
    """
    examples = given or {}
    task = model.task.contribution_as(Task)
    spec = {
        "source": {"use": model.source.name, "options": _serialize(dict(model.source.options))},
        "task": {"use": model.task.name, "options": _serialize(dict(model.task.options))},
        "run_context": _serialize({name: value for name, value in vars(context).items() if name not in OF_PROCESS}),
        "labels": dict(model.labels),
    }
    source = model.source.contribution_as(ModelSource)
    loaded = check_model(model.source.contributor, model.source.call_method(source.load, task, context))
    named = _rename_classes(_choose_classes(model.task, loaded), model.labels)
    resolved = check_task(model.task.contributor, model.task.call_method(task.for_model, named), task)
    return ModelUnderTest(
        named,
        resolved,
        context,
        model.task.options,
        bind=lambda bound: check_codec(
            model.task.contributor,
            model.task.call_method(resolved.bind, bound),
            resolved.schema,
            bound.labels,
            resolved.run_mode,
        ),
        spec=None if source.is_in_memory else spec,
        examples=lambda count: (
            examples.get(count, ()) if rows is None else take_evenly(rows() if callable(rows) else rows, count)
        ),
        sample=sample,
        digest=_digest(model, named),
    )


def rebuild_model(
    spec: Mapping[str, Any],
    *,
    sample: Batch | None = None,
    given: Mapping[int, Sequence[Example]] | None = None,
) -> ModelUnderTest:
    """The model under test of another process, built from its `spec`; a PluginError where its plugins are not installed.

    With its `sample`, none is made here, which may need a library that the model itself does not. `given` are the
    examples of its rows, by how many were requested.
    """
    context = _run_context(spec)
    catalog = _load_plugins(context, spec["source"], spec["task"])
    source, task = (_use(catalog, kinds, spec[part]) for kinds, part in (((ModelSource,), "source"), ((Task,), "task")))
    model = ModelUse(source, task, spec.get("labels", {}))
    return build_model(model, context, sample=sample, given=given).with_length(spec.get("fixed_length"))


def runner_spec(backend: Use, model_under_test: ModelUnderTest) -> dict[str, Any] | None:
    """All that another process needs to open a backend on a model under test; None where the model has no spec."""
    if model_under_test.spec is None:
        return None
    return {
        "backend": {"use": backend.name, "options": _serialize(dict(backend.options))},
        "model_under_test": model_under_test.spec,
    }


@contextmanager
def reopen_runner(
    spec: Mapping[str, Any],
    *,
    sample: Batch | None = None,
    given: Mapping[int, Sequence[Example]] | None = None,
) -> Iterator[Runner]:
    """The runner of a backend of another process, opened here from its `spec`; the rest is as for `rebuild_model`."""
    model_under_test = rebuild_model(spec["model_under_test"], sample=sample, given=given)
    catalog = _load_plugins(model_under_test.run_context, spec["backend"])
    use = _use(catalog, (Backend,), spec["backend"])
    with open_runner(use.contributor, use.call_method(use.contribution_as(Backend).open, model_under_test)) as runner:
        yield runner


def _choose_classes(task: Use, model: Model) -> Model:
    """The model with the classes that its task chooses from."""
    given = task.call_method(task.contribution_as(Task).classes, model)
    classes = check_classes(task.contributor, given)
    if classes == model.labels:
        return model
    copied = copy(model)  # a source may return the same model again
    copied.labels = classes
    return copied


def _rename_classes(model: Model, labels: Mapping[str, str]) -> Model:
    """The model with other names for its classes, by their names; a DataError where one is unknown, or two become equal."""
    if not labels:
        return model
    names: dict[str, str] = {}
    for label, name in labels.items():
        read = read_labels([label], model.labels)
        if isinstance(read, UnreadableLabel):
            raise DataError(f"`labels` of `[model]` names the class `{label}`, {read.reason}")
        names[read[0]] = name
    renamed = [names.get(name, name) for name in model.labels]
    if len(names) < len(labels) or len(set(renamed)) < len(renamed) or "" in renamed:
        raise DataError(
            f"`labels` of `[model]` makes {', '.join(f'`{name}`' for name in renamed)} of its classes",
            hint="every class needs a name that no other class has",
        )
    copied = copy(model)  # a source may return the same model again
    copied.labels = tuple(renamed)
    return copied


def _digest(use: ModelUse, model: Model) -> str:
    """The digest of the model, its classes, its source and its task."""
    content = {
        "model": model.digest,
        "labels": model.labels,
        "source": identity(use.source),
        "task": identity(use.task),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _run_context(spec: Mapping[str, Any]) -> RunContext:
    fields = _deserialize(spec["run_context"])
    return RunContext(**fields | {"plugin_files": tuple(fields["plugin_files"])})


def _load_plugins(context: RunContext, *references: Mapping[str, Any]) -> Catalog:
    return plugins.load({one["use"].partition("/")[0] for one in references}, files=context.plugin_files)


def _use(catalog: Catalog, kinds: Kinds, reference: Mapping[str, Any]) -> Use:
    found = catalog.find(kinds, reference["use"])
    if isinstance(found, Problem):
        raise PluginError(found.message, hint=found.hint)
    plugin = catalog.plugins[reference["use"].partition("/")[0]]
    return Use(reference["use"], found, options=_deserialize(reference["options"]), plugin=plugin)


def take_evenly(rows: Rows, count: int) -> Sequence[Example]:
    """At most `count` rows, evenly spaced, since data may be sorted by their targets; without those that cannot be read."""
    indices = np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(np.int64)
    return [example for example in rows.take(indices).examples() if _is_readable(example)]


def _is_readable(example: Example) -> bool:
    """Whether all blobs of an example can be read."""
    try:
        fingerprint(example)
    except BlobError:
        return False
    return True


def _serialize(value: Any) -> Any:
    """The value of an option as JSON: of its types, only paths need a form."""
    if isinstance(value, Path):
        return {PATH: str(value.absolute())}
    if isinstance(value, dict):
        return {key: _serialize(one) for key, one in value.items()}
    return [_serialize(one) for one in value] if isinstance(value, list | tuple) else value


def _deserialize(value: Any) -> Any:
    """The value that `_serialize` was given, with tuples as lists."""
    if isinstance(value, dict):
        return Path(value[PATH]) if value.keys() == {PATH} else {key: _deserialize(one) for key, one in value.items()}
    return [_deserialize(one) for one in value] if isinstance(value, list) else value
