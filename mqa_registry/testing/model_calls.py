"""Models, codecs and runners that tasks and backends are tried with, made as a run makes them, of tables as a suite has them."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_registry import plugins
from mqa_registry.boundary import ForwardPasses, open_runner
from mqa_registry.contributions import Backend, ModelSource, RunContext, Task
from mqa_registry.errors import Problem, UsageError
from mqa_registry.options import contribution_options, validate
from mqa_registry.plugins import find_role
from mqa_registry.suite import ModelUse, Use
from mqa_registry.testing import lookup
from mqa_registry.testing.examples import make_inputs
from mqa_registry.testing.subject import NotTriedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pyarrow as pa

    from mqa_registry.contributions import Codec, ModelUnderTest, Runner
    from mqa_registry.contributions.task import Encoded, Outputs
    from mqa_registry.plugins import Kinds
    from mqa_registry.testing.subject import Subject
    from mqa_registry.types import Example

MAX_EXAMPLES = 64  # that a backend may ask for
LOOKUP = Path(lookup.__file__)


@contextmanager
def open_model(subject: Subject) -> Iterator[ModelUnderTest]:
    """The model under test of a trial: of a task's, with that task."""
    # Here, since most processes that are watched build no model.
    from mqa_registry.execution.model_building import build_model

    table = dict(subject.trial.model)
    is_task = isinstance(subject.contribution, Task)
    if "use" not in table or not (is_task or "task" in table):
        example = '{"use": "plugin/name", "path": ...}' if is_task else '{"use": "plugin/name", "task": "plugin/name"}'
        raise NotTriedError(f'it needs a model: `trials={{"{subject.label}": Trial(model={example})}}` names one')
    task = table.pop("task", None)
    labels = table.pop("labels", {})
    with tempfile.TemporaryDirectory(prefix="mqa-exports-") as folder:
        used = make_use(subject) if is_task else _find_use(subject, (Task,), _task_table(task, table["use"]))
        model = ModelUse(_find_use(subject, (ModelSource,), table), used, labels)
        context = RunContext(exports=Path(folder), device="cpu", offline=True)
        yield build_model(model, context, given=_count_examples(subject, used.contribution_as(Task)))


@contextmanager
def open_backend(subject: Subject, model: ModelUnderTest) -> Iterator[Runner]:
    """The runner of a backend, or of the one that the trial of a task names."""
    if isinstance(subject.contribution, Backend):
        use = make_use(subject)
    elif subject.trial.backend:
        use = _find_use(subject, (Backend,), subject.trial.backend)
    else:
        raise NotTriedError(
            f'it needs a backend: `trials={{"{subject.label}": Trial(backend={{"use": ...}})}}` names one'
        )
    opened = use.call_method(use.contribution_as(Backend).open, model)
    with open_runner(use.contributor, opened) as runner:
        yield runner


def make_use(subject: Subject) -> Use:
    """The contribution with the options of its trial, as a suite uses it."""
    assert subject.contribution is not None
    subject.require_packages()
    return Use(subject.name, subject.contribution, dict(subject.trial.options), subject.options, subject.plugin)


def list_examples(subject: Subject, task: Task[Any], kind: str = "") -> Sequence[Example]:
    """The examples of a trial, else the kit's own, with every field that the task needs."""
    if subject.trial.examples and not kind:
        return subject.trial.examples
    if task.grouping is not None:
        raise NotTriedError(f'`trials={{"{subject.label}": Trial(examples=[...])}}` gives examples of several rows')
    names = [*task.required_fields, *([task.columns_field] if task.columns_field else [])]
    values = {}
    for name in names or [next(iter(task.fields))]:  # a task may take one of several fields, and need none of them
        inputs = make_inputs(task.fields[name])
        found = [] if inputs is None else inputs.unusual.get(kind, ()) if kind else inputs.ordinary
        if kind and name == task.columns_field and subject.trial.examples:
            found = _unusual_columns(subject.trial.examples, kind, name)
        if not found:
            raise NotTriedError(
                f"the kit has no such {task.fields[name]}: "
                f'`trials={{"{subject.label}": Trial(examples=[...])}}` gives some'
            )
        values[name] = found
    count = max(map(len, values.values()))
    return [{name: found[n % len(found)] for name, found in values.items()} for n in range(count)]


