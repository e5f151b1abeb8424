"""The reference in float64 and in the candidate's precision: PyTorch, or a file that may have neither."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from itertools import count

import numpy as np
import pytest
import torch

from mqa_parity.runners import check_determinism, max_distance, max_magnitude
from mqa_parity.sample_batches import Batch, Row
from mqa_parity.tensors.observations import TensorOptions
from mqa_parity.tensors.probe import TensorParity
from mqa_registry import MqaError, NotRunError, RunnerFacts, summarize_error

TENSORS = TensorParity()


@pytest.fixture
def compare(context, numpy_runner):
    """What the probe sees of a candidate beside a file; `wide` is what that is in float64."""

    class File(numpy_runner):
        wide = None

        @property
        def facts(self):
            return RunnerFacts(precision=self.dtype, opset=17)

        @contextmanager
        def variant(self, *, dtype="", optimization="", threads=None):
            if isinstance(self.wide, NotRunError):
                raise self.wide
            yield self.wide or replace(numpy_runner(), dtype=dtype)

    def run(candidate=None, wide=None, **options):
        reference = File()
        reference.wide = wide
        table = TENSORS.observe(context(candidate or numpy_runner(), reference), TensorOptions(**options))
        return TENSORS.numbers(table), TENSORS.evidence(table)

    return run


def test_a_file_is_its_own_baseline(compare, numpy_runner):
    found, shown = compare(numpy_runner(changes=lambda one: one | {"logits": one["logits"] * np.float32(1.001)}))
    assert found["ratio"] > 100
    assert "times as far from float64 as the reference file in float32" in shown.remarks[0]
    assert compare()[0]["ratio"] <= 1


def test_there_is_no_ratio_in_a_precision_that_the_reference_lacks(compare, numpy_runner):
    found, shown = compare(numpy_runner(dtype="float16"))
    assert found["ratio"].undefined == "the reference file has no float16"
    assert found["mismatches"] == 0
    assert 0 < found["max_abs"] < 0.1
    assert shown.remarks[0].startswith("the reference file has no float16 to compare this with")


def crashes(batch, dtype):
    raise ValueError("no such kernel")


def test_a_reference_file_without_float64_has_no_ratio(compare, numpy_runner):
    for wide, why in [
        (NotRunError("it calculates with integers"), "it calculates with integers"),
        (numpy_runner(crashes), "the reference file does not run in float64: no such kernel"),
    ]:
        found, shown = compare(wide=wide)
        assert found["ratio"].undefined == why
        assert (found["mismatches"], found["max_abs"]) == (0, 0)
        assert shown.remarks[0].startswith(f"{why}, which leaves nothing to compare this with")


def test_an_oracle_beyond_rounding_gives_no_ratio(compare, numpy_runner):
    wrong = numpy_runner(dtype="float64", changes=lambda one: one | {"hidden": one["hidden"] * 2})
    found, _ = compare(numpy_runner(changes=lambda one: one | {"hidden": one["hidden"] * 3}), wide=wrong)
    assert (
        found["ratio"].undefined == "`hidden` of the reference file lies beyond rounding from what comes out in float64"
    )
    assert found["max_abs"] > 1


def test_a_model_that_does_not_run_in_float64_has_no_ratio(context, numpy_runner):
    def compute(batch, dtype):
        if dtype is np.float64:
            raise TypeError("input is float, and bias is double")
        return numpy_runner.compute(batch, dtype)

    table = TENSORS.observe(context(numpy_runner(), numpy_runner(compute)), TensorOptions(attribute=False))
    assert (
        TENSORS.numbers(table)["ratio"].undefined
        == "PyTorch does not run in float64: input is float, and bias is double"
    )


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")
def test_the_reason_of_an_error_in_torchscript_is_reported():
    class Narrow(torch.nn.Module):
        def forward(self, x):
            return x.view(3, -1)

    with pytest.raises(RuntimeError) as raised:
        torch.jit.script(Narrow())(torch.ones(4))
    assert summarize_error(raised.value) == "RuntimeError: shape '[3, -1]' is invalid for input of size 4"


def test_an_error_without_a_message_is_reported_by_its_type():
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
            MqaError, match=r"backend `torch` does not give the same output twice: `y` moves by 3.3e-05"
        ):
            check_determinism(moving(roundings), "torch", [batch], EPS)


def test_nan_equals_nan_and_is_infinitely_far_from_all_else():
    one, other = np.array([1.0, np.nan, 3.0]), np.array([1.5, np.nan, 3.0])
    assert max_distance(one, other) == 0.5
    assert max_distance(one, np.array([1.0, 2.0, 3.0])) == np.inf
    assert max_distance(one, one[:2]) == np.inf
    assert (max_magnitude(one), max_magnitude(np.array([np.inf, -2.0])), max_magnitude(np.array([np.nan]))) == (3, 2, 0)
