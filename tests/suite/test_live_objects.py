"""Objects in memory in place of what a suite names: found by their digests, with all else that the suite says."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from mqa_registry import LiveModel, plugins
from mqa_registry.errors import UsageError
from mqa_registry.suite import list_objects, suite_of_tables, validate, with_objects, with_objects_of

ROWS = [{"text": "area", "label": "many"}]
CHECK = {"measure": "metrics/accuracy", "expect": {"min": 0.5}}
NAMED = {
    "format": 1,
    "model": {"use": "vowels/memory", "digest": "of another", "task": "count", "labels": {"few": "little"}},
    "data": {"words": {"use": "datasets/file", "path": "words.csv", "columns": {"text": "word"}, "limit": 5}},
    "backends": {"counting": {"use": "vowels/counting"}},
    "check": [CHECK],
}


class Vowels:
    share = 0.3


@pytest.fixture(scope="module")
def catalog():
    names = {"datasets", "metrics", "transformers"}
    return plugins.load(names, files=[Path(__file__).parents[1] / "vowels.py"])


def tables(catalog, suite, **objects):
    """The sections of a suite with objects in their place."""
    return with_objects(suite_of_tables("made", suite, Path()), catalog, **objects)


def test_a_section_keeps_what_the_host_reads_and_names_the_object_by_its_digest(catalog):
    raw = tables(catalog, NAMED, model=Vowels(), data={"words": ROWS})
    plain = raw.root.plain()
    assert plain["model"] == {
        "use": "vowels/memory", "digest": "vowels 0.3", "task": "vowels/count", "labels": {"few": "little"},
    }  # fmt: skip
    (digest,) = (one for one in raw.objects if one.startswith("sha256:"))
    assert plain["data"] == {
        "words": {"use": "datasets/memory", "digest": digest, "columns": {"text": "word"}, "limit": 5}
    }
    assert raw.objects[digest].to_pylist() == ROWS
    assert raw.objects["vowels 0.3"].model.share == 0.3
    assert list_objects(validate(raw, catalog)) == ("data.words", "model")
    assert list_objects(validate(suite_of_tables("made", NAMED, Path()), catalog)) == ("model",)


def test_what_a_suite_leaves_out_follows_from_the_objects(catalog):
    data = {"words": ROWS, "more": pa.Table.from_pylist(ROWS)}
    plain = tables(catalog, {"format": 1, "check": [CHECK]}, model=LiveModel(Vowels()), data=data).root.plain()
    assert list(plain["data"]) == ["words", "more"]
    assert plain["data"]["words"] == plain["data"]["more"]
    assert plain["model"]["task"] == "vowels/count"
    assert plain["backends"] == {"counting": {"use": "vowels/counting"}}


@pytest.mark.parametrize("task", ["count", "vowels/count", {"use": "count"}])
def test_a_task_is_that_of_the_suite(catalog, task):
    plain = tables(catalog, {"model": {"task": task}}, model=Vowels()).root.plain()
    assert plain["model"]["task"] == ({"use": "vowels/count"} if isinstance(task, dict) else "vowels/count")


def test_another_suite_judges_what_was_observed_of_the_objects(catalog):
    observed = tables(catalog, {"format": 1, "check": [CHECK]}, model=Vowels(), data={"words": ROWS})
    other = with_objects_of(suite_of_tables("other", NAMED, Path()), observed, catalog).root.plain()
    assert other["model"]["digest"] == "vowels 0.3"
    assert other["data"]["words"].keys() == {"use", "digest", "columns", "limit"}
    checks = with_objects_of(suite_of_tables("other", {"check": [CHECK]}, Path()), observed, catalog).root.plain()
    assert {key: checks[key] for key in ("model", "data", "backends")} == {
        key: observed.root.plain()[key] for key in ("model", "data", "backends")
    }
    named = suite_of_tables("made", {key: NAMED[key] for key in ("data", "backends")}, Path())
    assert with_objects_of(named, suite_of_tables("other", NAMED, Path()), catalog).root.plain() == named.root.plain()


@pytest.mark.parametrize(
    ("objects", "message", "hint"),
    [
        ({"model": Counter()}, "no plugin takes an object of type `collections.Counter` for a model", "a `Vowels` (`vowels/memory`)"),
        ({"model": "my-model"}, "`my-model` is the name of a model, and no object in memory", "name it in the suite"),
        ({"data": {"wrods": ROWS}}, "the suite has no data set `wrods`", "did you mean `words`? the suite has `words`"),
        ({"data": {"words": 7}}, "the data set `words` is of type `int`, and no table", "pass a list of dicts"),
        ({"data": {"words": ["a", "b"]}}, "the data set `words` is of type `list`, and no table", "pass a list of dicts"),
        ({"data": pd.DataFrame(ROWS)}, "`data` is of type `pandas.DataFrame`, and no tables by their", "name the data set"),
        ({"data": {1: ROWS}}, "`data` is of type `dict`, and no tables by their names", "name the data set"),
    ],
)  # fmt: skip
def test_what_no_plugin_takes_is_an_error_that_says_so(catalog, objects, message, hint):
    with pytest.raises(UsageError) as caught:
        tables(catalog, NAMED, **objects)
    assert message in caught.value.message
    assert hint in caught.value.hint
