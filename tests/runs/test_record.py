"""Runs without texts: of no schema is a prediction or target kept that has words of a row; all others are."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mqa_registry import runs
from mqa_registry.types import SCHEMAS

if TYPE_CHECKING:
    from pathlib import Path

WORDS = ["a secret film", "another secret", "the third secret"]
PREDICTIONS = {
    "label": ["good", "bad", "good"],
    "labels": [["good"], ["bad"], []],
    "value": [0.5, 0.25, 1.0],
    "vector": [[0.5, 0.25], [0.0, 1.0], [1.0, 0.0]],
    "text": WORDS,
    "answer": WORDS,
    "spans": [[{"start": 2, "end": 8, "label": "noun", "score": 0.5}], [], []],
    "boxes": [[{"x0": 0.0, "y0": 0.0, "x1": 1.0, "y1": 1.0, "label": "cat", "score": 0.5}], [], []],
    "masks": [[{"label": "cat", "size": [1, 2], "counts": "11", "score": 1.0}], [], []],
    "instances": [[{"label": "cat", "size": [1, 2], "counts": "11", "score": 1.0}], [], []],
    "tokens": [[{"token": word, "margin": 0.5, "loss": 0.1, "rank": 1}] for word in WORDS],
    "ranking": [[word, "else"] for word in WORDS],
    "waveform": [[0.5], [0.25], [0.0]],
}
QUOTING = ("text", "answer", "ranking", "tokens")  # of which a prediction may be words of its row
PLUGIN = """
import numpy as np
from mqa_registry import Metric, hookimpl

def count(predictions, targets):
    \"\"\"One of every row.\"\"\"
    return np.ones(len(predictions.table))

@hookimpl
def mqa_metrics():
    yield Metric("count", count, schemas=("SCHEMA",), range=(0.0, 1.0))
"""
SUITE = """
format = 1
[data.films]
use = "datasets/file"
path = "films.parquet"
[backends.before]
use = "replay/file"
path = "before.parquet"
schema = "SCHEMA"
[[check]]
measure = "counting/count"
gate = "point"
expect = { min = 1 }
"""


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """What a run of replayed predictions keeps without texts, unpacked, and the verdict when it is judged again."""
    monkeypatch.chdir(tmp_path)

    def keep(schema, *, examples=False):
        name, kind = SCHEMAS[schema].column, SCHEMAS[schema].type
        predictions = {"id": ["1", "2", "3"], name: pa.array(PREDICTIONS[schema], kind)}
        if schema == "waveform":
            predictions["rate"] = pa.array([16_000] * 3, pa.int32())
        pq.write_table(pa.table(predictions), "before.parquet")
        target = pa.array(PREDICTIONS[schema], kind)
        pq.write_table(pa.table({"id": ["1", "2", "3"], "text": WORDS, "target": target}), "films.parquet")
        (tmp_path / "counting.py").write_text(PLUGIN.replace("SCHEMA", schema), "utf-8")
        (tmp_path / "suite.toml").write_text(SUITE.replace("SCHEMA", schema), "utf-8")
        plugins = (tmp_path / "counting.py",)
        report = runs.run("suite.toml", runs.RunOptions(plugin_files=plugins), examples=examples)
        assert report.results[0].verdict == "PASS", report.results[0].note
        tables = (tmp_path / ".mqa" / "runs" / report.run).glob("*.parquet")
        whole = "\n".join(str(pq.read_table(path).to_pylist()) for path in tables)
        (again,) = runs.judge(report.run, plugin_files=plugins).results
        return whole, again

    return keep


def test_every_schema_is_looked_at():
    assert set(PREDICTIONS) == set(SCHEMAS)


@pytest.mark.parametrize("schema", QUOTING)
def test_predictions_and_targets_that_are_words_are_not_kept(kept, schema):
    whole, again = kept(schema, examples=True)
    assert "secret" in whole
    assert again.verdict == "PASS"
    whole, again = kept(schema)
    assert "secret" not in whole
    assert again.verdict == "NOT-RUN"
    assert "kept without texts" in again.note


@pytest.mark.parametrize("schema", sorted(set(PREDICTIONS) - {*QUOTING}))
def test_other_predictions_are_kept_without_the_texts_of_their_rows(kept, schema):
    whole, again = kept(schema)
    assert "secret" not in whole
    assert again.verdict == "PASS"


def text_in(project) -> str:
    """All files of the newest run that is kept, as text."""
    return "\n".join(map(read_as_text, project.kept[-1].iterdir()))


def read_as_text(path: Path) -> str:
    """What a file of a kept run says, in a form in which it can be searched."""
    if path.suffix == ".parquet":
        return str(pq.read_table(path).to_pylist())
    return (gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()).decode()


def test_without_examples_no_text_is_kept_and_the_numbers_are_the_same(project, said):
    texts = pq.read_table(project.folder / "words.parquet").column("text").to_pylist()
    whole = project.run()
    assert any(text in text_in(project) for text in texts)
    report = project.run(examples=False)
    assert not any(text in text_in(project) for text in texts)
    assert said(project.judge()) == said(report)
    assert [one["numbers"] for one in said(report)] == [one["numbers"] for one in said(whole)]


def test_without_texts_rows_of_one_cluster_stay_together(project, said):
    table = pq.read_table(project.folder / "words.parquet")
    pq.write_table(table.append_column("author", pa.array([f"author-{row // 8}" for row in range(len(table))])),
                   project.folder / "words.parquet")  # fmt: skip
    project.write(head=project.head.replace("[data.words]", '[data.words]\ncolumns = { cluster = "author" }'))
    report = project.run(examples=False)
    assert report.results[0].evidence.clusters
    assert said(project.judge()) == said(report)


def test_without_texts_a_new_slice_is_not_run(project):
    project.run(examples=False)
    other = project.folder / "other.toml"
    other.write_text(project.suite.read_text().replace('by = "fairness/length"', 'by = "fairness/identity-terms"'))
    result = next(result for result in project.judge(suite=other).results if result.check == "lengths")
    assert result.verdict == "NOT-RUN"
    assert "kept without texts" in result.note


CRASHING = """
from mqa_registry import NoOptions, Perturbation, Probe, Slice, hookimpl
import pyarrow as pa

