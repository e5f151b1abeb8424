"""What one process opened, another opens by its origin, which is nothing but JSON."""

from __future__ import annotations

import json

import numpy as np
import pytest

from mqa_registry import plugins
from mqa_registry.contributions import Backend, Conditions, ModelSource, Task
from mqa_registry.errors import PluginError
from mqa_registry.predict import reopen
from mqa_registry.predict.subject import origin_of, subject_of
from mqa_registry.suite import ModelUse, Use

PLUGIN = """
import contextlib, types
from pathlib import Path
from mqa_registry import Backend, Codec, Model, ModelSource, Task, hookimpl

def source(task, conditions, *, weight: float = 1.0, path: Path | None = None):
    "A model of one weight."
    return Model(digest=f"{weight} {path} {conditions.device}", module=lambda: weight, processor=lambda: None)

def doubled(model, *, times: int = 2):
    "Numbers, times a number."
    def encode(examples):
        return [{"x": one["number"] * times} for one in examples]
    return Codec(encode, lambda rows: {"x": [row["x"] for row in rows]}, lambda outputs, rows: None, lambda row: 1)

@contextlib.contextmanager
def runner(subject, *, shift: float = 0.0):
    "The weight times the input, shifted."
    run = lambda batch: [subject.model.module * x + shift for x in batch["x"]]
    yield types.SimpleNamespace(run=run, digest=subject.model.digest, sample=subject.sample(), subject=subject)

@hookimpl
def mqa_models():
    yield ModelSource("source", source)

@hookimpl
def mqa_tasks():
    sample = ({"number": 3},)
    yield Task("doubled", doubled, schema="label", fields={"number": "number"}, sample=sample, metric="m/m")

@hookimpl
def mqa_backends():
    yield Backend("runner", runner, identity=lambda subject, *, shift=0.0: {})
"""


@pytest.fixture
def origin(tmp_path):
    """The origin of a backend of a plugin that is a file, as JSON."""
    file = tmp_path / "afar.py"
    file.write_text(PLUGIN)
    catalog = plugins.load([], files=[file])

    def use(kind, name, **options):
        return Use(f"afar/{name}", catalog.find((kind,), f"afar/{name}"), options=options)

    model = ModelUse(
        use(ModelSource, "source", weight=2.5, path=tmp_path / "weights.bin"), use(Task, "doubled", times=10)
    )
    conditions = Conditions(exports=tmp_path, device="cpu", plugin_files=(file,))
    subject = subject_of(model, conditions)
    return json.dumps(origin_of(use(Backend, "runner", shift=1.0), subject)), subject


def test_it_is_the_same_model_with_the_same_options_under_the_same_conditions(origin, tmp_path):
    told, subject = origin
    with reopen(json.loads(told)) as runner:
        assert runner.run({"x": [4]}) == [11.0]
        assert runner.digest == subject.model.digest == f"2.5 {tmp_path / 'weights.bin'} cpu"
        assert runner.sample == {"x": [30]}


def test_a_sample_from_elsewhere_takes_no_codec(origin):
    with reopen(json.loads(origin[0]), sample={"x": np.array([7])}) as runner:
        assert runner.sample["x"].tolist() == [7]


def test_it_gives_the_rows_that_the_other_gave_and_no_others(origin):
    with reopen(json.loads(origin[0]), given={2: [{"number": 5}, {"number": 6}]}) as runner:
        assert runner.subject.examples(2) == [{"number": 5}, {"number": 6}]
        assert runner.subject.examples(3) == ()


def test_a_plugin_that_is_not_here_is_an_error(origin):
    told = json.loads(origin[0])
    told["backend"]["use"] = "afar/walker"
    with pytest.raises(PluginError, match="has no backend `walker`"), reopen(told):
        pass


def test_a_probe_of_a_runner_is_told_its_origin_and_another_is_not(engine):
    import pyarrow as pa

    from mqa_registry.contributions import Probe
    from mqa_registry.suite import Expect

    scenes = {}

    def suite(sees):
        def look(scene):
            scenes[sees] = scene
            return pa.table({"score": [1.0]})

        probe = Probe("look", look, gives=("value",), numbers=lambda seen: {"value": 1.0}, sees=sees)
        return engine.suite(engine.check("look", measure=Use("watch/look", probe), expect={"value": Expect(min=0.0)}))

    engine.run(suite("runner"))
    engine.run(suite("predictions"))
    assert scenes["runner"].view.origin["backend"] == {"use": "letters/runner", "options": {}}
    assert scenes["predictions"].view.origin is None
