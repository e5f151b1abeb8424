"""Whether anything reads what a data set maps."""

from __future__ import annotations

from pathlib import Path

import pytest

from mqa_registry.contributions import Slice
from mqa_registry.errors import SuiteError
from mqa_registry.plugins import Catalog, Plugin
from mqa_registry.suite import read, unread_column_findings, validate
from tests.suite.conftest import CATALOG

ACCURACY = '[[check]]\nmeasure = "metrics/accuracy"\nexpect = { min = 0.8 }\n'


@pytest.fixture
def mapped(head):
    """A suite whose data set maps these columns."""

    def text(columns, checks=ACCURACY):
        return head.replace('path = "reviews.parquet"\n', f'path = "reviews.parquet"\ncolumns = {columns}\n') + checks

    return text


def test_a_mapping_to_no_field_of_the_task_is_refused_where_it_stands(problems, mapped):
    message = problems(text=mapped('{ text = "premise", txt = "hypothesis", target = "gold" }'))
    first, line, caret, hint = message.splitlines()
    assert first.endswith("`txt` is no field of the task `transformers/text-classification`, and nothing else reads it")
    assert line[caret.index("^") : caret.rindex("^") + 1] == "txt"
    assert hint == "hint: did you mean `text`? the task reads `text`"


def test_a_name_like_none_gets_the_fields_and_the_roles(problems, mapped):
    message = problems(text=mapped('{ pair = "pair" }'))
    assert message.endswith("hint: the task reads `text`; roles are `id`, `target` and `cluster`")


@pytest.mark.parametrize("columns", ['{ text = "a", id = "b", target = "c", cluster = "d" }', "{}"])
def test_fields_and_roles_are_read(suite, mapped, columns):
    assert suite(text=mapped(columns)).data["reviews"].columns.keys() <= {"text", "id", "target", "cluster"}


def test_what_a_slice_names_is_read(suite, mapped):
    by = ACCURACY + 'by = { use = "fairness/column", name = "region" }\n'
    assert suite(text=mapped('{ region = "Region" }', by)).data["reviews"].columns == {"region": "Region"}


def test_a_slice_that_does_not_say_what_it_reads_may_read_anything(suite, mapped):
    made = suite(text=mapped('{ region = "Region" }', ACCURACY + 'by = "fairness/length"\n'))
    (warning,) = unread_column_findings(made)
    assert (warning.level, warning.message) == (
        "warning",
        "`region` of `reviews` is no field of the task, and no check says that it reads it",
    )
    assert not [*unread_column_findings(suite(text=mapped('{ text = "review", id = "key" }')))]


@pytest.mark.parametrize(("inputs", "any_column"), [("example", True), ("table", True), ("predictions", False)])
def test_a_slice_of_predictions_reads_no_column(folder, mapped, inputs, any_column):
    def cut(rows): ...

    slices = {"own": Plugin("own", "own", "1", (Slice("cut", cut, inputs=inputs),))}
    catalog = Catalog({**CATALOG.plugins, **slices}, CATALOG.installed)
    Path("suite.toml").write_text(mapped('{ region = "Region" }', ACCURACY + 'by = "own/cut"\n'))
    if any_column:
        assert validate(read("suite.toml"), catalog).data["reviews"].columns == {"region": "Region"}
    else:
        with pytest.raises(SuiteError, match="problem"):
            validate(read("suite.toml"), catalog)


def test_without_a_model_all_that_is_mapped_are_fields(suite):
    text = """
        format = 1
        [data.reviews]
        use = "datasets/file"
        path = "reviews.csv"
        columns = { anything = "Review" }
        [backends.service]
        use = "replay/file"
        path = "answers.csv"
        [[check]]
        measure = "metrics/accuracy"
        expect = { min = 0.8 }
        """
    assert suite(text=text).data["reviews"].columns == {"anything": "Review"}
