"""Numbers that are close, or far."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_parity.closeness import close, closeness_evidence
from mqa_registry import DataError

NUMBERS = st.lists(st.tuples(*[st.floats(-1e6, 1e6)] * 2), min_size=1, max_size=20)


@given(NUMBERS, st.floats(0, 10), st.floats(0, 1))
def test_it_is_numpys_isclose_with_the_reference_as_the_expected_number(predicted, pairs, atol, rtol):
    one, other = np.array(pairs).T
    found = close(predicted("value", value=one), predicted("value", value=other), atol=atol, rtol=rtol)
    np.testing.assert_array_equal(found, np.isclose(other, one, rtol=rtol, atol=atol))


def test_of_a_vector_every_number_has_to_be_close(predicted):
    one = predicted("vector", vector=[[1.0, 2.0], [1.0, 2.0]])
    other = predicted("vector", vector=[[1.0, 2.0], [1.0, 2.1]])
    assert close(one, other).tolist() == [True, False]


def test_the_farthest_row_comes_first_with_both_kinds_of_difference(predicted):
    one = predicted("value", value=[1.0, 10.0, 0.0, 5.0])
    other = predicted("value", value=[1.5, 12.0, 0.3, 5.0])
    shown = closeness_evidence(one, other)
    assert [(row.id, row.details["difference"]) for row in shown.examples] == [("1", 2.0), ("0", 0.5), ("2", 0.3)]
    assert shown.details == {"differences": {"far": 3, "max_abs_diff": 2.0, "max_rel_diff": 0.5}}
    assert list(shown.remarks) == ["the farthest row is off by 2"]


def test_vectors_of_other_lengths_are_refused(predicted):
    with pytest.raises(DataError, match="2 numbers in the reference, and 1"):
        close(predicted("vector", vector=[[1.0, 2.0]]), predicted("vector", vector=[[1.0]]))
