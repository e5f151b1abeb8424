"""Runs of a model that answers questions as a user has them: on both backends, perturbed, in slices, replayed, and drafted."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from mqa_registry import RunOptions, run
from mqa_registry.cli import app

SUITES = Path(__file__).parents[2] / "suites"
MODEL = SUITES / "models" / "notes-reader"
TASK = {"use": "question-answering", "no_answer_threshold": 0.0}
ROWS = 60


@pytest.fixture(scope="module")
def notes():
    return pq.read_table(SUITES / "data" / "notes.parquet").slice(0, ROWS)


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Writes a table of rows; in the working folder."""
    monkeypatch.chdir(tmp_path)
    return lambda table, name="rows.parquet": pq.write_table(table, tmp_path / name)


def suite(*checks, **backends):
    model = {"use": "transformers/auto", "id": str(MODEL), "task": TASK}
    data = {"rows": {"use": "datasets/file", "path": "rows.parquet", "columns": {"target": "answers"}}}
    backends = backends or {"torch": {"use": "transformers/torch"}, "onnx": {"use": "onnxruntime/session"}}
    return {"format": 1, "name": "answers", "model": model, "data": data, "backends": backends, "check": list(checks)}


def check(name, measure, **more):
    return {"name": name, "measure": measure, "expect": {"min": 0.0}, **more}


TYPOS = {"use": "robustness/typos", "rate": 0.2}
CHECKS = (
    check("exact", "metrics/exact-match"),
    check("f1", "metrics/answer-f1"),
    check("answerable", {"use": "metrics/answer-f1", "questions": "answerable"}),
    check("unanswerable", {"use": "metrics/exact-match", "questions": "unanswerable"}),
    check("no answer", "metrics/no-answer-accuracy"),
    check("best", "metrics/best-answer-f1"),
    check("typos", "metrics/answer-f1", perturb=TYPOS),
    check("kinds", "metrics/answer-f1", by={"use": "fairness/column", "column": "kind"}),
    check("same", "parity/agreement"),
    check("kept", "parity/agreement", perturb=TYPOS, against={"perturb": False}),
)


def estimates(report, backend):
    return {
        one.check: one.numbers["value"].estimate
        for one in report.results
        if one.backend == backend and "value" in one.numbers
    }


@pytest.mark.slow
def test_both_backends_answer_alike_and_typos_cost_something(write, notes):
    write(notes)
    report = run(suite(*CHECKS), RunOptions())
    torch, onnx = estimates(report, "torch"), estimates(report, "onnx")
    assert torch == {name: one for name, one in onnx.items() if name != "same"}
    assert onnx["same"] == 1
    assert torch["f1"] > 0.6
    assert 0 < torch["typos"] < torch["f1"]
    assert torch["exact"] <= torch["f1"] <= torch["best"] <= 1
    n_without = sum(not one["text"] for one in notes["answers"].to_pylist())
    together = ((ROWS - n_without) * torch["answerable"] + n_without * torch["unanswerable"]) / ROWS
    assert together == pytest.approx(torch["f1"])
    assert 0 < torch["kept"] < 1
    (kinds,) = [one for one in report.results if one.check == "kinds" and one.backend == "onnx"]
    assert kinds.groups.keys() == {"person", "place", "firm", "day", "price"}


def test_replayed_answers_are_judged_as_those_of_the_model(write, notes, tmp_path):
    write(notes)
    texts = {
        name: next(iter(answers["text"]), "")
        for name, answers in zip(notes["id"].to_pylist(), notes["answers"].to_pylist(), strict=True)
    }
    texts["00000"] += " or not"
    (tmp_path / "predictions.json").write_text(json.dumps(texts), "utf-8")
    service = {"use": "replay/file", "path": "predictions.json", "schema": "answer"}
    found = estimates(run(suite(*CHECKS[:2], service=service), RunOptions()), "service")
    assert found["exact"] == pytest.approx(1 - 1 / ROWS)
    assert found["exact"] < found["f1"] < 1


def test_an_answer_that_is_not_in_its_context_ends_with_2_and_names_its_row(write, notes, tmp_path):
    answers = notes["answers"].to_pylist()
    answers[2] = {"text": ["nobody at all"], "answer_start": [4]}
    column = notes.column_names.index("answers")
    write(notes.set_column(column, "answers", pa.array(answers, notes.schema.field("answers").type)))
    text = f"""
format = 1
name = "answers"
model = {{ use = "transformers/auto", id = "{MODEL}", task = "question-answering" }}
data.rows = {{ use = "datasets/file", path = "rows.parquet", columns = {{ target = "answers" }} }}
backends.torch = {{ use = "transformers/torch" }}
[[check]]
measure = "metrics/answer-f1"
expect = {{ min = 0.5 }}
"""
    (tmp_path / "suite.toml").write_text(text, "utf-8")
    done = CliRunner().invoke(app, ["run", "suite.toml"])
    assert done.exit_code == 2
    said = " ".join(done.stderr.split())
    assert "row 3 of the data set `rows` has the answer `nobody at all` at 4, and its context has" in said


def test_a_suite_is_drafted_from_a_table_with_questions_contexts_and_answers(write, notes, tmp_path):
    write(notes)
    done = CliRunner().invoke(app, ["init", str(MODEL), "--data", "rows.parquet", "--out", "suite.toml"])
    assert done.exit_code == 0, done.output
    text = (tmp_path / "suite.toml").read_text("utf-8")
    assert "question-answering" in text
    assert 'target = "answers"' in text
    assert "metrics/answer-f1" in text
    assert CliRunner().invoke(app, ["validate", "suite.toml"]).exit_code == 0