def _unusual_columns(examples: Sequence[Example], kind: str, name: str) -> Sequence[Any]:
    """A row without any value, where rows of the trial say which columns the model reads; none of another kind."""
    return [dict.fromkeys(examples[0][name])] if examples and kind == "empty" else []


def _count_examples(subject: Subject, task: Task[Any]) -> Mapping[int, Sequence[Example]]:
    """The ordinary examples, by how many a backend asks for, as an exporter traces with; none where there are none."""
    try:
        examples = list_examples(subject, task)
    except NotTriedError:
        return {}
    return {count: examples[:count] for count in range(1, MAX_EXAMPLES + 1)}


def run_rows(subject: Subject, runner: Runner, codec: Codec, rows: Sequence[Encoded], size: int) -> list[Any]:
    """The predictions for rows that are run in batches of a size, each as a dict of the columns of its schema."""
    assert subject.contribution is not None
    passes = ForwardPasses(subject.contributor)
    predictions: list[Any] = []
    for start in range(0, len(rows), size):
        part = rows[start : start + size]
        predictions += decode(codec, run_batch(passes, runner, codec, part), part).to_pylist()
    return predictions


def decode(codec: Codec, outputs: Outputs, rows: Sequence[Encoded]) -> pa.Table:
    """The predictions for rows, of outputs that are as the task expects them or that its codec knows how to read."""
    reading = codec.read_outputs(outputs, rows)
    return (codec if reading is None else reading).decode(outputs, rows)


def run_batch(passes: ForwardPasses, runner: Runner, codec: Codec, rows: Sequence[Encoded]) -> Outputs:
    """The outputs for some rows in one batch; not tried where rows are run in steps or parts."""
    if codec.run_mode is not None or codec.splits:
        raise NotTriedError("its rows are run in steps or parts, which the kit does not")
    return passes.run(runner, codec.collate(rows))


def are_near(one: Any, other: Any, tolerance: float) -> bool:
    """Whether two predictions are equal, but for numbers that are nearly so."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(are_near(one[name], other[name], tolerance) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(are_near(*pair, tolerance) for pair in zip(one, other, strict=True))
    if isinstance(one, float) and isinstance(other, float):
        return bool(np.isclose(one, other, rtol=tolerance, atol=tolerance, equal_nan=True))
    return bool(one == other)


def _task_table(task: Any, source: str) -> Mapping[str, Any]:
    """The table of a task, whose name may lack the plugin, which is that of the model source then."""
    table = {"use": task} if isinstance(task, str) else dict(task)
    name = table["use"] if "/" in table["use"] else f"{source.partition('/')[0]}/{table['use']}"
    return {**table, "use": name}


def _find_use(subject: Subject, kinds: Kinds, table: Mapping[str, Any]) -> Use:
    """The contribution that a table of a trial names, with its options; a UsageError where it cannot be used."""
    name = table["use"]
    plugin = name.partition("/")[0]
    if plugin == subject.plugin.name:
        catalog = plugins.Catalog({plugin: subject.plugin})
    else:
        catalog = plugins.load([plugin], files=[LOOKUP] if plugin == LOOKUP.stem else [])
    found = catalog.find(kinds, name)
    if isinstance(found, Problem):
        raise UsageError(f"the trial of `{subject.label}` cannot be used: {found.message}", hint=found.hint)
    given = {key: value for key, value in table.items() if key not in find_role(type(found)).keys}
    valid = validate(contribution_options(found), given, owner=f"`{name}`")
    if valid.faults:
        raise UsageError(
            f"the trial of `{subject.label}` cannot be used: {valid.faults[0].message}", hint=valid.faults[0].hint
        )
    return Use(name, found, given, valid.values, catalog.plugins[plugin])
