"""Which output of a candidate is compared with which of the reference."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_parity.tensors.output_matching import match_outputs, measure_noise_distance, measure_power_distance


def parts(exact, baseline, found):
    return [(np.array(exact, np.float64), np.array(baseline, np.float32), np.array(found, np.float32))]


def compare(reference, candidate, requested=None):
    """A pairing of outputs, each one number by its name: equal numbers are the same output."""

    def compared(ours, theirs):
        return None if reference[ours][1] != candidate[theirs][1] else (reference[ours][0], candidate[theirs][0])

    return match_outputs(
        list(reference), list(candidate), compared, requested=requested, distance=lambda pair: abs(pair[0] - pair[1])
    )


@pytest.mark.parametrize(
    ("reference", "candidate", "pairs"),
    [
        # by name, whatever the numbers
        ({"a": (0, "r"), "b": (9, "r")}, {"b": (0, "r"), "a": (9, "r")}, {"a": "a", "b": "b"}),
        # by value, the nearest, each once
        ({"a": (0, "r"), "b": (5, "r")}, {"x": (5.5, "r"), "y": (0.5, "r"), "z": (5, "r")}, {"a": "y", "b": "z"}),
        # no further apart than the same output may be
        ({"a": (0, "r"), "b": (5, "r")}, {"x": (9, "s"), "y": (7, "r")}, {"a": "y"}),
        # the form comes before the value
        ({"a": (0, "r"), "b": (5, "r")}, {"x": (0, "rows"), "y": (5, "r")}, {"b": "y"}),
        # the first by its form alone, no other
        ({"a": (0, "r"), "b": (5, "s")}, {"x": (70, "r"), "y": (50, "s"), "z": (60, "r")}, {"a": "z"}),
        # one and one, whatever they are called
        ({"logits": (0, "r")}, {"output_0": (9, "s")}, {"logits": "output_0"}),
    ],
)
def test_names_come_first_then_values_then_the_form_of_the_first(reference, candidate, pairs):
    assert compare(reference, candidate).pairs == pairs


def test_the_first_output_is_missing_where_none_match():
    found = compare({"a": (0, "r"), "b": (5, "s")}, {"x": (1, "t"), "y": (2, "u"), "z": (3, "v"), "w": (4, "w")})
    assert found.pairs == {}
    assert found.missing == {"a": "the candidate has no such output; it gives `x`, `y`, `z` and 1 more"}


def test_keys_and_values_are_given_all_or_none():
    layers = {f"present.{layer}.key": (layer, "r") for layer in range(3)}
    model = {"logits": (9, "s"), **layers}
    assert compare(model, {"logits": (9, "s")}).missing == {}
    lacking = compare(model, {"logits": (9, "s"), "present.0.key": (0, "r"), "present.2.key": (2, "r")})
    assert lacking.missing == {"present.1.key": "the candidate has no such output"}


def test_a_single_output_of_another_name_is_compared_and_named():
    told = "the file calls `logits` by another name, `scores`: a client that asks for `logits` gets nothing"
    for requested in (None, ["logits"]):
        found = compare({"logits": (1, "r")}, {"scores": (1, "r")}, requested)
        assert (found.pairs, found.missing, found.notes) == ({"logits": "scores"}, {}, (told,))
    nameless = compare({"output_0": (1, "r")}, {"scores": (1, "r")})
    assert (nameless.pairs, nameless.notes) == ({"output_0": "scores"}, ())


numbers = st.dictionaries(st.sampled_from("abcdefgh"), st.tuples(st.integers(0, 4), st.sampled_from("rs")), min_size=1)


@given(numbers, numbers)
def test_every_output_is_compared_once_or_noted(reference, candidate):
    found = compare(reference, candidate)
    partners = list(found.pairs.values())
    assert len(set(partners)) == len(partners)
    assert found.pairs or found.missing
    assert {*partners, *found.unmatched} == set(candidate)
    assert not set(partners) & set(found.unmatched)


@given(numbers)
def test_a_copy_of_the_reference_matches_all_outputs(outputs):
    found = compare(outputs, outputs)
    assert (found.pairs, found.missing, found.notes) == ({name: name for name in outputs}, {}, ())


def test_an_error_counts_in_units_of_pytorchs_own():
    exact, baseline = [1.0, 2.0], [1.0, 2.001]
    assert measure_noise_distance(parts(exact, baseline, [1.005, 2.0]), allowed=10, floor=0) == pytest.approx(
        0.5, rel=1e-3
    )
    assert measure_noise_distance(parts(exact, exact, [1.005, 2.0]), allowed=10, floor=1e-4) == pytest.approx(
        2.5, rel=1e-3
    )
    assert measure_noise_distance(parts(exact, baseline, [math.nan, 2.0]), allowed=10, floor=0) == math.inf
    assert measure_noise_distance(parts(exact, exact, exact), allowed=10, floor=0) == 0


def test_integers_are_equal_or_infinitely_far_apart():
    one, other = np.array([1, 2]), np.array([1, 3])
    assert measure_noise_distance([(one, one, one)], allowed=10, floor=0) == 0
    assert measure_noise_distance([(one, one, other)], allowed=10, floor=0) == math.inf


def test_where_pytorch_has_no_such_precision_most_of_the_power_must_be_the_signals():
    assert measure_power_distance(parts([3.0, 4.0], [3.0, 4.0], [3.0, 4.5])) == pytest.approx(0.1)
    assert measure_power_distance(parts([3.0, 4.0], [3.0, 4.0], [4.0, 3.0])) < 1
    assert measure_power_distance(parts([3.0, 4.0], [3.0, 4.0], [0.0, 0.0])) == pytest.approx(10)
    assert measure_power_distance(parts([0.0], [0.0], [1.0])) == math.inf
