"""Exports: a suite's model, written to a folder by the suite's backend."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqa_registry import plugins
from mqa_registry.boundary import check_export, limit_calls
from mqa_registry.contributions import SupportsExport, Task
from mqa_registry.contributions.model import SAMPLES
from mqa_registry.errors import UsageError
from mqa_registry.execution import build_model
from mqa_registry.execution.model_building import take_evenly
from mqa_registry.execution.rows.datasets import load_dataset
from mqa_registry.options import read_options
from mqa_registry.run_options import STORE
from mqa_registry.store import claim
from mqa_registry.suite import plugin_names, suite_of_tables, validate_tables

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mqa_registry.contributions import ModelUnderTest, RunContext
    from mqa_registry.findings import Exported
    from mqa_registry.run_options import RunOptions
    from mqa_registry.suite import Data, ModelUse, Use
    from mqa_registry.types import Example

TEXT = "text"  # the field of a row that a task without a sample can be traced with


def prepare_export(
    suite: Mapping[str, Any], options: RunOptions, *, objects: Mapping[str, Any], only_trace: bool
) -> tuple[ModelUnderTest, Use]:
    """The model of a suite with its rows, and the backend that exports it; nothing is built yet.

    `objects` are those in memory that the suite names by their digests. With `only_trace`, the rows are for tracing a model
    whose task brings no sample. Raises a UsageError where a table is wrong, there is nothing to export, or the backend
    exports nothing.
    """
    store = options.store_folder or Path(STORE)
    claim(store)
    catalog = plugins.load(plugin_names(suite_of_tables("export.toml", suite, Path())), files=options.plugin_files)
    model, backends, data = validate_tables(suite, catalog)
    (use,), (rows,) = backends.values(), data.values()
    if not isinstance(use.contribution, SupportsExport):
        raise UsageError(f"`{use.name}` exports nothing", hint="`mqa plugins` lists what there is")
    context = replace(options.run_context_in(store), objects=objects)
    model_under_test = _model_under_test(model, rows, context, only_trace=only_trace)
    file = model_under_test.model.file
    if file is not None and model_under_test.model.converter is None:
        if file.suffix == ".onnx":
            raise UsageError(f"`{file}` is exported already", hint="name the model that it was made of")
        raise UsageError(
            f"`{file}` is no PyTorch model, and mqa has no converter for it",
            hint="convert it by a converter of its library, and compare the two: `mqa parity MODEL FILE.onnx`",
        )
    return model_under_test, use


def write_export(
    model_under_test: ModelUnderTest, use: Use, folder: Path, options: RunOptions
) -> tuple[Exported, Sequence[Example]]:
    """What the backend writes, by those of its options that are about the file and not about how it is run.

    Also gives the rows that the model was traced with where its task brings none.
    """
    exporter = use.contribution_as(SupportsExport)
    taken = read_options(exporter.export_options).names
    for name in use.given:
        if name not in taken:
            raise UsageError(f"`{use.name}` exports without an option `{name}`", hint=f"`mqa plugins {use.name}`")
    with limit_calls(options.timeout):
        exported = check_export(use.contributor, use.call_method(exporter.export, model_under_test, folder))
    return exported, model_under_test.given.get(SAMPLES, ())


def _model_under_test(model: ModelUse, data: Data, context: RunContext, *, only_trace: bool) -> ModelUnderTest:
    task = model.task.contribution_as(Task)
    if not only_trace:
        return build_model(model, context, load_dataset(data, task, context, 0, ()))
    if task.sample or TEXT not in task.fields:
        return build_model(model, context, given={SAMPLES: []})
    samples = take_evenly(load_dataset(data, task, context, 0, ()), SAMPLES)
    return build_model(model, context, given={SAMPLES: samples})
