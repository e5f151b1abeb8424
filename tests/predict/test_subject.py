"""A subject can be made again in another process, from plain data about where it came from."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest

from mqa_registry import Codec, Conditions, Model, ModelSource, Task, remake
from mqa_registry.errors import PluginError
from mqa_registry.predict import subject_of
from mqa_registry.suite import ModelUse, Use
from mqa_registry.types import Rows

PLUGIN = """
from pathlib import Path
from mqa_registry import Codec, Model, ModelSource, Task, hookimpl

def known(task, conditions, *, path: Path, names: list[str] = (), depth: int = 1):
    "A model."
    digest = f"{path.name} {list(names)} {depth} {conditions.offline}"
    return Model(digest=digest, module=lambda: 1 / 0, processor=lambda: None)

def words(model, *, most: int = 5):
    "Words."
    return Codec(encode=lambda rows: [len(row["text"]) > most for row in rows], collate=list, decode=None, size=len)

@hookimpl
def mqa_models():
    yield ModelSource("known", known)

@hookimpl
def mqa_tasks():
    yield Task("words", words, schema="label", fields={"text": "text"}, sample=(), metric="metrics/f1")
"""


@pytest.fixture
def origin(tmp_path):
    """Where a subject came from, with options of every kind."""
    (tmp_path / "own.py").write_text(PLUGIN)
    options = {"path": spelled(tmp_path / "model"), "names": ["a", "b"], "depth": 3}
    return {
        "source": {"use": "own/known", "options": options},
        "task": {"use": "own/words", "options": {"most": 2}},
        "conditions": {
            "exports": spelled(tmp_path / "exports"),
            "plugin_files": [spelled(tmp_path / "own.py")],
            "offline": True,
        },
    }


def spelled(path):
    return {"path on this machine": str(path)}


def test_it_has_the_same_model_task_and_conditions(origin, tmp_path):
    subject = remake(json.loads(json.dumps(origin)))
    assert subject.model.digest == "model ['a', 'b'] 3 True"
    assert subject.codec.encode([{"text": "ab"}, {"text": "abc"}]) == [False, True]
    assert subject.conditions == Conditions(
        exports=tmp_path / "exports", offline=True, plugin_files=(tmp_path / "own.py",)
    )


def test_it_can_be_made_again_and_again(origin):
    one = remake(origin)
    assert remake(json.loads(json.dumps(one.origin))).origin == one.origin


def test_a_plugin_that_is_not_there_is_named(origin):
    origin["task"]["use"] = "own/wrods"
    with pytest.raises(PluginError, match="has no task `wrods`"):
        remake(origin)


@pytest.fixture
def subject(tmp_path):
    """The subject of a suite with so many rows."""

    def make(rows, sample=()):
        task = Task(
            "words", lambda model: Codec(list, list, list, len), schema="label", fields={}, sample=sample, metric=""
        )
        source = ModelSource("known", lambda task, conditions: Model(digest="", module=None, processor=None))
        model = ModelUse(Use("own/known", source), Use("own/words", task))
        table = pa.table({"id": [str(row) for row in range(rows)], "text": list(range(rows))})
        return subject_of(model, Conditions(exports=Path(tmp_path)), Rows(table, ("text",)))

    return make


def test_rows_are_spread_over_the_data(subject):
    assert [row["text"] for row in subject(101).examples(5)] == [0, 25, 50, 75, 100]
    assert [row["text"] for row in subject(3).examples(5)] == [0, 1, 2]
    assert list(subject(0).examples(5)) == []


def test_a_task_without_a_sample_takes_rows_of_the_data(subject):
    assert [row["text"] for row in subject(100).samples()] == [0, 33, 66, 99]
    assert subject(100, ({"text": "own"},)).samples() == ({"text": "own"},)


def test_two_tasks_of_one_name_are_two_subjects(origin, tmp_path):
    """Whatever is kept of one, as an export, is not the other's."""
    (tmp_path / "twin.py").write_text(PLUGIN)
    files = [spelled(tmp_path / name) for name in ("own.py", "twin.py")]
    origin["conditions"]["plugin_files"] = files
    twin = origin | {"task": {"use": "twin/words", "options": {"most": 2}}}
    longer = origin | {"task": {"use": "own/words", "options": {"most": 3}}}
    digests = [remake(one).digest for one in (origin, twin, longer, origin)]
    assert len(set(digests)) == 3
    assert digests[0] == digests[3]
