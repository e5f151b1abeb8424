"""Answers that were predicted elsewhere: under their own names, those of a pipeline, and the predictions of SQuAD."""

from __future__ import annotations

import json

import pytest

from mqa_registry import DataError
from mqa_replay.file import FileOptions, FileReplay


@pytest.fixture
def read(tmp_path):
    def make(rows, name="answers.jsonl"):
        text = "\n".join(map(json.dumps, rows)) if isinstance(rows, list) else json.dumps(rows)
        (tmp_path / name).write_text(text, "utf-8")
        return FileReplay().read("notes", FileOptions(path=tmp_path / name, schema="answer"))

    return make


def test_answers_of_a_pipeline_have_positions_and_scores(read):
    rows = [{"id": "a", "answer": "Rome", "start": 3, "end": 7, "score": 0.5}, {"id": "b", "answer": "", "score": 0.9}]
    predictions = read(rows)
    assert predictions.to_pylist() == ["Rome", ""]
    assert predictions.table["start"].to_pylist() == [3, None]
    assert predictions.table["score"].to_pylist() == [0.5, 0.9]


def test_predictions_of_squad_are_one_object_of_texts_by_id(read):
    predictions = read({"5a8c": "Rome", "5a8d": ""}, "predictions.json")
    assert (predictions.ids.to_pylist(), predictions.to_pylist()) == (["5a8c", "5a8d"], ["Rome", ""])


def test_other_usual_names_are_read_and_the_report_says_so(read):
    predictions = read([{"id": "a", "prediction_text": "Rome", "no_answer_probability": 0.25}])
    assert predictions.table.select(["answer", "no_answer_score"]).to_pylist() == [
        {"answer": "Rome", "no_answer_score": 0.25}
    ]
    assert predictions.read == "answer from `prediction_text`, no_answer_score from `no_answer_probability`"


def test_a_log_without_answers_is_refused(read):
    with pytest.raises(DataError, match="there is no column `answer`"):
        read([{"id": "a", "start": 3}])
