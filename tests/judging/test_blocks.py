"""Many rows: what a measure gives of them block by block is what it gives of all at once, to the last bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

import mqa_metrics
import mqa_parity
from mqa_registry import as_predictions
from mqa_registry.contributions import Comparison, Metric, Slice
from mqa_registry.judging.column_memory import LARGE_ROWS, WholeColumn, find_whole_columns
from mqa_registry.judging.groups import groups_of
from mqa_registry.judging.measurements import Measurement
from mqa_registry.judging.samples import MeasureInputs, Sample
from mqa_registry.plan import make as make_plan
from mqa_registry.suite import Expect, Use
from mqa_registry.types import Rows
from mqa_registry.types.blocks import BLOCK_ROWS

ROWS = BLOCK_ROWS + 1000
CLASSES = np.array(["a", "b", "c"])
METRICS = {one.name: one for one in mqa_metrics.mqa_metrics() if one.name not in ("f1", "precision", "recall")}
COMPARISONS = {one.name: one for one in mqa_parity.mqa_comparisons() if one.name in ("agreement", "flip-rate")}


@pytest.fixture(scope="module", name="samples")
def _samples():
    """Two samples of the same rows, with probabilities; one row has none."""
    rng = np.random.default_rng(7)
    codes = rng.integers(3, size=ROWS)
    ids = pa.array(np.arange(ROWS).astype(str))
    targets = as_predictions(pa.table({"id": ids, "label": CLASSES[codes]}))
    found = []
    for share in (0.2, 0.3):
        odds = rng.random((ROWS, 3)) + 0.3 * (np.arange(3) == np.where(rng.random(ROWS) < share, 0, codes)[:, None])
        odds /= odds.sum(axis=1, keepdims=True)
        table = pa.table({"id": ids, **{name: odds[:, code] for code, name in enumerate(CLASSES)}})
        found.append(Sample(as_predictions(table), targets, None))
    return found


@pytest.fixture(scope="module", name="label_sets")
def _label_sets():
    """The same of sets of labels, any number a row, with probabilities."""
    rng = np.random.default_rng(7)
    ids = pa.array(np.arange(ROWS).astype(str))
    found = []
    for _ in range(3):
        odds = rng.random((ROWS, 3))
        labels = pa.array([CLASSES[row].tolist() for row in odds > 0.5], pa.list_(pa.string()))
        table = pa.table({"id": ids, "labels": labels, **{name: odds[:, code] for code, name in enumerate(CLASSES)}})
        found.append(as_predictions(table, "labels", CLASSES.tolist()))
    return [Sample(one, found[2], None) for one in found[:2]]


def measure(contribution, samples, **options):
    reference = samples[1] if isinstance(contribution, Comparison) else None
    use = Use(f"letters/{contribution.name}", contribution, options=options)
    return Measurement.of(MeasureInputs(use, samples[0], reference), Expect(min=0.5)).output


@pytest.mark.parametrize(
    ("name", "schema"),
    [(name, schema) for name, one in METRICS.items() if one.reads == "rows" for schema in one.schemas
     if schema in ("label", "labels")],
)  # fmt: skip
def test_a_metric_of_rows_gives_the_same_block_by_block(name, schema, samples, label_sets):
    options = {"positive": "b"} if name.endswith("rate") else {}
    samples = samples if schema == "label" else label_sets
    found, whole = (measure(replace(METRICS[name], reads=reads), samples, **options) for reads in ("rows", "column"))
    assert type(found.value) is type(whole.value)
    assert found.span == whole.span
    scores, all_scores = (getattr(one.value, "values", one.value) for one in (found, whole))
    np.testing.assert_array_equal(scores, all_scores)
    assert scores.dtype == all_scores.dtype


@pytest.mark.parametrize("name", COMPARISONS)
def test_a_comparison_of_rows_gives_the_same_block_by_block(name, samples):
    found, whole = (measure(replace(COMPARISONS[name], reads=reads), samples) for reads in ("rows", "column"))
    np.testing.assert_array_equal(found.value, whole.value)


def test_a_metric_of_rows_is_never_given_more_than_a_block(samples):
    sizes = []

    def right(predictions, targets):
        sizes.append((len(predictions), len(targets)))
        return predictions.codes == targets.codes

    measure(Metric("right", right, schemas=("label",), reads="rows"), samples)
    assert sizes == [(BLOCK_ROWS, BLOCK_ROWS), (1000, 1000)]


def test_counts_of_pairs_are_those_of_all_rows(samples):
    output = measure(METRICS["balanced-accuracy"], samples)
    predicted, actual = samples[0].predictions.codes, samples[0].targets.codes
    recalls = [(predicted[actual == code] == code).mean() for code in range(3)]
    assert output.point(ROWS) == pytest.approx(np.mean(recalls), abs=1e-12)
    assert output.value.bins.dtype == np.int8


@pytest.mark.parametrize("coded", [False, True])
def test_groups_by_codes_are_groups_by_name(coded):
    names = ["b", None, "a", "b", "", "a"]
    column = pa.chunked_array([names[:2], names[2:]], pa.string())
    rows = Rows(pa.table({"id": list("123456")}), ())
    answer = column.dictionary_encode() if coded else column
    by_code = groups_of(rows, Use("acme/by", Slice("by", lambda table: answer, inputs="table")))
    by_name = groups_of(rows, Use("acme/by", Slice("by", lambda table: names, inputs="table")))
    assert list(by_code) == list(by_name)
    assert {name: rows.tolist() for name, rows in by_code.items()} == {n: r.tolist() for n, r in by_name.items()}


def test_only_a_measure_of_whole_columns_of_large_data_says_what_it_takes(engine):
    checks = [
        engine.check(name, measure=Use(f"metrics/{name}", METRICS[name]), expect={"value": Expect(min=0.5)})
        for name in ("accuracy", "auroc", "mcc")
    ]
    plan = make_plan(engine.suite(*checks))
    labels = pa.array(["no", "yes"]).take(pa.array(np.arange(LARGE_ROWS) % 2))
    large = Rows(pa.table({"id": pa.nulls(LARGE_ROWS, pa.string()), "target": labels}), ())
    assert list(find_whole_columns(plan, {"words": large})) == [
        WholeColumn("auroc", "metrics/auroc", "words", LARGE_ROWS, LARGE_ROWS * 8 * 5)
    ]
    few = Rows(large.table.slice(0, LARGE_ROWS - 1), ())
    assert not list(find_whole_columns(plan, {"words": few}))
