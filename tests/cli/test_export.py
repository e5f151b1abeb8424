"""`mqa export`: what any backend exports is shown, written down, and judged by its findings."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from mqa_registry.cli import app

# A backend that writes a text, and finds in it what the option says.
PLUGIN = """
from dataclasses import dataclass
from mqa_registry import Backend, Codec, Exported, Finding, Model, ModelSource, NotRunError, Task, NoOptions, hookimpl

@dataclass(frozen=True, kw_only=True)
class KnownOptions:
    id: str

class Known(ModelSource[KnownOptions]):
    "Any model."
    name = "known"

    def load(self, task, run_context, options):
        return Model(digest="sha256:" + options.id, module=lambda: None, processor=lambda: None)

class Words(Task[NoOptions]):
    "Words."
    name, schema, fields, metric = "words", "label", {"text": "text"}, "metrics/f1"
    sample = ({"text": "a"},)

    def bind(self, model, options):
        return WordCodec()

class WordCodec(Codec):
    encode = collate = decode = cost = lambda self, *given: list(*given)

@dataclass(frozen=True, kw_only=True)
class TextOptions:
    precision: str = ""
    opset: int = 1

class Bare(Backend[TextOptions]):
    "Runs nothing."
    name = "none"

    def identity(self, model_under_test, options):
        return {}

    def open(self, model_under_test, options): ...

class Text(Bare):
    name = "text"
    export_options = TextOptions

    def export(self, model_under_test, folder, options):
        if options.precision == "refuse":
            raise NotRunError("the model cannot be exported", hint="try another")
        folder.mkdir(exist_ok=True)
        file = folder / "model.txt"
        file.write_text(f"{model_under_test.model.digest} {options.opset}")
        found = [Finding(options.precision, "weights", "they are\\x1b[31m light", "eat")] if options.precision else []
        return Exported([file], found, {"digest": model_under_test.model.digest}, {"kind": "text"})

@hookimpl
def mqa_models():
    return [Known()]

@hookimpl
def mqa_tasks():
    return [Words()]

@hookimpl
def mqa_backends():
    return [Text(), Bare()]
"""

# The file has the rows that there were to trace with, and how many there would be to measure with.
TRACES = """
import json

def export(self, model_under_test, folder, options):
    folder.mkdir()
    rows = [row["text"] for row in model_under_test.samples()]
    (folder / "rows").write_text(json.dumps([rows, len(model_under_test.examples(128))]))
    return Exported([folder / "rows"], [], {}, {})

Text.export = export
"""

INFERS = """
Known.infer_task = lambda self, run_context, options: "own/words"
"""


@pytest.fixture
def export(tmp_path, monkeypatch):
    """`mqa export model` with this plugin's source, task and backend."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.py").write_text(PLUGIN)
    named = ["--source", "own/known", "--task", "words", "--backend", "own/text", "--plugin", "own.py"]
    return lambda *more: CliRunner().invoke(app, ["export", "model", *named, *more])


def test_a_task_that_nobody_named_is_told_by_the_source_and_shown(export, tmp_path):
    (tmp_path / "own.py").write_text(PLUGIN + INFERS)
    done = CliRunner().invoke(
        app, ["export", "model", "--source", "own/known", "--backend", "own/text", "--plugin", "own.py", "--out", "out"]
    )
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[0] == "  task       own/words, as the model's source infers; `--task` names another"


@pytest.fixture
def traced(export, tmp_path):
    """For a task without a sample: the rows it is traced with, what is said of them, how many there are to measure with."""

    def run(*more):
        (tmp_path / "own.py").write_text(PLUGIN.replace('({"text": "a"},)', "()") + TRACES)
        done = export("--out", "out", *more)
        assert done.exit_code == 0, done.output
        rows, measurable = json.loads((tmp_path / "out/rows").read_text())
        return rows, done.stdout, measurable

    return run


def test_a_task_of_texts_without_a_sample_is_traced_with_a_few_sentences_of_differing_length(traced):
    rows, shown, measurable = traced()
    lengths = [len(row) for row in rows]
    assert len(set(lengths)) == len(rows) == 4
    assert f"4 texts of mqa's own, of {min(lengths)} to {max(lengths)} characters" in shown
    assert measurable == 0  # nothing is calibrated with rows that mean nothing


def test_a_task_with_a_sample_of_its_own_is_traced_with_that(export, tmp_path):
    (tmp_path / "own.py").write_text(PLUGIN + TRACES)
    done = export("--out", "out")
    assert json.loads((tmp_path / "out/rows").read_text()) == [["a"], 0]
    assert "mqa's own" not in done.stdout


