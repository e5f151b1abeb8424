"""The reference in float64 and in the candidate's precision: PyTorch, or a file that may have neither."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest

from mqa_parity.tensors.observations import TensorOptions
from mqa_parity.tensors.probe import TensorParity
from mqa_registry import NotRunError

TENSORS = TensorParity()


@pytest.fixture
def held(context, numpy_runner):
    """What the probe sees of a candidate beside a file; `wide` is what that is in float64."""

    class File(numpy_runner):
        wide = None

        @property
        def facts(self):
            return {"precision": self.dtype, "opset": 17}

        @contextmanager
        def variant(self, *, dtype="", optimization="", threads=None):
            if isinstance(self.wide, NotRunError):
                raise self.wide
            yield self.wide or replace(numpy_runner(), dtype=dtype)

    def look(candidate=None, wide=None, **options):
        reference = File()
        reference.wide = wide
        table = TENSORS.observe(context(candidate or numpy_runner(), reference), TensorOptions(**options))
        return TENSORS.numbers(table), TENSORS.evidence(table)

    return look


def test_a_file_is_its_own_yardstick(held, numpy_runner):
    found, shown = held(numpy_runner(changes=lambda one: one | {"logits": one["logits"] * np.float32(1.001)}))
    assert found["ratio"] > 100
    assert "times as far from float64 as the reference file in float32" in shown.remarks[0]
    assert held()[0]["ratio"] <= 1


def test_a_precision_that_the_file_has_not_has_no_ratio(held, numpy_runner):
    found, shown = held(numpy_runner(dtype="float16"))
    assert found["ratio"].undefined == "the reference file has no float16"
    assert found["mismatches"] == 0
    assert 0 < found["max_abs"] < 0.1
    assert shown.remarks[0].startswith("the reference file has no float16 to compare this with")


def crashes(batch, dtype):
    raise ValueError("no such kernel")


def test_a_file_that_has_no_float64_is_held_without_a_ratio(held, numpy_runner):
    for wide, why in [
        (NotRunError("it calculates with integers"), "it calculates with integers"),
        (numpy_runner(crashes), "the reference file does not run in float64: no such kernel"),
    ]:
        found, shown = held(wide=wide)
        assert found["ratio"].undefined == why
        assert (found["mismatches"], found["max_abs"]) == (0, 0)
        assert shown.remarks[0].startswith(f"{why}, which leaves nothing to compare this with")


def test_a_float64_beyond_rounding_is_no_yardstick(held, numpy_runner):
    wrong = numpy_runner(dtype="float64", changes=lambda one: one | {"hidden": one["hidden"] * 2})
    found, _ = held(numpy_runner(changes=lambda one: one | {"hidden": one["hidden"] * 3}), wide=wrong)
    assert (
        found["ratio"].undefined == "`hidden` of the reference file lies beyond rounding from what comes out in float64"
    )
    assert found["max_abs"] > 1


def test_a_model_whose_float64_does_not_run_is_held_without_a_ratio_too(context, numpy_runner):
    def compute(batch, dtype):
        if dtype is np.float64:
            raise TypeError("input is float, and bias is double")
        return numpy_runner.compute(batch, dtype)

    table = TENSORS.observe(context(numpy_runner(), numpy_runner(compute)), TensorOptions(blame=False))
    assert (
        TENSORS.numbers(table)["ratio"].undefined
        == "PyTorch does not run in float64: input is float, and bias is double"
    )
