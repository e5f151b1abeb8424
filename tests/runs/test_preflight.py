"""What shows without predicting is refused before anything is predicted, alike by a run, a dry run and a validation."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mqa_registry import runs
from mqa_registry.cli.commands.validate import validate
from mqa_registry.cli.dry_run import show_plan
from mqa_registry.errors import DataError, MqaError, SuiteError

SOUND = """
[[check]]
name = "sound"
measure = "metrics/accuracy"
expect = { min = 0.1 }
"""


def relabel(project, change):
    """Write the labels of the words in another form."""
    path = project.folder / "words.parquet"
    table = pq.read_table(path)
    labels = [change(label) for label in table.column("label").to_pylist()]
    pq.write_table(table.set_column(table.column_names.index("label"), "label", pa.array(labels)), path)


@pytest.fixture(params=["run", "dry run", "validate"])
def refusal(request, project, monkeypatch):
    """What one of the commands says of the suite; nothing may be predicted before it does."""
    monkeypatch.setattr(
        "mqa_registry.execution.inference.live_backend.LiveBackend.open", lambda *rest: pytest.fail("it predicts")
    )
    asked = runs.RunOptions(plugin_files=(project.plugin,))
    command = {
        "run": lambda: runs.run(project.suite, asked),
        "dry run": lambda: show_plan(project.suite, asked),
        "validate": lambda: validate([project.suite], asked),
    }[request.param]

    def said():
        with pytest.raises(MqaError) as caught:
            command()
        assert caught.value.exit_code == 2
        return caught.value

    return said


@pytest.mark.parametrize(
    ("check", "message", "source"),
    [
        (
            'measure = { use = "metrics/f1", positive = "mayn" }\nexpect = { min = 0.1 }',
            "there is no class `mayn` to be positive",
            'measure = { use = "metrics/f1"',
        ),
        (
            'measure = "metrics/accuracy"\nby = { use = "fairness/column", column = "knid" }\nexpect = { max_gap = 0.9 }',
            "the rows have no column `knid`",
            'by = { use = "fairness/column"',
        ),
        (
            'measure = "metrics/accuracy"\nby = { use = "fairness/quantiles", column = "lenght" }\nexpect = { max_gap = 0.9 }',
            "the rows have no column `lenght`",
            'by = { use = "fairness/quantiles"',
        ),
    ],
)
def test_a_check_that_cannot_be_judged_is_shown_where_it_stands(project, refusal, check, message, source):
    project.write(f"{SOUND}[[check]]\n{check}\n")
    error = refusal()
    assert isinstance(error, SuiteError)
    (problem,) = error.problems
    assert problem.message == message
    assert problem.location.source.startswith(source)


def test_everything_that_is_wrong_is_said_at_once(project, refusal):
    relabel(project, lambda label: "lots" if label == "many" else label)
    project.write(f'{SOUND}by = {{ use = "fairness/column", column = "knid" }}\n')
    label, column = refusal().problems
    assert "has the label `lots`, which the model does not know" in label.message
    assert column.message == "the rows have no column `knid`"


def test_a_label_of_no_class_is_refused(project, refusal):
    relabel(project, lambda label: {"few": 1, "many": 2}[label])
    project.write(SOUND)
    error = refusal()
    assert isinstance(error, DataError)
    assert "has the label `2`, and the model has 2 classes, numbered 0 to 1" in error.message
    assert 'labels = { 1 = "...", 2 = "..." }' in error.hint


def test_a_data_file_that_is_not_there_is_refused(project, refusal):
    project.write(SOUND, head=project.head.replace("words.parquet", "wrods.parquet"))
    (problem,) = refusal().problems
    assert problem.message.startswith("there is no file")
    assert problem.location.source.startswith('path = "wrods.parquet"')


def test_labels_are_mapped_in_the_data_set_or_the_model(project):
    plain = project.run().results[0].numbers["value"]
    relabel(project, lambda label: {"few": 1, "many": 2}[label])
    mapped = 'path = "words.parquet"\nlabels = { 1 = "few", 2 = "many" }'
    project.write(head=project.head.replace('path = "words.parquet"', mapped))
    assert project.run().results[0].numbers["value"] == plain
    renamed = 'task = "count"\nlabels = { few = "one", many = "two" }'
    mapped = mapped.replace("few", "one").replace("many", "two")
    project.write(head=project.head.replace('task = "count"', renamed).replace('path = "words.parquet"', mapped))
    assert project.run().results[0].numbers["value"] == plain


@pytest.mark.parametrize(
    "labels",
    ['{ few = "many" }', '{ few = "a", many = "a" }', '{ few = "" }', '{ fwe = "a" }', '{ few = "a", 0 = "b" }'],
)
def test_names_that_do_not_tell_the_classes_of_a_model_apart_are_refused(project, refusal, labels):
    project.write(SOUND, head=project.head.replace('task = "count"', f'task = "count"\nlabels = {labels}'))
    assert "`labels` of `[model]`" in refusal().message


def test_a_map_that_leaves_rows_without_a_label_leaves_them_out(project):
    mapped = 'path = "words.parquet"\nlabels = { many = "" }'
    project.write(SOUND, head=project.head.replace('path = "words.parquet"', mapped))
    few = pq.read_table(project.folder / "words.parquet").column("label").to_pylist().count("few")
    assert project.run().results[0].numbers["value"].rows == few
