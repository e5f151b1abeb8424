"""A file that takes so many rows at a time answers batches of any size as one that takes any number does."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_onnxruntime.session.backend import SessionOptions
from mqa_onnxruntime.session.execution import fixed_batch_size, run_in_fixed_batches
from mqa_registry import DataError, NotRunError

BATCH = {
    "words": np.array([[1, 2, 3], [4, 0, 0], [5, 6, 0], [7, 8, 9], [1, 1, 1]]),
    "mask": np.array([[1, 1, 1], [1, 0, 0], [1, 1, 0], [1, 1, 1], [1, 1, 1]]),
}


def fixed(exported, folder, rows, length=None):
    """The export with a first axis of one length, in outputs too, and maybe a second."""
    model = onnx.load(str(exported))
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = rows
    for value in model.graph.input if length else ():
        value.type.tensor_type.shape.dim[1].dim_value = length
    path = folder / f"{rows}.onnx"
    path.write_bytes(model.SerializeToString())
    return path


@pytest.mark.parametrize("rows", [1, 2, 4, 8])
def test_batches_of_any_size_agree_with_the_dynamic_file(backend, model_under_test, exported, tmp_path, rows):
    with (
        backend.open(model_under_test, SessionOptions(path=exported)) as free,
        backend.open(model_under_test, SessionOptions(path=fixed(exported, tmp_path, rows))) as fixed_runner,
    ):
        assert fixed_runner.facts.fixed_rows == rows
        assert free.facts.fixed_rows is None
        for size in (1, 3, 5):
            batch = {name: array[:size] for name, array in BATCH.items()}
            expected, found = free.run(batch), fixed_runner.run(batch)
            assert list(found) == ["logits", "pooled"]
            for name, values in expected.items():
                np.testing.assert_allclose(found[name], values, rtol=1e-5, atol=1e-6)
        with fixed_runner.variant(optimization="disabled") as plain:
            assert plain.run(BATCH)["logits"].shape == (5, 2)


def test_modules_are_timed_in_batches_of_that_size_alone(backend, model_under_test, exported, tmp_path):
    with backend.open(model_under_test, SessionOptions(path=fixed(exported, tmp_path, 1))) as fixed_runner:
        assert fixed_runner.time_modules({name: array[:1] for name, array in BATCH.items()}, 2)
        with pytest.raises(NotRunError, match="takes batches of 1 alone"):
            fixed_runner.time_modules(BATCH, 2)


def test_a_fixed_length_of_rows_is_refused_with_a_hint(backend, model_under_test, exported, tmp_path):
    with (
        pytest.raises(
            DataError, match=r"`words` with a length of exactly 9 along axis 1, and this task gives it with 7"
        ) as no,
        backend.open(model_under_test, SessionOptions(path=fixed(exported, tmp_path, 1, 9))),
    ):
        pass
    assert no.value.hint == (
        "export it with dynamic axes, or give it rows of 9 as arrays, padding and mask included, in a `.npz`"
    )  # fmt: skip


@pytest.mark.parametrize(("shapes", "rows"), [
    ([[1, "s"], [1, 4]], 1), ([[8]], 8), ([[1, 3], [2, 3]], None), ([[1, 3], ["b", 3]], None), ([["b"]], None),
    ([[None, 3]], None), ([[]], None), ([], None),
])  # fmt: skip
def test_rows_are_fixed_where_every_input_has_the_same_number(shapes, rows):
    nodes = [SimpleNamespace(name=str(number), shape=shape) for number, shape in enumerate(shapes)]
    assert fixed_batch_size(SimpleNamespace(get_inputs=lambda: nodes)) == rows


@given(size=st.integers(1, 20), rows=st.integers(1, 7))
def test_every_row_comes_out_once_and_in_order(size, rows):
    ran = []

    def execute(names, feed):
        ran.append(len(feed["x"]))
        return [2 * feed["x"], feed["x"].sum(axis=1)]

    batch = np.arange(3 * size, dtype=np.float32).reshape(size, 3)
    twice, sums = run_in_fixed_batches(execute, ["twice", "sums"], {"x": batch}, rows)
    assert np.array_equal(twice, 2 * batch)
    assert np.array_equal(sums, batch.sum(axis=1))
    assert ran == [rows] * -(-size // rows)


def test_one_batch_of_that_size_is_run_as_it_is():
    given = np.ones((2, 3))
    (found,) = run_in_fixed_batches(lambda names, feed: [feed["x"]], ["y"], {"x": given}, 2)
    assert found is given


@pytest.mark.parametrize("shape", [(), (3,), (4, 2)])
def test_outputs_without_rows_in_front_are_not_concatenated(shape):
    with pytest.raises(DataError, match="takes batches of 2 alone, and gives `y` with the shape"):
        run_in_fixed_batches(lambda names, feed: [np.ones(shape)], ["y"], {"x": np.ones((5, 3))}, 2)


def test_outputs_whose_shape_depends_on_the_row_are_not_concatenated():
    with pytest.raises(DataError, match=r"with the shape \[1, 1\] and \[1, 2\]"):
        run_in_fixed_batches(
            lambda names, feed: [np.ones((1, int(feed["x"][0, 0])))], ["y"], {"x": np.array([[1.0], [2.0]])}, 1
        )
