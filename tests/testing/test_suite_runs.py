"""Suites that run in a test, on a table in place of a model."""

from __future__ import annotations

import pytest

from mqa_registry import UsageError
from mqa_registry.testing import make_inputs, run_suite
from tests.testing.planted_faults import SHOUT

FILMS = [
    {"id": "1", "text": "a good film", "target": "positive"},
    {"id": "2", "text": "a bad film", "target": "negative"},
    {"id": "3", "text": "good, not bad", "target": "positive"},
    {"id": "4", "text": "nothing to say", "target": "negative"},
]
BACKEND = """
[backends.{name}]
use = "lookup/backend"
answers = {{ {answers} }}
otherwise = "negative"
"""
OLD = BACKEND.format(name="old", answers='good = "positive", bad = "negative"')
NEW = BACKEND.format(name="new", answers='good = "positive", "not bad" = "negative"')
ACCURACY = '[[check]]\nmeasure = "metrics/accuracy"\ngate = "point"\nexpect = { min = 0.9 }\n'


def test_a_table_predicts_by_the_longest_answer_that_a_text_contains():
    report = run_suite(OLD + NEW + ACCURACY, data={"films": FILMS})
    assert [(one.backend, one.numbers["value"].estimate) for one in report.results] == [("old", 1.0), ("new", 0.75)]


def test_two_tables_are_a_reference_and_a_candidate():
    check = '[[check]]\nmeasure = "parity/agreement"\ngate = "point"\nexpect = { min = 1 }\n'
    (result,) = run_suite(OLD + NEW + check, data={"films": FILMS}).results
    assert (result.verdict, result.numbers["value"].estimate) == ("FAIL", 0.75)
    assert [row.id for row in result.evidence.examples] == ["3"]


def test_a_perturbation_of_a_file_is_run(tmp_path):
    plugin = tmp_path / "loud.py"
    plugin.write_text(SHOUT, "utf-8")
    check = (
        '[[check]]\nmeasure = "metrics/accuracy"\nperturb = "loud/shout"\ngate = "point"\nexpect = { max_drop = 0.1 }\n'
    )
    (result,) = run_suite(OLD + check, plugins=[plugin], data={"films": FILMS}).results
    assert (result.verdict, result.numbers["drop"].estimate) == ("FAIL", 0.5)  # no answer is in capitals


def test_an_example_without_an_answer_has_no_prediction():
    suite = OLD.replace('otherwise = "negative"\n', "") + ACCURACY
    (result,) = run_suite(suite, data={"films": FILMS}).results
    assert result.verdict == "ERROR"
    assert "NaN" in result.note


@pytest.mark.parametrize(("modality", "key"), [("image", "photo.png"), ("audio", "tone.wav"), ("columns", '"Paris"')])
def test_files_and_columns_are_looked_up_too(modality, key, tmp_path):
    rows = []
    for number, value in enumerate(make_inputs(modality).ordinary):
        if modality == "columns":
            rows.append({**value, "target": number})
        else:
            (tmp_path / value.name).write_bytes(value.read())
            rows.append({modality: str(tmp_path / value.name), "target": number})
    suite = f"""
    [model]
    use = "lookup/model"
    task = "lookup/{modality}-value"
    [backends.table]
    use = "lookup/backend"
    answers = {{ '{key}' = 0.0 }}
    otherwise = 1.0
    [[check]]
    measure = "metrics/mae"
    gate = "point"
    expect = {{ max = 0.5 }}
    """
    (result,) = run_suite(suite, data={"rows": rows}).results
    assert result.numbers["value"].estimate == pytest.approx((len(rows) - 2) / len(rows) if len(rows) > 2 else 0.0)


def test_nothing_is_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run_suite(OLD + ACCURACY, data={"films": FILMS})
    assert list(tmp_path.iterdir()) == []


def test_a_text_that_is_no_toml_is_said_so():
    with pytest.raises(UsageError, match=r"the suite is no TOML: "):
        run_suite("[backends", data={"films": FILMS})
