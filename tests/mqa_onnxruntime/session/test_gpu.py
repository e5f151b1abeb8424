"""What is different on a GPU: precision, bound memory, captured graphs, TensorRT; all by option, and told."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from mqa_onnxruntime.execution_providers import CPU, CUDA, TF32_OVERRIDE, resolve_providers
from mqa_onnxruntime.session.backend import SessionOptions
from mqa_onnxruntime.session.execution import CudaGraphs, DeviceBinding, gpu_facts, select_execution
from mqa_onnxruntime.session.factory import plain_provider_options
from mqa_registry import DataError, NotRunError, RunContext, machine

TENSORRT = "TensorrtExecutionProvider"


@pytest.fixture
def request_for(tmp_path, monkeypatch):
    monkeypatch.delenv(TF32_OVERRIDE, raising=False)
    context = RunContext(exports=tmp_path)
    return lambda *providers, **rest: replace(resolve_providers(context, list(providers)), **rest)


def session(*providers, options=None):
    return SimpleNamespace(get_providers=lambda: list(providers), get_provider_options=lambda: options)


def test_tf32_is_off_on_cuda_unless_requested(request_for):
    assert not request_for(CUDA).uses_tf32()
    assert request_for(CUDA, tf32=True).uses_tf32()
    assert not request_for(CPU, tf32=True).uses_tf32()


def test_tensorrt_uses_it_unless_cuda_forbids_it(request_for, monkeypatch):
    assert request_for(TENSORRT).uses_tf32()
    monkeypatch.setenv(TF32_OVERRIDE, "0")
    assert not request_for(TENSORRT).uses_tf32()
    assert not request_for(CUDA, tf32=True).uses_tf32()


def test_tf32_is_part_of_the_identity(backend, make, model_under_test, monkeypatch):
    monkeypatch.delenv(TF32_OVERRIDE, raising=False)
    monkeypatch.setattr(machine, "gpu_names", lambda: ("NVIDIA H200",))
    on_cuda = make(device="cuda")
    plain = backend.identity(on_cuda, SessionOptions())
    assert "tf32" not in plain
    assert backend.identity(on_cuda, SessionOptions(tf32=True)) == plain | {"tf32": "on"}
    assert backend.identity(make(device="cpu"), SessionOptions(tf32=True)) == backend.identity(
        make(device="cpu"), SessionOptions()
    )


def test_bound_memory_and_graphs_change_no_output_and_no_identity(backend, make):
    on_cuda = make(device="cuda")
    plain = backend.identity(on_cuda, SessionOptions())
    assert (
        backend.identity(on_cuda, SessionOptions(io_binding=False))
        == plain
        == backend.identity(on_cuda, SessionOptions(cuda_graph=True))
    )


def test_a_session_on_a_gpu_uses_io_binding_unless_disabled(request_for):
    on = session(CUDA, CPU)
    assert select_execution(on, request_for(CUDA), io_binding=True).__self__ == DeviceBinding(on, "cuda", 0)
    assert select_execution(on, request_for(CUDA), io_binding=False) is None
    assert isinstance(select_execution(on, request_for(CUDA, cuda_graph=True), io_binding=False).__self__, CudaGraphs)
    assert gpu_facts(on, request_for(CUDA), io_binding=True) == {"tf32": False, "io_binding": True, "cuda_graph": False}


def test_a_session_that_landed_on_the_cpu_is_run_without_binding(request_for):
    assert select_execution(session(CPU), request_for(CUDA, cuda_graph=True), io_binding=True) is None
    assert gpu_facts(session(CPU), request_for(CUDA), io_binding=True) == {}


def test_graphs_are_captured_by_cuda_alone(backend, model_under_test):
    options = SessionOptions(providers=[TENSORRT], cuda_graph=True)
    for call in (backend.identity, lambda *given: backend.open(*given).__enter__()):
        with pytest.raises(DataError, match=f"`cuda_graph` is for `{CUDA}`, and `{TENSORRT}` is to run the model"):
            call(model_under_test, options)


def test_sessions_without_cuda_graphs_capture_nothing():
    options = {CUDA: {"enable_cuda_graph": "1", "use_tf32": "0"}, CPU: {}}
    assert plain_provider_options(session(options=options)) == {
        CUDA: {"enable_cuda_graph": "0", "use_tf32": "0"},
        CPU: {},
    }


BATCHES = [[[1, 2, 3]], [[4], [5, 6]], [[3, 2, 1]], [[7] * 99] * 5, [[1, 2, 3]]]


@pytest.fixture
def opened(gpu, backend, make):
    """Opens the backend on the GPU with these options."""
    return lambda **options: backend.open(make(device="cuda"), SessionOptions(**options))


@pytest.fixture
def on_cuda(opened, model_under_test):
    """Opens the backend on the GPU with these options, and runs these batches of word numbers."""

    def run(batches, **options):
        encoded = [
            model_under_test.codec.collate(model_under_test.codec.encode([{"words": w} for w in words]))
            for words in batches
        ]
        with opened(**options) as runner:
            return [runner.run(batch)["logits"] for batch in encoded], runner.facts

    return run


def alike(found, expected, atol=1e-5):
    assert all(np.allclose(one, other, atol=atol) for one, other in zip(found, expected, strict=True))


@pytest.mark.gpu
def test_on_a_gpu_a_session_has_the_options_that_it_was_opened_with(opened):
    for option, key in (("tf32", "use_tf32"), ("cuda_graph", "enable_cuda_graph")):
        for chosen in (False, True):
            with opened(**{option: chosen}) as runner:
                assert runner.session.get_provider_options()[CUDA][key] == str(int(chosen))


@pytest.mark.gpu
def test_on_a_gpu_bound_outputs_lie_in_its_memory(opened, model_under_test):
    with opened() as runner:
        binding = DeviceBinding(runner.session, "cuda")
        inputs = {name: binding.device_value(array) for name, array in runner.feed(model_under_test.sample()).items()}
        bound = binding.bind(inputs, ["logits", "pooled"])
        runner.session.run_with_iobinding(bound)
        assert {value.device_name() for value in (*inputs.values(), *bound.get_outputs())} == {"cuda"}


@pytest.mark.gpu
def test_on_a_gpu_bound_memory_gives_the_same_outputs(on_cuda):
    bound, facts = on_cuda(BATCHES)
    plain, _ = on_cuda(BATCHES, io_binding=False)
    assert facts.details["io_binding"]
    assert facts.tf32 is False
    alike(bound, plain)


@pytest.mark.gpu
def test_on_a_gpu_captured_graphs_give_the_same_outputs(on_cuda):
    plain, _ = on_cuda(BATCHES)
    replayed, facts = on_cuda(BATCHES, cuda_graph=True)
    assert facts.details["cuda_graph"]
    alike(replayed, plain)


@pytest.mark.gpu
def test_on_a_gpu_a_runner_with_graphs_has_variants_that_capture_none(opened, model_under_test):
    batch = model_under_test.sample()
    with opened(cuda_graph=True) as runner, runner.variant(optimization="basic") as other:
        assert other.session.get_providers()[0] == CUDA
        assert other.session.get_provider_options()[CUDA]["enable_cuda_graph"] == "0"
        for _ in range(2):
            alike([other.run(batch)["logits"]], [runner.run(batch)["logits"]])


@pytest.mark.gpu
def test_on_a_gpu_tf32_is_a_fact_where_it_is_allowed(on_cuda):
    exact, _ = on_cuda(BATCHES)
    rough, facts = on_cuda(BATCHES, tf32=True)
    assert facts.tf32 is True
    alike(exact, rough, atol=1e-2)


@pytest.mark.gpu
@pytest.mark.parametrize(("precision", "atol"), [("float16", 1e-2), ("bfloat16", 1e-1)])
def test_on_a_gpu_half_precision_agrees(on_cuda, precision, atol):
    plain, _ = on_cuda(BATCHES)
    try:
        half, facts = on_cuda(BATCHES, precision=precision)
    except NotRunError as error:
        if precision == "bfloat16" and (
            "Could not find an implementation" in error.message or "left nodes" in error.message
        ):
            pytest.skip(f"this ONNX Runtime has no bfloat16 for all of it: {error.message}")
        raise
    assert facts.precision == precision
    alike(half, plain, atol)


@pytest.mark.gpu
def test_on_a_gpu_tensorrt_agrees(on_cuda):
    plain, _ = on_cuda(BATCHES[:2])
    try:
        built, facts = on_cuda(BATCHES[:2], providers=[TENSORRT, CUDA])
    except NotRunError as error:
        if "libnvinfer" not in error.message and "has no" not in error.message:
            raise
        pytest.skip(f"TensorRT is not installed: {error.message}")
    assert facts.providers[0] == TENSORRT
    assert facts.details["nodes_by_provider"][TENSORRT]
    alike(built, plain, atol=1e-2)
