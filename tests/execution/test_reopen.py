"""What one process opened, another opens by its spec, which is nothing but JSON."""

from __future__ import annotations

import json

import numpy as np
import pytest

from mqa_registry import plugins
from mqa_registry.contributions import Backend, ModelSource, RunContext, Task
from mqa_registry.errors import PluginError
from mqa_registry.execution import reopen_runner
from mqa_registry.execution.model_building import build_model, runner_spec
from mqa_registry.suite import ModelUse, Use
from tests.stand_ins import make_probe

PLUGIN = """
import contextlib, types
from dataclasses import dataclass
from pathlib import Path
from mqa_registry import Backend, Codec, Model, ModelSource, Task, hookimpl

@dataclass(frozen=True, kw_only=True)
class SourceOptions:
    weight: float = 1.0
    path: Path | None = None

class Source(ModelSource[SourceOptions]):
    "A model of one weight."
    name = "source"

    def load(self, task, run_context, options):
        digest = f"{options.weight} {options.path} {run_context.device}"
        return Model(digest=digest, module=lambda: options.weight, processor=lambda: None)

@dataclass(frozen=True, kw_only=True)
class TaskOptions:
    times: int = 2

class Doubled(Task[TaskOptions]):
    "Numbers, times a number."
    name, schema, metric = "doubled", "label", "m/m"
    fields, sample = {"number": "number"}, ({"number": 3},)

    def bind(self, model, options):
        return Times(options.times)

class Times(Codec):
    def __init__(self, times):
        self.times = times

    def encode(self, examples):
        return [{"x": one["number"] * self.times} for one in examples]

    def collate(self, rows):
        return {"x": [row["x"] for row in rows]}

    def decode(self, outputs, rows):
        return None

    def cost(self, row):
        return 1

@dataclass(frozen=True, kw_only=True)
class RunnerOptions:
    shift: float = 0.0

class Shifted(Backend[RunnerOptions]):
    "The weight times the input, shifted."
    name = "runner"

    def identity(self, model_under_test, options):
        return {}

    @contextlib.contextmanager
    def open(self, model_under_test, options):
        model = model_under_test.model
        run = lambda batch: [model.module * x + options.shift for x in batch["x"]]
        sample = model_under_test.sample()
        yield types.SimpleNamespace(run=run, digest=model.digest, sample=sample, model_under_test=model_under_test)

@hookimpl
def mqa_models():
    return [Source()]

@hookimpl
def mqa_tasks():
    return [Doubled()]

@hookimpl
def mqa_backends():
    return [Shifted()]
"""


@pytest.fixture
def spec(tmp_path):
    """The spec of a backend of a plugin that is a file, as JSON."""
    file = tmp_path / "afar.py"
    file.write_text(PLUGIN)
    catalog = plugins.load([], files=[file])

    def use(kind, name, **options):
        return Use(f"afar/{name}", catalog.find((kind,), f"afar/{name}"), options=options)

    model = ModelUse(
        use(ModelSource, "source", weight=2.5, path=tmp_path / "weights.bin"), use(Task, "doubled", times=10)
    )
    context = RunContext(exports=tmp_path, device="cpu", plugin_files=(file,))
    model_under_test = build_model(model, context)
    return json.dumps(runner_spec(use(Backend, "runner", shift=1.0), model_under_test)), model_under_test


def test_it_is_the_same_model_with_the_same_options_in_the_same_context(spec, tmp_path):
    spec_text, model_under_test = spec
    with reopen_runner(json.loads(spec_text)) as runner:
        assert runner.run({"x": [4]}) == [11.0]
        assert runner.digest == model_under_test.model.digest == f"2.5 {tmp_path / 'weights.bin'} cpu"
        assert runner.sample == {"x": [30]}


def test_a_sample_from_elsewhere_takes_no_codec(spec):
    with reopen_runner(json.loads(spec[0]), sample={"x": np.array([7])}) as runner:
        assert runner.sample["x"].tolist() == [7]


def test_it_gives_the_rows_that_the_other_gave_and_no_others(spec):
    with reopen_runner(json.loads(spec[0]), given={2: [{"number": 5}, {"number": 6}]}) as runner:
        assert runner.model_under_test.examples(2) == [{"number": 5}, {"number": 6}]
        assert runner.model_under_test.examples(3) == ()


def test_a_plugin_that_is_not_here_is_an_error(spec):
    spec_text = json.loads(spec[0])
    spec_text["backend"]["use"] = "afar/walker"
    with pytest.raises(PluginError, match="has no backend `walker`"), reopen_runner(spec_text):
        pass


def test_a_probe_of_a_runner_has_its_spec_and_another_has_none(engine):
    import pyarrow as pa

    from mqa_registry.suite import Expect

    contexts = {}

    def suite(sees):
        def look(context):
            contexts[sees] = context
            return pa.table({"score": [1.0]})

        probe = make_probe("look", look, numbers=lambda seen: {"value": 1.0}, inputs=sees)
        return engine.suite(engine.check("look", measure=Use("watch/look", probe), expect={"value": Expect(min=0.0)}))

    engine.run(suite("runner"))
    engine.run(suite("predictions"))
    assert contexts["runner"].view.spec["backend"] == {"use": "letters/runner", "options": {}}
    assert contexts["predictions"].view.spec is None