def test_a_folder_that_is_no_store_is_left_alone(export, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full/thesis.txt").write_text("years of work")
    done = export("--out", "out", "--store", "full")
    assert (done.exit_code, "`full` is no store of mqa" in done.stderr) == (3, True), done.output
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["thesis.txt"]
    assert not (tmp_path / "out").exists()


def test_rows_of_ones_own_are_traced_with_instead(traced, tmp_path):
    (tmp_path / "rows.csv").write_text("text\none\nand another\n")
    rows, shown, measurable = traced("--data", "rows.csv")
    assert (rows, measurable) == (["one", "and another"], 2)
    assert "mqa's own" not in shown


def test_a_column_of_another_name_is_mapped_on_the_command_line(traced, tmp_path):
    (tmp_path / "rows.csv").write_text("review\none\nand another\n")
    assert traced("--data", "rows.csv", "--columns", "text=review")[0] == ["one", "and another"]


@pytest.mark.parametrize(
    ("more", "message", "hint"),
    [
        ([], "the data set `data` has no column `text`", "it has `review`; map a column with `--columns text=COLUMN`"),
        (["--columns", "txt=review"], "`txt` is no field of the task `own/words`", "did you mean `text`?"),
        (
            ["--columns", "text=revue"],
            "the data set `data` has no column `revue`",
            "did you mean `review`? it has `review`; map a column with `--columns text=COLUMN`",
        ),
        (["--columns", "text"], "`--columns text` maps nothing", "write `--columns text=COLUMN`"),
        (["--columns", "text=review", "--columns", "text=b"], "`--columns` maps `text` twice", "leave one"),
    ],
)
def test_columns_that_do_not_fit_get_a_hint_that_the_command_can_take(export, tmp_path, more, message, hint):
    (tmp_path / "rows.csv").write_text("review\none\n")
    done = export("--out", "out", "--data", "rows.csv", *more)
    assert done.exit_code == 2, done.output
    assert done.stderr.startswith(f"error: {message}")
    assert done.stderr.splitlines()[1].startswith(f"hint: {hint}")


def test_columns_of_no_file_are_refused(export):
    done = export("--out", "out", "--columns", "text=review")
    assert (done.exit_code, "name the file with `--data`" in done.stderr) == (2, True)


def test_an_export_is_shown_and_written_down(export, tmp_path):
    done = export("--out", "out", "--opset", "7", "--json", "told.json")
    assert done.exit_code == 0, done.output
    assert (tmp_path / "out/model.txt").read_text() == "sha256:model 7"
    assert json.loads((tmp_path / "told.json").read_text()) == {"digest": "sha256:model", "exported": ["model.txt"]}
    lines = [line.split() for line in done.stdout.splitlines()]
    assert lines == [
        ["kind", "text"],
        ["model.txt", "14", "B", "in", "out"],
        [],
        ["Exported:", "nothing", "to", "remark."],
    ]


def test_json_on_stdout_leaves_it_to_machines(export):
    done = export("--out", "out", "--json", "-")
    assert json.loads(done.stdout) == {"digest": "sha256:model", "exported": ["model.txt"]}
    assert "Exported" in done.stderr


@pytest.mark.parametrize(
    ("level", "code", "closing"),
    [
        ("problem", 1, "Exported, and not fit to ship: 1 problem."),
        ("warning", 0, "Exported: 1 warning."),
        ("note", 0, "Exported: 1 note."),
    ],
)
def test_a_problem_in_what_was_exported_is_exit_1(export, level, code, closing):
    done = export("--out", "out", "--precision", level)
    assert done.exit_code == code
    assert done.stdout.rstrip().endswith(closing)
    assert "fix: eat" in done.stdout


def test_nothing_that_a_file_says_of_itself_reaches_the_terminal_as_a_code(export):
    shown = export("--out", "out", "--precision", "warning").stdout
    assert "\x1b[31m light" not in shown
    assert "\\x1b[31m light" in shown


def test_an_export_that_cannot_be_made_is_exit_3(export, tmp_path):
    done = export("--out", "out", "--precision", "refuse")
    assert done.exit_code == 3
    assert done.stderr.splitlines() == ["error: the model cannot be exported", "hint: try another"]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--out", "own.py"], "error: `own.py` is a file, and a folder is needed"),
        (["--out", "x", "--json", "no/such/folder.json"], "error: there is no folder to write"),
        (["--out", "x", "--per-channel"], "error: `own/text` has no option `per_channel`"),
        (["--out", "x", "--task", "wrods"], "error: plugin `own` has no task `wrods`"),
        (["--out", "x", "--backend", "own/txt"], "error: plugin `own` has no backend or replay `txt`"),
        (["--out", "x", "--backend", "own/none"], "error: `own/none` exports nothing"),
        (["--out", "x", "--backend", "nobody/knows"], "error: no plugin `nobody` is installed"),
        (["--out", "x", "--backend", "text"], "error: `text` names no contribution"),
        (["--out", "x", "--data", "none.parquet"], "error: "),
    ],
)
def test_a_wrong_command_is_exit_2_with_one_line_and_a_hint(export, more, message):
    done = export(*more)
    assert done.exit_code == 2, done.output
    assert done.stderr.startswith(message)
    assert len(done.stderr.splitlines()) <= 2
    assert done.stdout == ""


def test_a_file_is_not_exported_once_more(export, tmp_path):
    known = 'return Model(digest="sha256:" + options.id, module=lambda: None, processor=lambda: None'
    (tmp_path / "own.py").write_text(PLUGIN.replace(known, f'{known}, file=__import__("pathlib").Path("a.onnx")'))
    done = export("--out", "out")
    assert done.exit_code == 2
    assert done.stderr.startswith("error: `a.onnx` is exported already\nhint: name the model that it was made of")
