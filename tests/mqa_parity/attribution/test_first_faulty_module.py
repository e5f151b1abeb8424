"""Which module is faulty: the first that errs by itself, not the first that is off, nor the one that is furthest off."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mqa_parity.attribution.first_faulty_module import (
    FAULT_RATIO,
    ModuleError,
    find_first_faulty,
    list_nearby_modules,
    measure_modules,
)
from mqa_parity.attribution.paired_run import PairedRun, ReferenceRun
from mqa_parity.attribution.value_matching import MATCH_RATIO, MatchedValues


def places(*ratios):
    """Modules in the graph's order, each with its inherited and its local ratio."""
    return [
        ModuleError(SimpleNamespace(module=f"layer.{number}", call=0), inherited, local)
        for number, (inherited, local) in enumerate(ratios)
    ]


def test_the_first_module_that_errs_by_itself_is_faulty():
    one = places((1, 1), (12, 9), (50, 40), (900, 0.3), (5000, 4000))
    assert find_first_faulty(one).call.module == "layer.2"


def test_the_module_that_errs_most_is_faulty_where_none_errs_clearly():
    one = places((1, 1), (12, 9), (15, 12), (40, 1))
    assert find_first_faulty(one).call.module == "layer.2"


def test_a_module_may_err_no_more_than_its_precision_allows():
    one = places((1, 1), (5, 4.5))
    assert find_first_faulty(one) is None
    assert find_first_faulty(one, 4.0).call.module == "layer.1"
    assert find_first_faulty(one, 10.0) is None


@given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, MATCH_RATIO)), max_size=8))
def test_inherited_errors_make_no_module_faulty(ratios):
    assert find_first_faulty(places(*ratios)) is None


@given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 1e6)), min_size=1, max_size=8))
def test_no_module_before_the_faulty_one_errs_as_clearly(ratios):
    found = places(*ratios)
    faulty = find_first_faulty(found)
    if faulty is not None:
        before = found[: found.index(faulty)]
        assert all(place.local_ratio <= max(FAULT_RATIO, faulty.local_ratio) for place in before)
        assert faulty.local_ratio > MATCH_RATIO


class Misread:
    """A graph of three values, each read by the next; the second is not what the model calls by that name."""

    reads_before = {"one": set(), "two": {"one"}, "three": {"one", "two"}}  # noqa: RUF012 - nobody changes it

    def outputs(self, batch, values, optimization="disabled"):
        return {name: np.full(4, {"one": 1.0, "two": 9.0, "three": 3.0}[name], np.float32) for name in values}

    def run_with_injected_inputs(self, batch, given):
        three = 3.0 if "two" not in given else 5.0  # what it makes of the second as the model has it is wrong
        return {name: np.full(4, three if name == "three" else 9.0 if name == "two" else 1.0) for name in given}

    def with_next_output(self, call):
        return None

    def values_read(self, given, value):
        return self.reads_before[value] & set(given)


def test_a_wrong_value_read_by_a_right_module_is_matched_with_another_module():
    names = {"one": 1.0, "two": 2.0, "three": 3.0}
    double = {name: np.full(4, number) for name, number in names.items()}
    calls = {name: SimpleNamespace(module=name, call=0, value=name, end=0) for name in names}
    values = MatchedValues(calls, {name: array.astype(np.float32) for name, array in double.items()}, double)
    run = PairedRun(ReferenceRun(None, None, {}), None)
    found = measure_modules(run, Misread(), values)
    assert [place.call.module for place in found] == ["one", "three"]
    assert find_first_faulty(found) is None


def test_nearby_modules_are_those_around_the_faulty_one():
    found = places((1, 1), (1, 1), (1, 1), (90, 90), (80, 1), (70, 1), (60, 1))
    steps = list_nearby_modules(found, found[3])
    assert [step.module for step in steps] == ["layer.1", "layer.2", "layer.3", "layer.4", "layer.5"]
    assert [step.local_ratio for step in steps] == [1, 1, 90, 1, 1]


def test_nearby_modules_without_a_faulty_one_are_those_farthest_off():
    found = places((1, 1), (9, 2), (12, 3))
    assert [step.graph_ratio for step in list_nearby_modules(found, None)] == [12, 9, 1]
