"""The requested provider runs the model, or nothing does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mqa_onnxruntime import execution_providers
from mqa_onnxruntime.execution_providers import CPU, CUDA, resolve_providers
from mqa_onnxruntime.session import factory
from mqa_onnxruntime.session.factory import SessionConfig, open_session
from mqa_registry import DataError, NotRunError, RunContext, machine

TENSORRT = "TensorrtExecutionProvider"


@pytest.fixture
def context(tmp_path):
    return lambda device="auto": RunContext(exports=tmp_path, device=device)


@pytest.fixture
def gpus(monkeypatch):
    """A machine whose driver lists these GPUs."""
    monkeypatch.setattr(machine, "gpu_names", lambda: ("NVIDIA H200",))


@pytest.fixture
def no_gpus(monkeypatch):
    monkeypatch.setattr(machine, "gpu_names", lambda: ())


def test_without_a_gpu_auto_requests_the_cpu(context, no_gpus):
    request = resolve_providers(context(), None)
    assert (request.providers, str(request.device), request.required) == ((CPU,), "cpu", False)


def test_with_a_gpu_auto_prefers_cuda_and_does_not_require_it(context, gpus):
    request = resolve_providers(context(), None)
    assert (request.providers, str(request.device), request.required) == ((CUDA, CPU), "cuda:0", False)


def test_a_build_without_cuda_requests_the_cpu(context, gpus, monkeypatch):
    monkeypatch.setattr(execution_providers, "runtime_distribution", lambda: ("onnxruntime", "1.31.1"))
    assert resolve_providers(context(), None).providers == (CPU,)


@pytest.mark.parametrize(
    ("device", "given", "providers", "expected_device"),
    [
        ("cpu", None, (CPU,), "cpu"),
        ("cuda:1", None, (CUDA, CPU), "cuda:1"),
        ("auto", [CUDA], (CUDA, CPU), "cuda:0"),
        ("cuda:1", [TENSORRT, CUDA], (TENSORRT, CUDA, CPU), "cuda:1"),
        ("cuda", [CPU], (CPU,), "cpu"),
        ("auto", [CPU, CPU], (CPU,), "cpu"),
    ],
)
def test_a_requested_device_or_provider_is_required(context, device, given, providers, expected_device):
    request = resolve_providers(context(device), given)
    assert (request.providers, str(request.device), request.required) == (providers, expected_device, True)


def test_no_providers_cannot_run_anything(context):
    with pytest.raises(DataError, match="`providers` is empty"):
        resolve_providers(context(), [])


def test_a_provider_that_this_build_lacks_is_named(context, exported):
    with pytest.raises(NotRunError, match="this ONNX Runtime has no `CudaExecutionProvider`") as refused:
        open_session(exported, resolve_providers(context(), ["CudaExecutionProvider"]))
    assert f"`{CPU}`" in refused.value.hint


@pytest.mark.parametrize(("device", "given"), [("auto", [CUDA]), ("auto", [CUDA, CPU]), ("cuda", None)])
def test_a_session_that_requires_cuda_and_lands_on_the_cpu_is_refused(
    context, no_gpus, exported, capfd, *, device, given
):
    import onnxruntime

    if CUDA not in onnxruntime.get_available_providers() or _cuda_starts(exported):
        pytest.skip("needs an ONNX Runtime with CUDA on a machine where that does not start")
    landed = f"`{CUDA}` was requested, and (the session landed on `{CPU}`: .*lib|does not start: CUDA failure)"
    with pytest.raises(NotRunError, match=landed) as refused:
        open_session(exported, resolve_providers(context(device), given))
    assert "\n" not in refused.value.message
    assert "CUDA, cuDNN and driver must fit" in refused.value.hint
    assert capfd.readouterr() == ("", "")


def test_auto_lands_on_the_cpu_where_cuda_does_not_start_and_says_why(context, gpus, exported, capfd):
    import onnxruntime

    if CUDA not in onnxruntime.get_available_providers() or _cuda_starts(exported):
        pytest.skip("needs an ONNX Runtime with CUDA on a machine where that does not start")
    session, reason = open_session(exported, resolve_providers(context(), None))
    assert session.get_providers() == [CPU]
    assert "lib" in reason or reason.startswith("CUDA failure")
    assert capfd.readouterr() == ("", "")


def test_auto_goes_to_the_cpu_where_cuda_fails_with_an_error(context, gpus, exported, monkeypatch):
    real = factory.create_session

    def fail(model, providers, config, **options):
        if providers[0][0] == CUDA:
            raise RuntimeError("CUDA failure 802: system not yet initialized\nand more")
        return real(model, providers, config, **options)

    monkeypatch.setattr(factory, "_prepare_providers", lambda request: None)
    monkeypatch.setattr(factory, "create_session", fail)
    session, reason = open_session(exported, resolve_providers(context(), None))
    assert session.get_providers() == [CPU]
    assert reason.endswith("CUDA failure 802: system not yet initialized")
    with pytest.raises(NotRunError, match="CUDA failure 802"):
        open_session(exported, resolve_providers(context("cuda"), None))


def test_auto_goes_to_the_cpu_where_the_runtime_has_no_cuda_at_all(context, gpus, exported, monkeypatch):
    import onnxruntime

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [CPU])
    session, reason = open_session(exported, resolve_providers(context(), None))
    assert session.get_providers() == [CPU]
    assert "has no `CUDAExecutionProvider`" in reason


def _cuda_starts(path):
    import tempfile

    import onnxruntime

    from mqa_onnxruntime.captured_output import capture_output

    with tempfile.TemporaryFile() as log, capture_output(log):
        onnxruntime.preload_dlls()
        return onnxruntime.InferenceSession(path, providers=[CUDA, CPU]).get_providers()[0] == CUDA


def test_a_session_takes_the_options_it_is_opened_with(context, exported):
    import onnxruntime

    for word, level in (("all", "ORT_ENABLE_ALL"), ("disabled", "ORT_DISABLE_ALL")):
        session, _ = open_session(exported, resolve_providers(context("cpu"), None), SessionConfig(word, 1))
        options = session.get_session_options()
        assert options.graph_optimization_level == getattr(onnxruntime.GraphOptimizationLevel, level)
        assert options.intra_op_num_threads == 1


def test_cuda_computes_float32_in_float32(context, gpus):
    request = resolve_providers(context("cuda:1"), None)
    plain = {"device_id": "1", "use_tf32": "0", "enable_cuda_graph": "0"}
    assert request.provider_options(CUDA) == plain
    assert replace(request, tf32=True).provider_options(CUDA) == plain | {"use_tf32": "1"}
    assert replace(request, cuda_graph=True).provider_options(CUDA) == plain | {"enable_cuda_graph": "1"}
    assert request.provider_options(TENSORRT) == {"device_id": "1"}
    assert request.provider_options(CPU) == {}


def test_a_file_that_the_runtime_refuses_is_one_line(context, graph, capfd):
    from onnx import helper

    unknown = graph([helper.make_node("Frobnicate", ["x"], ["y"])], {"x": ["n"]})
    with pytest.raises(NotRunError, match=r"cannot run `.*given\.onnx`: .*Frobnicate") as refused:
        open_session(unknown, resolve_providers(context("cpu"), None))
    assert "\n" not in refused.value.message
    assert "ONNXRuntimeError" not in refused.value.message
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("message", "fix"),
    [
        ('Failed to parse provider option "device_id": CUDA failure 100: no device', "`mqa doctor` shows"),
        ('Failed to parse provider option "device_id": Invalid device ID: 3', "name a GPU that is there"),
        ("This session cannot use the graph capture feature as requested by the user", "leave out `cuda_graph`"),
        ("This is an invalid model. Type Error: Type 'tensor(bfloat16)' of input", "export it with an `opset` of 22"),
        ("CUDA failure 2: out of memory ; GPU=0", ""),
    ],
)
def test_the_fix_of_a_session_that_does_not_open_on_a_gpu_is_named(context, exported, monkeypatch, message, fix):
    def fail(*given, **options):
        raise RuntimeError(message)

    monkeypatch.setattr(factory, "_prepare_providers", lambda request: None)
    monkeypatch.setattr(factory, "create_session", fail)
    with pytest.raises(NotRunError) as refused:
        open_session(exported, resolve_providers(context("cuda"), None))
    assert refused.value.hint.startswith(fix)
    assert bool(refused.value.hint) == bool(fix)


def test_cuda_has_the_options_that_it_is_given_under_these_names(context, gpus, exported):
    request = resolve_providers(context("cuda"), None)
    if "Unknown provider option" not in _refusal(exported, "no_such_option", "1"):
        pytest.skip("needs the libraries of CUDA and a driver; a GPU it does not need")
    for name in request.provider_options(CUDA):
        assert f'Failed to parse provider option "{name}"' in _refusal(exported, name, "x")


def _refusal(path, name, value):
    """What ONNX Runtime says of one option of CUDA, before it looks for a GPU."""
    import tempfile

    import onnxruntime

    from mqa_onnxruntime.captured_output import capture_output

    with tempfile.TemporaryFile() as log, capture_output(log):
        onnxruntime.preload_dlls()
        try:
            onnxruntime.InferenceSession(path, providers=[(CUDA, {name: value})], enable_fallback=0)
        except Exception as error:  # its kind depends on what is missing
            return str(error)
    return ""
