"""The suite of a reader: its notes, which the reader has not seen, and what it says of sound, damaged and untrained ones."""

from __future__ import annotations

import importlib
import shutil
from collections import Counter

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from mqa_registry.cli import app
from tests.suites.conftest import SUITES

DATA = SUITES / "data" / "notes.parquet"
MODEL = SUITES / "models" / "notes-reader"
DAMAGED = "bert.encoder.layer.1.output.dense.bias"
QUALITY = ("metrics/exact-match", "metrics/answer-f1", "answerable", "unanswerable", "metrics/no-answer-accuracy")
PARITY = ("parity/tensors", "parity/agreement")


@pytest.fixture
def notes(recipes):
    return importlib.import_module("notes")


def name_verdicts(report):
    """The checks by the verdicts that they have on some backend."""
    checks = {}
    for result in report["results"]:
        checks.setdefault(result["verdict"], set()).add(result["check"])
    return checks


def test_the_suite_is_sound(expect_sound):
    expect_sound("qa")


def test_the_notes_are_what_their_card_says():
    rows = pq.read_table(DATA).to_pylist()
    assert list(rows[0]) == ["id", "question", "context", "answers", "kind", "origin", "gender"]
    assert len({row["id"] for row in rows}) == 1500
    assert [bool(row["answers"]["text"]) for row in rows] == [True, True, True, True, False] * 300
    kinds = Counter(row["kind"] for row in rows)
    assert set(kinds) == {"person", "place", "firm", "day", "price"}
    assert min(kinds.values()) >= 280
    for row in rows:
        for text, start in zip(*row["answers"].values(), strict=True):
            assert text
            assert row["context"][start : start + len(text)] == text
            assert row["context"].count(text) == 1


def test_the_reader_was_trained_on_other_sentences_questions_and_names(notes):
    held_out, trained = (notes.split(held_out=one) for one in (True, False))
    for table, others in ((held_out.sentences, trained.sentences), (held_out.questions, trained.questions)):
        assert {kind: len(values) for kind, values in table.items()} == dict.fromkeys(table, 3)
        assert not {one for values in table.values() for one in values} & {
            one for values in others.values() for one in values
        }
    assert not {*held_out.fillers} & {*trained.fillers}
    assert not {one.name for one in held_out.people} & {one.name for one in trained.people}
    for name in notes.NAMES:
        assert not {*held_out.names[name]} & {*trained.names[name]}


def test_the_notes_are_made_again_by_their_recipe(notes):
    rows = notes.make_rows(notes.split(held_out=True), notes.ROWS, notes.SEED)
    assert list(rows) == pq.read_table(DATA).to_pylist()


def test_its_deployment_is_looked_at_without_running_the_model(run_suite):
    report = run_suite("qa", "parity/inputs")
    (result,) = report["results"]
    assert (result["backend"], result["verdict"]) == (None, "PASS")
    assert result["evidence"]["notes"] == ["all inputs of 16 rows are equal"]
    assert report["environment"]["backends"] == {}


@pytest.mark.slow
def test_the_suite_holds_on_both_backends_and_what_fails_is_known_to(run_suite):
    report = run_suite("qa")
    assert list(report["environment"]["backends"]) == ["torch", "onnx"]
    judged = [one for one in report["results"] if one["check"] != "latency"]  # which is for the machine to say
    assert {one["verdict"] for one in judged if one["critical"]} == {"PASS"}
    assert {one["verdict"] for one in judged if not one["critical"]} == {"FAIL"}
    scores = [one for one in report["results"] if one["check"] == "metrics/answer-f1"]
    assert {one["backend"] for one in scores} == {"torch", "onnx"}
    assert all(0.50 < one["numbers"]["value"]["estimate"] < 0.57 for one in scores)


@pytest.fixture
def damage(tmp_path):
    """Gives an export of the reader, with so much added to every second bias of its last layer."""
    import onnx

    done = CliRunner().invoke(app, ["export", str(MODEL), "--out", str(tmp_path / "export")])
    assert done.exit_code == 0, done.output
    (path,) = (tmp_path / "export").glob("*.onnx")

    def save(shift):
        model = onnx.load(path)
        (bias,) = [one for one in model.graph.initializer if one.name.endswith(DAMAGED)]
        values = onnx.numpy_helper.to_array(bias).copy()
        values[::2] += shift
        bias.CopyFrom(onnx.numpy_helper.from_array(values, bias.name))
        onnx.save(model, tmp_path / "damaged.onnx")
        return tmp_path / "damaged.onnx"

    return save


@pytest.mark.slow
def test_a_damaged_export_fails_by_parity_alone(run_suite, damage):
    setting = f"backends.onnx.path={damage(0.5)}"
    report = run_suite("qa", *QUALITY, *PARITY, settings=[setting], exit_code=1)
    assert name_verdicts(report) == {"PASS": {*QUALITY}, "FAIL": {*PARITY}}
    (tensors,) = [one for one in report["results"] if (one["check"], one["backend"]) == ("parity/tensors", "onnx")]
    found = tensors["evidence"]["details"]["first_divergence"]
    assert (found["kind"], found["module"]) == ("weights", DAMAGED.removesuffix(".bias"))


@pytest.mark.slow
def test_an_untrained_reader_fails_and_its_export_agrees_with_it(run_suite, tmp_path):
    import torch
    from transformers import AutoConfig, AutoModelForQuestionAnswering

    torch.manual_seed(0)
    AutoModelForQuestionAnswering.from_config(AutoConfig.from_pretrained(MODEL)).save_pretrained(tmp_path)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(MODEL / name, tmp_path)
    report = run_suite("qa", *QUALITY, *PARITY, settings=[f"model.id={tmp_path}"], exit_code=1)
    always = "metrics/no-answer-accuracy"  # it always answers, which is right of four questions in five
    assert name_verdicts(report) == {"FAIL": {*QUALITY} - {always}, "INCONCLUSIVE": {always}, "PASS": {*PARITY}}
