"""Runs of a tagger as a user has them: texts and words, perturbed and replayed, and what is said of wrong targets."""

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
MODEL = SUITES / "models" / "newswire-tagger"
ROWS = 40


@pytest.fixture(scope="module")
def news():
    """Rows with a text, and the spans in it."""
    return pq.read_table(SUITES / "data" / "newswire.parquet").slice(0, ROWS)


@pytest.fixture
def write(news, tmp_path, monkeypatch):
    """Writes a table of rows; in the working folder."""
    monkeypatch.chdir(tmp_path)
    return lambda table, name="rows.parquet": pq.write_table(table, tmp_path / name)


def suite(columns, *checks, **backends):
    model = {"use": "transformers/auto", "id": str(MODEL), "task": "token-classification"}
    data = {"rows": {"use": "datasets/file", "path": "rows.parquet", "columns": columns}}
    backends = backends or {"torch": {"use": "transformers/torch"}}
    return {"format": 1, "name": "tagging", "model": model, "data": data, "backends": backends, "check": list(checks)}


def estimates(report):
    return {result.check: result.numbers["value"].estimate for result in report.results}


F1 = {"name": "f1", "measure": "metrics/span-f1", "expect": {"min": 0.0}}
TOKENS = {"name": "tokens", "measure": "metrics/token-accuracy", "expect": {"min": 0.0}}
TYPOS = {"use": "robustness/typos", "rate": 0.2}


def to_words(table):
    """The rows as words with a BIO tag each, as a CoNLL file has them."""
    words, tags = [], []
    for text, spans in zip(table["text"].to_pylist(), table["spans"].to_pylist(), strict=True):
        names, start, row = [], 0, text.split(" ")
        for word in row:
            span = next((one for one in spans if one["start"] <= start < one["end"]), None)
            prefix = span and ("B" if span["start"] == start else "I")
            names.append(f"{prefix}-{span['label']}" if span else "O")
            start += len(word) + 1
        words.append(row)
        tags.append(names)
    return pa.table({"id": table["id"], "tokens": words, "ner_tags": tags})


def test_texts_and_words_are_tagged_and_their_targets_move_with_perturbations(write, news):
    perturbed = [{**check, "name": f"{check['name']} typos", "perturb": TYPOS} for check in (F1, TOKENS)]
    write(news)
    texts = run(suite({"target": "spans"}, F1, TOKENS, *perturbed), RunOptions())
    write(to_words(news))
    words = run(suite({"target": "ner_tags"}, F1, TOKENS, *perturbed), RunOptions())
    for report in (texts, words):
        found = estimates(report)
        assert all(0 < number <= 1 for number in found.values()), found
        assert found["tokens typos"] < found["tokens"]
        changed = {result.check: result.evidence.changed for result in report.results}
        assert changed["f1 typos"] > ROWS / 2


def test_replayed_spans_are_judged_as_those_of_the_model(write, news, tmp_path):
    write(news)
    spans = [[{**span, "score": 0.5} for span in row] for row in news["spans"].to_pylist()]
    lines = (json.dumps({"id": name, "spans": row}) for name, row in zip(news["id"].to_pylist(), spans, strict=True))
    (tmp_path / "found.jsonl").write_text("\n".join(lines), "utf-8")
    backends = {"service": {"use": "replay/file", "path": "found.jsonl", "schema": "spans"}}
    assert estimates(run(suite({"target": "spans"}, F1, **backends), RunOptions())) == {"f1": 1.0}


@pytest.mark.parametrize(
    ("spans", "said"),
    [
        ([{"start": 0, "end": 999, "label": "PER"}], "row 3 of the data set `rows` has a span from 0 to 999"),
        ([{"start": 0, "end": 3, "label": "DOG"}], "row 3 of the data set `rows` has a span with the label `DOG`"),
    ],
)
def test_a_wrong_target_ends_with_2_and_names_its_row(write, news, tmp_path, spans, said):
    targets = news["spans"].to_pylist()
    targets[2] = spans
    write(
        news.set_column(news.column_names.index("spans"), "spans", pa.array(targets, news.schema.field("spans").type))
    )
    text = f"""
format = 1
name = "tagging"
model = {{ use = "transformers/auto", id = "{MODEL}", task = "token-classification" }}
data.rows = {{ use = "datasets/file", path = "rows.parquet", columns = {{ target = "spans" }} }}
backends.torch = {{ use = "transformers/torch" }}
[[check]]
measure = "metrics/span-f1"
expect = {{ min = 0.5 }}
"""
    (tmp_path / "suite.toml").write_text(text, "utf-8")
    done = CliRunner().invoke(app, ["run", "suite.toml"])
    assert done.exit_code == 2
    assert said in " ".join(done.stderr.split())
