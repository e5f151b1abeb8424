"""Whether a reference repeats its outputs, how far arrays lie apart, and what an error says in a line."""

from __future__ import annotations

from itertools import count

import numpy as np
import pytest
import torch

from mqa_parity.batching import Batch, Row
from mqa_parity.determinism import check_determinism, max_distance, max_magnitude
from mqa_registry import MqaError, summarize_error


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")
def test_of_an_error_in_torchscript_its_reason_is_told():
    class Narrow(torch.nn.Module):
        def forward(self, x):
            return x.view(3, -1)

    with pytest.raises(RuntimeError) as raised:
        torch.jit.script(Narrow())(torch.ones(4))
    assert summarize_error(raised.value) == "RuntimeError: shape '[3, -1]' is invalid for input of size 4"


def test_an_error_without_words_is_told_by_its_type():
    assert summarize_error(ValueError("\n \n")) == "ValueError"


EPS = 2.0**-23


@pytest.fixture
def moving(numpy_runner):
    """A runner whose second run differs from the first by so many roundings of its largest number."""

    def make(roundings):
        runs = count()
        return numpy_runner(lambda batch, dtype: {"y": np.array([[4.0, 1.0 + 4 * EPS * roundings * next(runs)]])})

    return make


@pytest.mark.parametrize(("roundings", "is_steady"), [(0, True), (60, True), (70, False)])
def test_a_reference_may_move_by_64_roundings_of_its_largest_number(moving, roundings, is_steady):
    batch = Batch((Row("0", {}, 1, ""),), {})
    if is_steady:
        rerun = check_determinism(moving(roundings), "torch", [batch], EPS).rerun
        assert rerun["y"] == pytest.approx(4 * EPS * roundings)
    else:
        with pytest.raises(
            MqaError, match=r"backend `torch` does not give the same answer twice: `y` moves by 3.3e-05"
        ):
            check_determinism(moving(roundings), "torch", [batch], EPS)


def test_nan_equals_nan_and_is_infinitely_far_from_all_else():
    one, other = np.array([1.0, np.nan, 3.0]), np.array([1.5, np.nan, 3.0])
    assert max_distance(one, other) == 0.5
    assert max_distance(one, np.array([1.0, 2.0, 3.0])) == np.inf
    assert max_distance(one, one[:2]) == np.inf
    assert (max_magnitude(one), max_magnitude(np.array([np.inf, -2.0])), max_magnitude(np.array([np.nan]))) == (3, 2, 0)
