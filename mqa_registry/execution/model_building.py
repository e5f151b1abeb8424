"""What the backends run: built from the suite, and built again in another process from its spec."""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_registry import plugins
from mqa_registry.boundary import check_codec, check_model, open_runner
from mqa_registry.contributions import Backend, ModelSource, ModelUnderTest, RunContext, Task
from mqa_registry.errors import DataError, PluginError, Problem
from mqa_registry.suite import ModelUse, Use, identity
from mqa_registry.types.labels import UnreadableLabel, read_labels

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mqa_registry.contributions import Model, Runner
    from mqa_registry.contributions.task import Batch
    from mqa_registry.plugins import Catalog, Kinds
    from mqa_registry.types import Example, Rows

PATH = "path on this machine"  # the one key of the object that stands for a path in JSON


def build_model(
    model: ModelUse,
    context: RunContext,
    rows: Rows | None = None,
    *,
    sample: Batch | None = None,
    given: Mapping[int, Sequence[Example]] | None = None,
) -> ModelUnderTest:
    """The model with its task; the module itself is not built yet. `rows` are unperturbed rows that it may ask for.

    `sample` and `given` are those of the same model under test elsewhere, where there are no rows to make them of here.
    """
    known = given or {}
    task = model.task.contribution_as(Task)
    spec = {
        "source": {"use": model.source.name, "options": _spelled(dict(model.source.options))},
        "task": {"use": model.task.name, "options": _spelled(dict(model.task.options))},
        "run_context": _spelled(vars(context)),
        "labels": dict(model.labels),
    }
    made = check_model(
        model.source.contributor,
        model.source.call_method(model.source.contribution_as(ModelSource).load, task, context),
    )
    opened = _named(made, model.labels)
    return ModelUnderTest(
        opened,
        task,
        context,
        model.task.options,
        bind=lambda one: check_codec(
            model.task.contributor, model.task.call_method(task.bind, one), task.schema, one.labels
        ),
        spec=spec,
        examples=lambda most: known.get(most, ()) if rows is None else spread(rows, most),
        sample=sample,
        digest=_digest(model, opened),
    )


def rebuild_model(
    spec: Mapping[str, Any],
    *,
    sample: Batch | None = None,
    given: Mapping[int, Sequence[Example]] | None = None,
) -> ModelUnderTest:
    """The model under test of another process, by its `spec`; a PluginError where its plugins are not the same here.

    With its `sample`, none has to be made here, which may take a library that the model is run without; with what it has
    `given` of its rows, this one gives the same.
    """
    context = _run_context(spec)
    catalog = _loaded(context, spec["source"], spec["task"])
    source, task = (_use(catalog, kinds, spec[part]) for kinds, part in (((ModelSource,), "source"), ((Task,), "task")))
    model = ModelUse(source, task, spec.get("labels", {}))
    return build_model(model, context, sample=sample, given=given).with_length(spec.get("fixed_length"))


def runner_spec(backend: Use, model_under_test: ModelUnderTest) -> dict[str, Any] | None:
    """How another process opens a backend on a model under test; None where nobody knows how that was made."""
    if model_under_test.spec is None:
        return None
    return {
        "backend": {"use": backend.name, "options": _spelled(dict(backend.options))},
        "model_under_test": model_under_test.spec,
    }


@contextmanager
def reopen_runner(
    spec: Mapping[str, Any],
    *,
    sample: Batch | None = None,
    given: Mapping[int, Sequence[Example]] | None = None,
) -> Iterator[Runner]:
    """The runner that another process has, opened here by the `spec` of its view; the rest is as for `rebuild_model`."""
    model_under_test = rebuild_model(spec["model_under_test"], sample=sample, given=given)
    catalog = _loaded(model_under_test.run_context, spec["backend"])
    use = _use(catalog, (Backend,), spec["backend"])
    with open_runner(use.contributor, use.call_method(use.contribution_as(Backend).open, model_under_test)) as runner:
        yield runner


def _named(model: Model, labels: Mapping[str, str]) -> Model:
    """The model with other names for its classes; a DataError where they are not its classes, or not told apart."""
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
            hint="every class needs one name, and one of its own",
        )
    other = copy(model)  # a source may give the same one again
    other.labels = tuple(renamed)
    return other


def _digest(use: ModelUse, model: Model) -> str:
    """Of what the model holds and calls its classes, and of what makes predictions of it."""
    whole = {"model": model.digest, "labels": model.labels, "source": identity(use.source), "task": identity(use.task)}
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()


def _run_context(spec: Mapping[str, Any]) -> RunContext:
    asked = _read(spec["run_context"])
    return RunContext(**asked | {"plugin_files": tuple(asked["plugin_files"])})


def _loaded(context: RunContext, *spelled: Mapping[str, Any]) -> Catalog:
    return plugins.load({one["use"].partition("/")[0] for one in spelled}, files=context.plugin_files)


def _use(catalog: Catalog, kinds: Kinds, spelled: Mapping[str, Any]) -> Use:
    found = catalog.find(kinds, spelled["use"])
    if isinstance(found, Problem):
        raise PluginError(found.message, hint=found.hint)
    plugin = catalog.plugins[spelled["use"].partition("/")[0]]
    return Use(spelled["use"], found, options=_read(spelled["options"]), plugin=plugin)


def spread(rows: Rows, most: int) -> Sequence[Example]:
    """As many rows as that, evenly spread: data may be sorted by their targets."""
    places = np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(np.int64)
    return list(type(rows)(rows.table.take(places), rows.fields).examples())


def _spelled(value: Any) -> Any:
    """A value of an option as JSON has it: all are of its own types but paths."""
    if isinstance(value, Path):
        return {PATH: str(value.absolute())}
    if isinstance(value, dict):
        return {key: _spelled(one) for key, one in value.items()}
    return [_spelled(one) for one in value] if isinstance(value, list | tuple) else value


def _read(value: Any) -> Any:
    if isinstance(value, dict):
        return Path(value[PATH]) if value.keys() == {PATH} else {key: _read(one) for key, one in value.items()}
    return [_read(one) for one in value] if isinstance(value, list) else value
