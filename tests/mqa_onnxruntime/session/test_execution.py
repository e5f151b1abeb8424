"""A session that runs on values in a device's memory answers as one that is run plainly; the CPU is a device as well."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mqa_onnxruntime.execution_providers import cpu_request
from mqa_onnxruntime.session.execution import CudaGraphs, DeviceBinding
from mqa_onnxruntime.session.factory import SessionConfig, open_session

NAMES = ["logits", "pooled"]
SHAPES = st.tuples(st.integers(1, 3), st.integers(1, 4))


@pytest.fixture
def session(tmp_path, exported):
    return open_session(exported, cpu_request(), SessionConfig(threads=1))[0]


def feed(shape, seed=7):
    words = np.random.default_rng(seed).integers(1, 23, size=shape)
    return {"words": words, "mask": np.ones(shape, np.int64)}


def same(found, expected):
    assert all((one == other).all() for one, other in zip(found, expected, strict=True))


@pytest.mark.parametrize("shape", [(1, 1), (3, 5)])
def test_bound_values_give_the_same_outputs(session, shape):
    same(DeviceBinding(session, "cpu").run(NAMES, feed(shape)), session.run(NAMES, feed(shape)))


def test_outputs_come_in_the_order_in_which_they_are_named(session):
    expected = session.run(NAMES, feed((2, 3)))
    same(DeviceBinding(session, "cpu").run(NAMES[::-1], feed((2, 3))), expected[::-1])
    same(CudaGraphs(DeviceBinding(session, "cpu")).run(NAMES[::-1], feed((2, 3))), expected[::-1])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(runs=st.lists(st.tuples(SHAPES, st.integers(0, 9)), max_size=8), max_graphs=st.sampled_from([0, 1, 64]))
def test_replayed_graphs_give_the_outputs_of_their_own_inputs(session, runs, max_graphs):
    graphs = CudaGraphs(DeviceBinding(session, "cpu"), max_graphs)
    found = [graphs.run(NAMES, feed(shape, seed)) for shape, seed in runs]
    for outputs, (shape, seed) in zip(found, runs, strict=True):
        same(outputs, session.run(NAMES, feed(shape, seed)))
    assert len(graphs.captured) == min(max_graphs, len({shape for shape, _ in runs}))


def test_inputs_of_the_same_shapes_share_a_graph_and_its_addresses(session, monkeypatch):
    import onnxruntime

    graphs = CudaGraphs(DeviceBinding(session, "cpu"))
    graphs.run(NAMES, feed((2, 3), 1))
    (captured,) = graphs.captured.values()
    addresses = [value.data_ptr() for value in (*captured.inputs.values(), *captured.outputs)]
    monkeypatch.setattr(onnxruntime.OrtValue, "ortvalue_from_numpy", None)  # no other value is made
    same(graphs.run(NAMES, feed((2, 3), 2)), session.run(NAMES, feed((2, 3), 2)))
    assert addresses == [value.data_ptr() for value in (*captured.inputs.values(), *captured.outputs)]


def test_graphs_have_numbers_of_their_own(session):
    graphs = CudaGraphs(DeviceBinding(session, "cpu"))
    for shape in [(1, 2), (2, 2), (3, 2)]:
        graphs.run(NAMES, feed(shape))
    assert [one.graph_id for one in graphs.captured.values()] == [1, 2, 3]  # 0 is reserved


class Failing:
    """A session whose captures fail as long as they are to."""

    def __init__(self, session):
        self.session, self.fails, self.numbers = session, True, []

    def io_binding(self):
        return self.session.io_binding()

    def run_with_iobinding(self, binding, options):
        number = int(options.get_run_config_entry("gpu_graph_id"))
        self.numbers.append(number)
        if number > 0 and self.fails:
            raise RuntimeError("CUDA failure 900: operation not permitted when stream is capturing")
        self.session.run_with_iobinding(binding)


def test_a_failed_capture_is_not_replayed_and_its_id_is_not_reused(session):
    failing = Failing(session)
    graphs = CudaGraphs(DeviceBinding(failing, "cpu"))
    with pytest.raises(RuntimeError, match="CUDA failure 900"):
        graphs.run(NAMES, feed((2, 3)))
    assert not graphs.captured
    failing.fails = False
    same(graphs.run(NAMES, feed((2, 3))), session.run(NAMES, feed((2, 3))))
    assert failing.numbers == [-1, 1, -1, 2]


def views(array):
    """The same values in memory of other layouts."""
    wide = np.zeros((*array.shape[:-1], 2 * array.shape[-1]), array.dtype)
    wide[..., ::2] = array
    return [array, np.asfortranarray(array), array[::-1].copy()[::-1], wide[..., ::2]]


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.float64, np.bool_, np.int64, np.uint8])
@pytest.mark.parametrize("shape", [(2, 3), (1, 1), (0, 3)])
def test_values_of_any_type_size_and_layout_come_through(graph, tmp_path, dtype, shape):
    from onnx import helper

    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    path = graph([helper.make_node("Identity", ["x"], ["y"])], {"x": ["a", "b"]}, types={"x": kind, "y": kind})
    session, _ = open_session(path, cpu_request(), SessionConfig(threads=1))
    graphs = CudaGraphs(DeviceBinding(session, "cpu"))
    graphs.run(["y"], {"x": np.ones(shape, dtype)})
    array = (np.arange(shape[0] * shape[1]).reshape(shape) % 2).astype(dtype)
    for view in views(array):
        for (found,) in (graphs.run(["y"], {"x": view}), DeviceBinding(session, "cpu").run(["y"], {"x": view})):
            assert (found.dtype, found.shape) == (array.dtype, array.shape)
            assert (found == array).all()
    assert len(graphs.captured) == 1


def test_an_output_whose_size_depends_on_the_values_is_refused_and_never_cut(graph, tmp_path):
    from onnx import TensorProto, helper

    path = graph([helper.make_node("NonZero", ["x"], ["y"])], {"x": ["a", "b"]}, types={"y": TensorProto.INT64})
    session, _ = open_session(path, cpu_request(), SessionConfig(threads=1))
    graphs = CudaGraphs(DeviceBinding(session, "cpu"))
    assert graphs.run(["y"], {"x": np.eye(2, dtype=np.float32)})[0].shape == (2, 2)
    with pytest.raises(Exception, match="dynamic output shapes"):
        graphs.run(["y"], {"x": np.ones((2, 2), np.float32)})


@pytest.mark.parametrize("graphs", [False, True])
def test_inputs_are_left_unchanged(session, graphs):
    binding = DeviceBinding(session, "cpu")
    runner, inputs = CudaGraphs(binding) if graphs else binding, feed((2, 3), 1)
    before = {name: array.copy() for name, array in inputs.items()}
    runner.run(NAMES, inputs)
    runner.run(NAMES, feed((2, 3), 2))
    assert all((inputs[name] == before[name]).all() for name in before)
