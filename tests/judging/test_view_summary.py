"""What predictions look like as a whole, by their schema: held against scikit-learn and counted by hand."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.metrics import confusion_matrix

from mqa_registry import plan as plans
from mqa_registry.judging.view_summary import summarize_views
from mqa_registry.observations import Failure, Observations, ObservedView, PerturbedRows
from mqa_registry.summaries import CalibrationBin, ConfusionMatrix, Distribution, LabelCounts
from mqa_registry.types import Predictions, Rows
from mqa_registry.types.schemas import SPAN, summarize
from mqa_registry.types.schemas.summarize import (
    CALIBRATION_BINS,
    MAX_CLASSES,
    bin_rows,
    make_bins,
    make_confusion_matrix,
)

CLASSES = ("bad", "good", "none")
SPANS = pa.list_(SPAN)


def predicted(labels, chances=None, schema="label"):
    columns = {"id": [str(number) for number in range(len(labels))], schema: labels}
    if chances is not None:
        columns["probability"] = chances
    return Predictions(schema, pa.table(columns), CLASSES if schema in ("label", "labels") else ())


def observed(predictions, targets, *, perturb=(), **columns):
    table = pa.table(
        {
            "id": predictions.ids,
            "text": predictions.ids,
            **({"target": targets} if targets is not None else {}),
            **columns,
        }
    )
    rows = Rows(table, ("text",))
    view = plans.View("torch", plans.RowSet("reviews", perturb))
    return Observations({"reviews": rows}, {view: ObservedView(PerturbedRows(rows), predictions)})


def test_a_view_has_its_confusion_matrix_and_its_calibration():
    chances = [[0.9, 0.1, 0.0], [0.3, 0.7, 0.0], [0.6, 0.4, 0.0], [0.05, 0.93, 0.02]]
    (summary,) = summarize_views(
        observed(predicted(["bad", "good", "bad", "good"], chances), ["bad", "good", "good", "good"])
    )
    assert (summary.data, summary.backend, summary.schema, summary.rows) == ("reviews", "torch", "label", 4)
    assert summary.confusion == ConfusionMatrix(CLASSES, ((1, 0, 0), (1, 2, 0), (0, 0, 0)))
    assert summary.calibration[0] == CalibrationBin(0.533333, 0.6, 1, 0.6, 0.0)
    assert summary.calibration[-1] == CalibrationBin(0.866667, 0.933333, 2, 0.915, 1.0)


def test_rows_without_a_prediction_or_a_target_are_left_out():
    (summary,) = summarize_views(observed(predicted(["bad", None, "bad"]), ["bad", "bad", None]))
    assert summary.rows == 1
    assert summary.confusion.counts[0] == (1, 0, 0)
    assert summary.calibration == ()


def test_a_row_with_a_label_and_no_probability_is_in_no_bin():
    (summary,) = summarize_views(observed(predicted(["bad", "bad"], [[0.9, 0.1, 0.0], None]), ["bad", "bad"]))
    assert summary.rows == 2
    assert [one.rows for one in summary.calibration] == [1]


@pytest.mark.parametrize("targets", [None, ["bad", "unheard of"], [1.5, 2.5]])
def test_data_without_targets_that_fit_have_none(targets):
    assert summarize_views(observed(predicted(["bad", "good"]), targets)) == ()


def test_views_of_perturbed_rows_of_other_schemas_and_without_predictions_have_none():
    labels = predicted(["bad", "good"])
    assert summarize_views(observed(labels, ["bad", "good"], perturb=("typos",))) == ()
    assert summarize_views(observed(predicted(["so", "so"], schema="text"), ["so", "other"])) == ()
    rows = observed(labels, ["bad", "good"]).rows
    view = plans.View("torch", plans.RowSet("reviews"))
    assert summarize_views(Observations(rows, {view: ObservedView(None, failure=Failure("gone"))})) == ()
    assert summarize_views(observed(predicted([]), None)) == ()


def test_of_several_labels_a_row_each_that_occurs_has_its_counts(monkeypatch):
    labels = predicted([["bad", "good"], [], ["good"], None], schema="labels")
    (summary,) = summarize_views(observed(labels, [["good"], ["bad"], ["good"], ["none"]]))
    assert summary.rows == 3
    assert summary.labels == (LabelCounts("bad", 1, 1, 0), LabelCounts("good", 2, 2, 2))
    monkeypatch.setattr(summarize, "CHUNK_ROWS", 2)
    assert summarize_views(observed(labels, [["good"], ["bad"], ["good"], ["none"]])) == (summary,)


def test_spans_are_counted_by_their_type_and_are_right_with_the_place_and_the_type_of_a_target(monkeypatch):
    def spans(*row):
        return [{"start": start, "end": end, "label": label, "score": None} for start, end, label in row]

    found = [spans((0, 1, "PER"), (2, 3, "LOC")), spans((0, 2, "PER")), spans()]
    wanted = [spans((0, 1, "PER"), (2, 3, "ORG")), spans((0, 1, "PER")), spans((0, 1, "LOC"))]
    table = pa.table({"id": ["one", "two", "six"], "spans": pa.array(found, SPANS)})
    rows = observed(Predictions("spans", table), pa.array(wanted, SPANS))
    (summary,) = summarize_views(rows)
    assert summary.labels == (LabelCounts("LOC", 1, 1, 0), LabelCounts("ORG", 1, 0, 0), LabelCounts("PER", 2, 2, 1))
    monkeypatch.setattr(summarize, "CHUNK_ROWS", 2)
    assert summarize_views(rows) == (summary,)


def test_numbers_have_the_distributions_of_predictions_targets_and_errors():
    (summary,) = summarize_views(observed(predicted([1.0, 2.0, 3.0, None], schema="value"), [1.0, 1.0, 1.0, 9.0]))
    assert summary.values.predictions == Distribution(1.0, 1.5, 2.0, 2.5, 3.0, 2.0, 0.816497)
    assert summary.values.targets == Distribution(1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0)
    assert summary.values.errors == Distribution(0.0, 0.5, 1.0, 1.5, 2.0, 1.0, 0.816497)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=50))
def test_counts_are_those_of_scikit_learn(pairs):
    targets, codes = np.array(pairs).T
    expected = confusion_matrix(targets, codes, labels=range(5))
    matrix = make_confusion_matrix(tuple("abcde"), expected)
    assert np.array_equal(matrix.counts, expected)
    names = tuple("abcde")
    labels = Predictions(
        "label", pa.table({"id": [str(n) for n in range(len(codes))], "label": [names[c] for c in codes]}), names
    )
    (summary,) = summarize_views(observed(labels, [names[code] for code in targets]))
    assert np.array_equal(summary.confusion.counts, expected)


@given(st.integers(0, 2**32 - 1), st.integers(MAX_CLASSES + 1, MAX_CLASSES + 20))
def test_of_many_classes_the_most_confused_are_kept_and_no_row_is_lost(seed, n_classes):
    counts = np.random.default_rng(seed).integers(0, 9, (n_classes, n_classes))
    matrix = make_confusion_matrix(tuple(map(str, range(n_classes))), counts)
    assert matrix.joined == n_classes - MAX_CLASSES
    assert np.sum(matrix.counts) == counts.sum()
    mistakes = counts.sum(axis=0) + counts.sum(axis=1) - 2 * counts.diagonal()
    kept = [int(name) for name in matrix.classes]
    assert kept == sorted(kept)
    assert len(kept) == MAX_CLASSES
    assert min(mistakes[kept]) >= max(np.delete(mistakes, kept))
    assert np.array_equal(np.array(matrix.counts)[:-1, :-1], counts[np.ix_(kept, kept)])


def test_bins_are_those_of_scikit_learn():
    rng = np.random.default_rng(7)
    positive = rng.random(500)
    targets = (rng.random(500) < positive).astype(int)
    bins = make_bins(bin_rows(np.stack([1 - positive, positive], axis=1), targets))
    confidence = np.maximum(positive, 1 - positive)
    right = (positive > 0.5) == targets
    share, mean = calibration_curve(right, confidence, n_bins=CALIBRATION_BINS, strategy="uniform")
    assert [one.accuracy for one in bins] == pytest.approx(share, abs=1e-6)
    assert [one.confidence for one in bins] == pytest.approx(mean, abs=1e-6)
    assert sum(one.rows for one in bins) == 500


@pytest.mark.parametrize(("probability", "high"), [(0.6, 0.6), (0.6 + 1e-9, 0.666667), (1.0, 1.0)])
def test_a_bin_is_open_below_and_closed_above(probability, high):
    (one,) = make_bins(bin_rows(np.array([[probability, 1 - probability]]), np.array([0])))
    assert one.high == high


def test_rows_are_binned_in_parts(monkeypatch):
    rng = np.random.default_rng(7)
    chances = rng.dirichlet(np.ones(3), 50)
    labels = [CLASSES[code] for code in chances.argmax(axis=1)]
    observations = observed(predicted(labels, chances.tolist()), [CLASSES[code] for code in rng.integers(0, 3, 50)])
    whole = summarize_views(observations)
    monkeypatch.setattr(summarize, "CHUNK_ROWS", 7)
    assert summarize_views(observations) == whole


def test_a_data_set_that_could_not_be_read_has_no_summary():
    view = plans.View("torch", plans.RowSet("reviews"))
    failed = ObservedView(None, failure=Failure("out of memory"))
    assert summarize_views(Observations({}, {view: failed})) == ()
