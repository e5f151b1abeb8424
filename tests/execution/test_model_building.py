"""A model under test can be made again in another process, from plain data about where it came from."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest

from mqa_registry import Model, RunContext, rebuild_model
from mqa_registry.errors import ContributionError, PluginError
from mqa_registry.execution import build_model
from mqa_registry.suite import ModelUse, Use
from mqa_registry.types import Rows
from tests.stand_ins import make_source, make_task

PLUGIN = """
from dataclasses import dataclass
from pathlib import Path
from mqa_registry import Codec, Model, ModelSource, Task, hookimpl

@dataclass(frozen=True, kw_only=True)
class SourceOptions:
    path: Path
    names: list[str] = ()
    depth: int = 1

class Known(ModelSource[SourceOptions]):
    "A model."
    name = "known"

    def load(self, task, run_context, options):
        digest = f"{options.path.name} {list(options.names)} {options.depth} {run_context.offline}"
        return Model(digest=digest, module=lambda: 1 / 0, processor=lambda: None)

@dataclass(frozen=True, kw_only=True)
class TaskOptions:
    most: int = 5

class Words(Task[TaskOptions]):
    "Words."
    name, schema, fields, metric = "words", "label", {"text": "text"}, "metrics/f1"

    def bind(self, model, options):
        return WordCodec(options.most)

class WordCodec(Codec):
    def __init__(self, most):
        self.most = most

    def encode(self, rows):
        return [len(row["text"]) > self.most for row in rows]

    collate = decode = cost = lambda self, *given: list(*given)

@hookimpl
def mqa_models():
    return [Known()]

@hookimpl
def mqa_tasks():
    return [Words()]
"""


@pytest.fixture
def spec(tmp_path):
    """Where a model under test came from, with options of every kind."""
    (tmp_path / "own.py").write_text(PLUGIN)
    options = {"path": spelled(tmp_path / "model"), "names": ["a", "b"], "depth": 3}
    return {
        "source": {"use": "own/known", "options": options},
        "task": {"use": "own/words", "options": {"most": 2}},
        "run_context": {
            "exports": spelled(tmp_path / "exports"),
            "plugin_files": [spelled(tmp_path / "own.py")],
            "offline": True,
        },
    }


def spelled(path):
    return {"path on this machine": str(path)}


def test_it_has_the_same_model_task_and_context(spec, tmp_path):
    model_under_test = rebuild_model(json.loads(json.dumps(spec)))
    assert model_under_test.model.digest == "model ['a', 'b'] 3 True"
    assert model_under_test.codec.encode([{"text": "ab"}, {"text": "abc"}]) == [False, True]
    assert model_under_test.run_context == RunContext(
        exports=tmp_path / "exports", offline=True, plugin_files=(tmp_path / "own.py",)
    )


def test_it_can_be_made_again_and_again(spec):
    one = rebuild_model(spec)
    assert rebuild_model(json.loads(json.dumps(one.spec))).spec == one.spec


def test_a_plugin_that_is_not_there_is_named(spec):
    spec["task"]["use"] = "own/wrods"
    with pytest.raises(PluginError, match="has no task `wrods`"):
        rebuild_model(spec)


@pytest.fixture
def model_under_test(tmp_path):
    """The model under test of a suite with so many rows."""

    def make(rows, sample=()):
        task = make_task(name="words", fields={}, sample=sample)
        source = make_source(lambda task, context: Model(digest="", module=None, processor=None), "known")
        model = ModelUse(Use("own/known", source), Use("own/words", task))
        table = pa.table({"id": [str(row) for row in range(rows)], "text": list(range(rows))})
        return build_model(model, RunContext(exports=Path(tmp_path)), Rows(table, ("text",)))

    return make


def test_rows_are_spread_over_the_data(model_under_test):
    assert [row["text"] for row in model_under_test(101).examples(5)] == [0, 25, 50, 75, 100]
    assert [row["text"] for row in model_under_test(3).examples(5)] == [0, 1, 2]
    assert list(model_under_test(0).examples(5)) == []


def test_a_task_without_a_sample_takes_rows_of_the_data(model_under_test):
    assert [row["text"] for row in model_under_test(100).samples()] == [0, 33, 66, 99]
    assert model_under_test(100, ({"text": "own"},)).samples() == ({"text": "own"},)


def test_two_tasks_of_one_name_make_two_models_under_test(spec, tmp_path):
    """Whatever is kept of one, as an export, is not the other's."""
    (tmp_path / "twin.py").write_text(PLUGIN)
    files = [spelled(tmp_path / name) for name in ("own.py", "twin.py")]
    spec["run_context"]["plugin_files"] = files
    twin = spec | {"task": {"use": "twin/words", "options": {"most": 2}}}
    longer = spec | {"task": {"use": "own/words", "options": {"most": 3}}}
    digests = [rebuild_model(one).digest for one in (spec, twin, longer, spec)]
    assert len(set(digests)) == 3
    assert digests[0] == digests[3]


def build(model: Model, given: dict[str, object]):
    """The model under test of a task that may predict labels or values; `given` are attributes of the one it is for a model."""
    resolved = make_task(**{"name": "words", "schema": "value", "metric": "metrics/mae"} | given)
    task = make_task(name="words", other_schemas=("value",), for_model=lambda model, options: resolved)
    source = make_source(lambda task, context: model, "known")
    use = ModelUse(Use("own/known", source), Use("own/words", task))
    return build_model(use, RunContext(exports=Path()))


@pytest.fixture
def blank():
    return Model(digest="", module=lambda: None, processor=lambda: None)


def test_a_task_of_several_schemas_says_which_a_model_has(blank):
    assert build(blank, {}).task.schema == "value"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"schema": "text"}, "of the schema `text` for a model, and declares `label`, `value`"),
        ({"name": "other"}, "gave the task `other` for a model"),
        ({"fields": {"image": "image"}}, "with other fields or another name"),
    ],
)
def test_it_says_none_that_it_does_not_declare(blank, given, message):
    with pytest.raises(ContributionError, match=message):
        build(blank, given)


def choose(classes: object):
    """The classes of the model under test of a task that gives these."""
    source = make_source(
        lambda task, context: Model(digest="", module=object, processor=object, labels=("a", "b")), "known"
    )
    task = make_task(name="words", classes=lambda model, options: classes(model) if callable(classes) else classes)
    use = ModelUse(Use("own/known", source), Use("own/words", task), {"x": "y"} if classes == ("x", "z") else {})
    return build_model(use, RunContext(exports=Path())).model.labels


def test_a_task_may_choose_among_other_classes_than_those_of_the_model():
    assert choose(lambda model: model.labels) == ("a", "b")
    assert choose(["c", "d", "e"]) == ("c", "d", "e")
    assert choose(("x", "z")) == ("y", "z")  # renamed by the suite


@pytest.mark.parametrize("classes", [None, ("c", "c"), ("c", 1), "cd"])
def test_classes_that_are_none_are_refused(classes):
    with pytest.raises(ContributionError, match="gave the classes"):
        choose(classes)
