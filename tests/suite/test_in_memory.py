"""Suites that a command makes: the same as if a file held them, without a file."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from mqa_registry.errors import SuiteError, UsageError
from mqa_registry.suite import (
    plugin_names,
    render,
    suite_of_tables,
    to_toml,
    validate,
    validate_source,
    validate_tables,
)

MORE = """
[data.more]
use = "datasets/file"
path = "more.csv"

[[check]]
measure = "metrics/accuracy"
perturb = { use = "robustness/typos", severity = [1, 3] }
expect = { min = 0.8 }
tags = ["a"]
"""


@pytest.fixture
def tables(head):
    """The tables of a good suite."""
    return tomllib.loads(head + MORE)


def test_tables_are_the_suite_that_a_file_with_them_is(tables, suite, catalog, folder):
    made = suite_of_tables("suite.toml", tables, Path())
    assert validate(made, catalog) == suite(text=to_toml(tables))
    assert plugin_names(made) == {"transformers", "datasets", "onnxruntime", "metrics", "robustness"}
    assert made.root.plain() == tables
    assert not list(folder.glob("parity*"))


def test_paths_are_relative_to_the_folder(tables, catalog, tmp_path):
    made = validate(suite_of_tables("suite.toml", tables, tmp_path / "home"), catalog)
    assert made.data["more"].source.options["path"] == tmp_path / "home" / "more.csv"
    assert made.path == tmp_path / "home" / "suite.toml"


def test_problems_come_in_the_order_of_the_tables_and_have_no_line(tables, catalog):
    tables["data"]["more"]["pat"] = tables["data"]["more"].pop("path")
    tables["check"][0]["measure"] = "metrics/acuracy"
    tables["model"]["task"] = "text-clasification"
    with pytest.raises(SuiteError) as caught:
        validate(suite_of_tables("made.toml", tables, Path()), catalog)
    first, second, third = (render(problem).split("\n") for problem in caught.value.problems)
    assert first == [
        "made.toml: plugin `transformers` has no task `text-clasification`",
        "hint: did you mean `transformers/text-classification`?",
    ]
    assert second == ["made.toml: `datasets/file` has no option `pat`", "hint: did you mean `path`?"]
    assert third[0] == "made.toml: plugin `metrics` has no metric, comparison or probe `acuracy`"


def test_parts_of_a_suite_are_checked_by_themselves(catalog, folder):
    tables = {
        "model": {"use": "transformers/auto", "id": "hub-model", "task": "text-classification"},
        "backends": {"export": {"use": "onnxruntime/session"}},
        "data": {"data": {"use": "datasets/file", "path": "rows.csv"}},
    }
    with pytest.raises(UsageError) as caught:
        validate_tables(tables, catalog)
    assert caught.value.message == "there is no file or folder `rows.csv`"
    (folder / "rows.csv").touch()
    model, backends, data = validate_tables(tables, catalog)
    assert (model.source.name, model.task.name) == ("transformers/auto", "transformers/text-classification")
    assert [use.name for use in backends.values()] == ["onnxruntime/session"]
    assert data["data"].source.options == {"path": Path("rows.csv")}


def test_a_mapped_column_that_nothing_reads_is_a_problem_of_the_parts_too(catalog, folder):
    (folder / "rows.csv").touch()
    tables = {
        "model": {"use": "transformers/auto", "id": "hub-model", "task": "text-classification"},
        "data": {"data": {"use": "datasets/file", "path": "rows.csv", "columns": {"txt": "review"}}},
    }
    with pytest.raises(UsageError, match="`txt` is no field") as caught:
        validate_tables(tables, catalog)
    assert caught.value.hint == "did you mean `text`? the task reads `text`"


def test_a_model_source_is_found_before_there_is_a_task(catalog):
    assert validate_source({"use": "transformers/auto", "id": "m"}, catalog).options == {"id": "m"}
    with pytest.raises(UsageError) as caught:
        validate_source({"use": "transformers/outo", "id": "m"}, catalog)
    assert caught.value.hint == "did you mean `transformers/auto`?"
