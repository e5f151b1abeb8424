"""Flips of rows with several labels: ties at a threshold, and damage beyond it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqa_parity.comparisons import agreement
from mqa_parity.flips import find_flips, flip_evidence
from mqa_parity.label_set_flips import infer_thresholds, measure_label_sets
from mqa_parity.margins import MAX_THRESHOLD_TIE_LIMIT, MIN_TIE_LIMIT
from mqa_registry import Predictions

NAMES = ("music", "sport", "food")


def given_labels(probabilities, thresholds=0.5, names=NAMES):
    """Predictions of several labels a row, those with a probability from a threshold on."""
    p = np.asarray(probabilities, np.float64)
    labels = [[name for name, has in zip(names, row, strict=True) if has] for row in p >= thresholds]
    columns = {
        "labels": pa.array(labels, pa.list_(pa.string())),
        "probability": pa.array(p.tolist(), pa.list_(pa.float64())),
    }
    return Predictions("labels", pa.table({"id": [str(row) for row in range(len(p))], **columns}), names)


def noisy(seed, noise, rows=600):
    rng = np.random.default_rng(seed)
    p = rng.random((rows, 3))
    return p, np.clip(p + rng.normal(size=p.shape) * noise, 0, 1)


def test_the_margin_of_a_flip_is_that_of_the_label_that_flipped():
    one = given_labels([[0.9, 0.501, 0.1], [0.9, 0.4, 0.1]])
    other = given_labels([[0.1, 0.501, 0.1], [0.9, 0.4, 0.1]])  # `music` is lost, however close `sport` is
    measured = measure_label_sets(one, other)
    assert measured is not None
    np.testing.assert_allclose(measured.values, [0.4, 0.1])
    np.testing.assert_allclose(measured.moves, [0.0, 0.0])
    found = find_flips(one, other)
    assert found.damage.tolist() == [True, False]


def test_a_label_at_its_threshold_flips_by_a_tie_and_a_sure_one_by_damage():
    p, q = noisy(7, 1e-3)
    p[0], q[0] = [0.5001, 0.2, 0.2], [0.4999, 0.2, 0.2]
    p[1], q[1] = [0.9, 0.2, 0.2], [0.2, 0.2, 0.2]
    found = find_flips(given_labels(p), given_labels(q))
    assert found.ties[0]
    assert found.damage[1]
    assert found.limit < 0.01
    evidence = flip_evidence(given_labels(p), given_labels(q))
    assert evidence.examples[0].id == "1"
    assert evidence.details["flips"]["damage"] >= 1


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), noise=st.sampled_from([0, 1e-7, 0.01, 0.3]))
def test_every_flip_is_a_tie_or_damage(seed, noise):
    one, other = (given_labels(p, [0.5, 0.3, 0.8]) for p in noisy(seed, noise))
    found = find_flips(one, other)
    assert (found.ties ^ found.damage == found.flipped).all()
    assert MIN_TIE_LIMIT <= found.limit <= MAX_THRESHOLD_TIE_LIMIT
    assert (found.flipped == ~agreement(one, other)).all()


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), threshold=st.floats(0.05, 0.95))
def test_a_threshold_is_found_between_the_rows_with_and_without_the_label(seed, threshold):
    p, _ = noisy(seed, 0)
    (found, *_) = infer_thresholds(p, p >= threshold)
    assert ((p[:, 0] >= threshold) == (p[:, 0] >= found)).all()


def test_the_usual_threshold_is_taken_where_it_is_possible():
    assert infer_thresholds(np.array([[0.2], [0.9]]), np.array([[False], [True]])).tolist() == [0.5]
    assert infer_thresholds(np.array([[0.7], [0.9]]), np.array([[False], [True]])).tolist() == pytest.approx([0.8])


def test_labels_that_follow_from_no_threshold_have_no_margin():
    p = np.array([[0.2, 0.9, 0.1], [0.9, 0.8, 0.1]])
    one = given_labels(p)
    swapped = one.table.set_column(1, "labels", pa.array([["music"], ["sport"]], pa.list_(pa.string())))
    other = Predictions("labels", swapped, NAMES)
    assert np.isnan(find_flips(one, other).margins).any()


def test_without_probabilities_there_is_no_margin():
    one, other = (given_labels(p) for p in noisy(3, 0.3))
    bare = Predictions("labels", other.table.select(["id", "labels"]), NAMES)
    assert measure_label_sets(one, bare) is None
    assert np.isnan(find_flips(one, bare).margins).all()
