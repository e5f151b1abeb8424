from __future__ import annotations

from itertools import pairwise

import pytest

from mqa_registry import UsageError
from mqa_robustness.severity import GEOMETRIC, LINEAR, resolve_rate

SCALES = pytest.mark.parametrize("scale", [GEOMETRIC, LINEAR])


@SCALES
def test_a_severity_is_a_rate_and_a_higher_one_a_higher_rate(scale):
    rates = [resolve_rate(severity, None, scale) for severity in (1, 2, 3, 4, 5)]
    assert rates == list(scale.rates)
    assert all(0 < low < high <= 1 for low, high in pairwise(rates))


@SCALES
def test_a_rate_is_taken_as_it_is(scale):
    assert resolve_rate(None, 0.37, scale) == 0.37


def test_without_either_one_place_in_ten_slips_and_a_whole_text_is_changed():
    assert resolve_rate(None, None) == 0.1
    assert resolve_rate(None, None, LINEAR) == 1.0


def test_both_at_once_are_refused_with_the_rate_that_the_severity_is():
    with pytest.raises(UsageError, match="both say how much") as refused:
        resolve_rate(4, 0.2)
    assert "`severity = 4` is `rate = 0.2` here" in refused.value.hint


def test_the_rates_are_those_that_every_perturbation_documents():
    assert GEOMETRIC.rates == (0.025, 0.05, 0.1, 0.2, 0.4)
    assert LINEAR.rates == (0.2, 0.4, 0.6, 0.8, 1.0)
