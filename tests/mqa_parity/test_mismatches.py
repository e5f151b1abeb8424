"""What no tolerance may cover, array by array."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mqa_parity.mismatches import broken, paired, undefined, unlike
from mqa_parity.precision import FORMATS

SINGLE = FORMATS["float32"]


def arrays(exact, peer=None, candidate=None):
    peer = exact if peer is None else peer
    candidate = peer if candidate is None else candidate
    return np.array(exact, np.float64), np.array(peer, np.float32), np.array(candidate, np.float32)


def test_outputs_are_paired_by_name_and_an_only_one_by_being_the_only_one():
    assert paired(["a", "b"], ["b", "a", "c"]) == {"a": "a", "b": "b"}
    assert paired(["logits"], ["output_0"]) == {"logits": "output_0"}
    assert paired(["logits", "hidden"], ["output_0"]) == {}


def test_types_come_before_shapes():
    assert unlike(np.zeros((2, 3)), np.zeros((2, 3))) == ""
    assert unlike(np.zeros((2, 3), np.float32), np.zeros((2, 3))) == "float64 instead of float32"
    assert unlike(np.zeros((2, 3)), np.zeros((2, 1))) == "shape (2, 1) instead of (2, 3)", "numpy would broadcast it"


@pytest.mark.parametrize(
    ("exact", "peer", "candidate", "why"),
    [
        ([1, 2], [1, 2], [1, 2.5], ""),
        ([1, 2], [1, 2], [1, math.nan], "1 of 2 are NaN or Inf"),
        ([1, 2], [1, 2], [math.inf, -math.inf], "2 of 2 are NaN or Inf"),
        ([1, -math.inf], [1, -math.inf], [1, -math.inf], ""),
        ([1, -math.inf], [1, -math.inf], [1, math.inf], "1 of 2 are finite where they should be infinite"),
        ([1, -math.inf], [1, -math.inf], [1, math.nan], "1 of 2 are finite where they should be infinite"),
        ([1, -math.inf], [1, -math.inf], [1, -1e9], "1 of 2 are finite where they should be infinite"),
        ([1, -1.7e308], [1, -SINGLE.largest], [1, -SINGLE.largest], ""),
        ([1, -1.7e308], [1, -SINGLE.largest], [1, -math.inf], ""),
    ],
)
def test_numbers_that_are_none(exact, peer, candidate, why):
    assert broken(*arrays(exact, peer, candidate), SINGLE) == why


def test_integers_are_equal_or_they_are_not():
    one = np.array([1, 2, 3])
    assert broken(one, one, one, SINGLE) == ""
    assert broken(one, one, np.array([1, 2, 4]), SINGLE) == "1 of 3 are other integers"
    assert broken(one, np.array([1, 2, 4]), np.array([1, 2, 5]), SINGLE) == "", "PyTorch is torn here, too"


@pytest.mark.parametrize(
    ("exact", "peer", "why"),
    [
        ([1, 2], [1, 2], ""),
        ([1, math.nan], [1, 2], "NaN"),
        ([1, 2], [1, math.nan], "NaN"),
        ([1, 2], [1, math.inf], "Inf"),
        ([1, math.inf], [1, math.inf], ""),
        ([1, -1.7e308], [1, -SINGLE.largest], ""),
    ],
)
def test_a_reference_must_be_a_number_itself(exact, peer, why):
    assert undefined(*arrays(exact, peer)[:2], SINGLE) == why


def test_what_overflows_in_half_precision_is_pytorchs_own():
    half = FORMATS["float16"]
    exact, peer, candidate = arrays([70000.0, 1.0], [math.inf, 1.0], [70000.0, 1.0])
    assert undefined(exact, peer, half) == ""
    assert broken(exact, peer, candidate, half) == ""
    assert undefined(np.array([60000.0]), np.array([np.inf]), half) == "Inf"
