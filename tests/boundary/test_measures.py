"""What a measure may give, and what is refused under its name."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_registry.boundary import Contributor, check_measure_output, check_probe_numbers
from mqa_registry.contributions import Quantile, Shortfall, Statistic
from mqa_registry.errors import ContributionError
from mqa_registry.types import Predictions

ROWS = 4
WHO = Contributor("metric", "acme/f1")


def measured(given, rows=ROWS):
    return check_measure_output(WHO, given, rows)


@pytest.mark.parametrize(
    "scores",
    [
        [1, 0, 1, 0],
        (1.0, 0.0, 1.0, 0.0),
        np.array([1, 0, 1, 0], np.uint8),
        np.float16([1, 0, 1, 0]),
        pd.Series([1, 0, 1, 0]),
    ],
    ids=["list", "tuple", "uint8", "float16", "pandas"],
)
def test_whatever_numpy_reads_as_a_number_a_row_are_scores(scores):
    found = measured(scores)
    assert found.dtype == np.float64
    assert found.tolist() == [1, 0, 1, 0]


def test_scores_under_a_mask_are_nan():
    found = measured(np.ma.array([True, False, True, True], mask=[0, 0, 0, 1]))
    np.testing.assert_array_equal(found, [1, 0, 1, np.nan])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (np.ones(ROWS - 1), "gave 3 scores for 4 rows"),
        (np.ones(ROWS + 5), "gave 9 scores for 4 rows"),
        (np.ones((ROWS, 3)), "shape (4, 3)"),
        (np.ones(ROWS, complex), "no real numbers"),
        (np.array([1.0, None, "a", 2], object), "no real numbers"),
        (np.array(["2020"] * ROWS, "datetime64[D]"), "no real numbers"),
        ([[1], [1, 2]], "no real numbers"),
        (None, "gave None"),
        ("x", "gave 'x' (str)"),
        ({"value": 1.0}, "(dict)"),
        ((1.0 for _ in range(ROWS)), "gave a `generator`"),
        (True, "gave True for all rows together"),
        (np.inf, "gave infinity"),
        (Statistic(lambda counts: counts, np.full(ROWS, 5), 3), "gave a row the bin 5, of 3 bins"),
        (Statistic(lambda counts: counts, np.full(ROWS, -2), 3), "gave a row the bin -2, of 3 bins"),
        (Statistic(lambda counts: counts, np.zeros(2, int), 3), "gave 2 bins for 4 rows"),
        (Statistic(lambda counts: counts, np.zeros(ROWS), 3), "gave bins of float64"),
        (Statistic(lambda counts: counts, per_group={"rate": np.ones(2)}), "gave 2 scores for 4 rows"),
        (Quantile(np.ones(2), 0.5), "gave 2 values for 4 rows"),
        (Quantile(np.ones(ROWS), 95), "share 95"),
        (Quantile(np.ones((2, 2)), 0.5), "shape (2, 2)"),
    ],
)  # fmt: skip
def test_anything_else_is_refused_under_its_name(given, words):
    with pytest.raises(ContributionError) as refused:
        measured(given)
    assert refused.value.message.startswith("the metric `acme/f1` ")
    assert words in refused.value.message


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=20), st.integers(0, 20))
def test_scores_are_taken_as_they_are_or_not_at_all(scores, rows):
    if len(scores) == rows:
        np.testing.assert_array_equal(measured(np.array(scores), rows), np.array(scores))
    else:
        with pytest.raises(ContributionError):
            measured(np.array(scores), rows)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda counts: counts, "(2, 4) to shape (2, 4), and (2,) is needed"),
        (lambda counts: 0.5, "to shape ()"),
        (lambda counts: ["a", "b"], "no real numbers"),
        (lambda counts: 1 / 0, "crashed: ZeroDivisionError: division by zero (test_measures.py, line "),
        (lambda counts: counts.__setitem__(0, 7), "crashed: ValueError: assignment destination is read-only"),
    ],
)
def test_the_function_of_a_statistic_is_called_across_the_boundary(function, words):
    statistic = measured(Statistic(function))
    with pytest.raises(ContributionError) as refused:
        statistic.compute(np.ones((2, ROWS)))
    assert words in refused.value.message


def test_a_statistic_that_is_sound_gives_what_it_gives():
    counts = np.array([[1.0, 2, 3, 4], [0, 0, 0, 1]])
    np.testing.assert_array_equal(measured(Statistic(lambda counts: counts.sum(axis=-1))).compute(counts), [10, 1])
    assert counts.flags.writeable


def test_a_probe_gives_every_number_that_it_names_and_may_go_beyond_any_bound():
    probe = Contributor("probe", "acme/latency")
    assert check_probe_numbers(probe, {"b": np.inf, "a": 1, "more": "x"}, ("a", "b")) == {"a": 1.0, "b": np.inf}
    with pytest.raises(ContributionError, match="made no number `c`"):
        check_probe_numbers(probe, {"a": 1}, ("c",))
    with pytest.raises(ContributionError, match=r"the probe `acme/latency` made \[\('a', 1\)\] \(list\)"):
        check_probe_numbers(probe, [("a", 1)], ("a",))


@pytest.mark.parametrize("name", ["codes", "probabilities", "missing"])
def test_arrays_of_predictions_are_read_only(name):
    table = pa.table({"id": ["1"], "label": ["a"], "probability": pa.array([[0.5, 0.5]], pa.list_(pa.float64()))})
    array = getattr(Predictions("label", table, ("a", "b")), name)
    with pytest.raises(ValueError, match="read-only"):
        array[:] = 0
    with pytest.raises(ValueError, match="WRITEABLE"):
        array.flags.writeable = True


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (Shortfall("c", 0.9), "the shortfall of 'c' \\(str\\), which is no number that it measured"),
        (Shortfall("b", 0.9), "the shortfall of 'b'"),  # of another shortfall
        (Shortfall("a", math.nan), "a shortfall of the claim nan"),
        (Shortfall("a", "0.9"), "no real numbers"),
    ],
)
def test_a_shortfall_is_of_a_number_that_was_measured_and_of_a_claim_that_is_one(number, words):
    probe = Contributor("probe", "acme/claimed")
    with pytest.raises(ContributionError, match=words):
        check_probe_numbers(probe, {"a": 1.0, "b": number}, ("a", "b"))
