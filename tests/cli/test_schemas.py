"""Predictions are wider than one label: every schema travels through `replay/file` to a verdict."""

from __future__ import annotations

import math

import pyarrow as pa
import pytest

REPLAYED = """
format = 1
name = "wide"
[data.reviews]
use = "datasets/file"
path = "reviews.parquet"
[backends.old]
use = "replay/file"
path = "old.parquet"
schema = "SCHEMA"
[backends.new]
use = "replay/file"
path = "new.parquet"
schema = "SCHEMA"
"""
SPAN = pa.struct([("start", pa.int64()), ("end", pa.int64()), ("label", pa.string())])
ROWS = 400
IDS = [f"row-{number}" for number in range(ROWS)]


def judged(project, schema: str, *checks: str) -> list[dict[str, object]]:
    project.write("".join(f"[[check]]\n{check}\n" for check in checks), REPLAYED.replace("SCHEMA", schema))
    done = project.run("--json", "-")
    assert done.code in (0, 1, 4), done.err
    return done.json["results"]


def value(result) -> float:
    return result["numbers"]["value"]["estimate"]


def test_several_labels_a_row(project):
    labels = [["a", "b"] if number % 2 else ["b"] for number in range(ROWS)]
    new = [["a"] if number % 4 == 1 else row for number, row in enumerate(labels)]
    project.table("reviews", id=IDS, text=IDS, target=labels)
    project.table("old", id=IDS, labels=labels)
    project.table("new", id=IDS, labels=new)
    results = judged(
        project,
        "labels",
        'measure = "parity/agreement"\nexpect = { min = 0.5 }',
        'measure = { use = "metrics/f1", average = "micro" }\nexpect = { min = 0.5 }\non = ["new"]',
    )
    assert value(results[0]) == 0.75
    hits, answers, truth = 200 + 300, 200 + 300, 200 + 400
    assert value(results[1]) == pytest.approx(2 * hits / (answers + truth))


def test_spans(project):
    truth = [[{"start": 0, "end": 3, "label": "who"}, {"start": 5, "end": 9, "label": "where"}]] * ROWS
    new = [row[:1] if number % 2 else row for number, row in enumerate(truth)]
    project.table("reviews", id=IDS, text=[f"{one} and more" for one in IDS], target=pa.array(truth, pa.list_(SPAN)))
    project.table("old", id=IDS, spans=pa.array(truth, pa.list_(SPAN)))
    project.table("new", id=IDS, spans=pa.array(new, pa.list_(SPAN)))
    results = judged(
        project,
        "spans",
        'measure = "parity/flip-rate"\nexpect = { max = 0.6 }',
        'measure = { use = "metrics/f1", average = "micro" }\nexpect = { min = 0.5 }\non = ["new"]',
    )
    assert value(results[0]) == 0.5
    assert value(results[1]) == pytest.approx(2 * 600 / (600 + 800))
    assert results[1]["numbers"]["value"]["method"] == "bca"


def test_vectors(project):
    project.table("reviews", id=IDS, text=IDS)
    project.table("old", id=IDS, vector=[[1.0, 0.0, float(number)] for number in range(ROWS)])
    project.table("new", id=IDS, vector=[[1.0, 1e-3, float(number)] for number in range(ROWS)])
    results = judged(
        project,
        "vector",
        'measure = "parity/max-abs-diff"\nexpect = { max = 0.01 }',
        'measure = "parity/cosine"\nexpect = { min = 0.99 }',
    )
    assert value(results[0]) == pytest.approx(1e-3)
    assert (results[0]["numbers"]["value"]["low"], results[0]["verdict"]) == (None, "PASS")
    assert results[1]["verdict"] == "PASS"


def test_a_measure_that_does_not_take_the_schema_is_refused_before_the_run(project):
    project.write(
        '[[check]]\nmeasure = "metrics/auroc"\nexpect = { min = 0.5 }\n', REPLAYED.replace("SCHEMA", "vector")
    )
    done = project.run()
    assert (done.code, done.out) == (2, "")
    assert "vector" in done.err


def test_what_mqa_rows_writes_comes_back_through_replay(project):
    """The whole way round: rows out, predictions made elsewhere, verdicts on clean and perturbed rows."""
    import pyarrow.parquet as pq

    head = """
format = 1
name = "elsewhere"
[data.reviews]
use = "datasets/file"
path = "reviews.parquet"
[backends.phone]
use = "replay/file"
path = "answers"
"""
    texts = [f"{'good' if number % 2 else 'awful'} thing number {number}" for number in range(ROWS)]
    project.table("reviews", id=IDS, text=texts, label=["yes" if number % 2 else "no" for number in range(ROWS)])
    (project.folder / "answers").mkdir()
    project.write(
        '[[check]]\nmeasure = "metrics/accuracy"\nexpect = { min = 0.9 }\n'
        '[[check]]\nmeasure = "metrics/accuracy"\nperturb = { use = "robustness/typos", rate = 1.0 }\n'
        "expect = { max_drop = 0.9 }\n",
        head,
    )
    assert project.mqa("rows", "suite.toml", "--out", "rows").code == 0
    files = sorted((project.folder / "rows").glob("*.parquet"))
    assert len(files) == 2
    for path in files:
        rows = pq.read_table(path)
        answers = ["yes" if "good" in text else "no" for text in rows.column("text").to_pylist()]
        project.table(f"answers/{path.stem}", id=rows.column("id"), label=answers)
    clean, perturbed = project.run("--json", "-").json["results"]
    assert value(clean) == 1.0
    assert 0.1 < perturbed["numbers"]["drop"]["estimate"] < 0.9