def crash(example, rng):
    \"\"\"It quotes the row.\"\"\"
    raise ValueError(f"no such word: {example['text']}")

def misfit(example, rng):
    \"\"\"It gives back what it must not.\"\"\"
    return {"text": [example["text"]]}

def cut(example):
    \"\"\"It quotes the row.\"\"\"
    raise LookupError(example["text"])

class Look(Probe[NoOptions]):
    \"\"\"It keeps the words of rows.\"\"\"
    name, inputs, outputs, text_columns = "look", "rows", ("value",), ("words",)

    def observe(self, context, options):
        return pa.table({"id": context.view.rows.ids, "words": context.view.rows.table.column("text")})

    def numbers(self, seen):
        return {"value": float(len(seen))}

@hookimpl
def mqa_perturbations():
    yield Perturbation("crash", crash, modality="text")
    yield Perturbation("misfit", misfit, modality="text")

@hookimpl
def mqa_slices():
    yield Slice("cut", cut)

@hookimpl
def mqa_probes():
    return [Look()]
"""
CRASHES = """
[[check]]
name = "crash"
measure = "metrics/accuracy"
perturb = "crashing/crash"
gate = "point"
expect = { min = 0.5 }
[[check]]
name = "misfit"
measure = "metrics/accuracy"
perturb = "crashing/misfit"
gate = "point"
expect = { min = 0.5 }
[[check]]
name = "cut"
measure = "metrics/accuracy"
by = "crashing/cut"
gate = "point"
expect = { min = 0.5 }
[[check]]
name = "look"
measure = "crashing/look"
expect = { max = 3 }
"""


@pytest.fixture
def crashed(tmp_path, monkeypatch):
    """All that a run writes whose contributions quote rows where they crash, and its results now and judged again."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "crashing.py").write_text(CRASHING, "utf-8")
    (tmp_path / "suite.toml").write_text(
        SUITE[: SUITE.index("[[check]]")].replace("SCHEMA", "label") + CRASHES, "utf-8"
    )
    pq.write_table(pa.table({"id": ["1", "2", "3"], "text": WORDS, "label": PREDICTIONS["label"]}), "films.parquet")
    pq.write_table(pa.table({"id": ["1", "2", "3"], "label": PREDICTIONS["label"]}), "before.parquet")

    def run(*, examples):
        report = runs.run("suite.toml", runs.RunOptions(plugin_files=(tmp_path / "crashing.py",)), examples=examples)
        again = runs.judge(report.run, plugin_files=(tmp_path / "crashing.py",), examples=examples)
        files = (tmp_path / ".mqa" / "runs" / report.run).iterdir()
        return (
            "\n".join([*map(read_as_text, files), str(report.results), str(again.results)]),
            report.results,
            again.results,
        )

    return run


def test_errors_that_quote_a_row_are_told_without_their_words(crashed):
    whole, results, again = crashed(examples=False)
    assert "secret" not in whole
    for found in (results, again):
        notes = {result.check: result.note for result in found}
        assert "the perturbation `crashing/crash` crashed: ValueError, in words that are left out" in notes["crash"]
        assert "the perturbation `crashing/misfit` gave an invalid value, in words that are left out" in notes["misfit"]
        assert "`crashing/cut`" in notes["cut"]
        assert {result.check: str(result.verdict) for result in found}["look"] == "PASS"


def test_otherwise_they_are_told_as_they_are(crashed):
    whole, results, _ = crashed(examples=True)
    assert "no such word: a secret film" in results[0].note
    assert whole.count("third secret") > 0