def test_numbers(project):
    truth = [float(number % 7) for number in range(ROWS)]
    old = [number + 0.5 for number in truth]
    new = [number + (0.0 if row % 2 else 1.0) for row, number in enumerate(truth)]
    project.table("reviews", id=IDS, text=IDS, target=truth, region=["north", "south"] * (ROWS // 2))
    project.table("old", id=IDS, value=old)
    project.table("new", id=IDS, value=new)
    by_region = 'by = { use = "fairness/column", column = "region" }'
    mae, gap, rise, close, rmse, r2, median = judged(
        project,
        "value",
        'measure = "metrics/mae"\nexpect = { max = 0.6 }\non = ["new"]',
        f'name = "gap"\nmeasure = "metrics/mae"\n{by_region}\nexpect = {{ max_gap = 0.1 }}\non = ["new"]',
        'name = "rise"\nmeasure = "metrics/rmse"\nexpect = { max_rise = 0.5 }\non = ["new"]',
        'measure = { use = "parity/close", atol = 0.5 }\nexpect = { min = 0.9 }',
        'measure = "metrics/rmse"\nexpect = { max = 1.0 }\non = ["old"]',
        'measure = "metrics/r2"\nexpect = { min = 0.5 }\non = ["old"]',
        'measure = "metrics/median-absolute-error"\nexpect = { max = 0.6 }\non = ["old"]',
    )
    assert value(mae) == 0.5
    assert mae["verdict"] == "PASS"
    assert gap["numbers"]["gap"]["estimate"] == 1.0
    assert gap["verdict"] == "FAIL"
    assert rise["numbers"]["rise"]["estimate"] == pytest.approx(0.5**0.5 - 0.5)
    assert value(close) == 1.0
    assert value(rmse) == 0.5
    assert value(r2) == pytest.approx(1 - 0.25 / 4, abs=0.01)
    assert value(median) == 0.5


def test_the_labels_of_a_row_are_ranked_by_their_probabilities(project):
    project.table("reviews", id=IDS, text=IDS, target=[[1, 0, 0], [0, 1, 1]] * (ROWS // 2))
    scores = {"a": [0.9, 0.8] * (ROWS // 2), "b": [0.1, 0.6] * (ROWS // 2), "c": [0.2, 0.7] * (ROWS // 2)}
    for name in ("old", "new"):
        project.table(name, id=IDS, labels=[["a"], ["a", "b", "c"]] * (ROWS // 2), **scores)
    exact, hamming, ranking, curve = judged(
        project,
        "labels",
        'measure = "metrics/accuracy"\nexpect = { max = 0.6 }\non = ["new"]',
        'measure = "metrics/hamming-loss"\nexpect = { max = 0.6 }\non = ["new"]',
        'measure = "metrics/ranking-loss"\nexpect = { max = 0.6 }\non = ["new"]',
        'measure = { use = "metrics/auroc", positive = "b" }\nexpect = { min = 0.6 }\non = ["new"]',
    )
    assert value(exact) == 0.5
    assert value(hamming) == pytest.approx(1 / 6)
    assert value(ranking) == 0.5
    assert value(curve) == 1.0


def test_tokens_behind_masks_without_targets(project):
    right = [{"token": "a", "margin": 0.8, "loss": 0.1, "rank": 1}]
    wrong = [{"token": "b", "margin": 0.2, "loss": 1.1, "rank": 2}]
    project.table("reviews", id=IDS, text=IDS)
    project.table("old", id=IDS, tokens=[right * 2] * ROWS)
    project.table("new", id=IDS, tokens=[right + wrong if number % 4 == 0 else right * 2 for number in range(ROWS)])
    agreement, perplexity, hits = judged(
        project,
        "tokens",
        'measure = "parity/agreement"\nexpect = { min = 0.9 }',
        'measure = "metrics/pseudo-perplexity"\nexpect = { max = 2 }\non = ["new"]',
        'measure = { use = "metrics/masked-top-k", k = 1 }\nexpect = { max_drop = 0.2 }\non = ["new"]',
    )
    assert value(agreement) == 0.75
    newly_wrong = agreement["evidence"]["mcnemar"]
    assert (newly_wrong["negative_flips"], newly_wrong["positive_flips"]) == (100, 0)
    example = agreement["evidence"]["examples"][0]
    assert (example["prediction"], example["reference"], "target" in example) == (["a", "b"], ["a", "a"], False)
    assert value(perplexity) == pytest.approx(math.exp(0.1 + 0.125))
    assert hits["numbers"]["drop"]["estimate"] == pytest.approx(0.125)
    assert (perplexity["verdict"], hits["verdict"]) == ("PASS", "PASS")
