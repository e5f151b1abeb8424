"""A provider runs here when it has run a model here, not when ONNX Runtime lists it."""

from __future__ import annotations

import os

import pytest

from mqa_onnxruntime.providers import compatibility, provider_probe
from mqa_onnxruntime.providers.request import CPU, CUDA
from mqa_registry import machine

TENSORRT = "TensorrtExecutionProvider"
NO_LIBRARY = "Failed to load library a.so with error: libcublasLt.so.13: cannot open shared object file"
FAILURE = "[E:onnxruntime:Default, x.cc:1 f] CUDA failure"
OLD_DRIVER = "[E:onnxruntime:Default, x.cc:1 f] CUDA driver version is insufficient for CUDA runtime version"


@pytest.fixture
def gpus(monkeypatch):
    monkeypatch.setattr(machine, "gpu_names", lambda: ("NVIDIA H200",))


@pytest.fixture
def no_gpus(monkeypatch):
    monkeypatch.setattr(machine, "gpu_names", lambda: ())


@pytest.fixture
def fails(monkeypatch, tmp_path):
    """A provider whose session prints this from C++ and lands on the CPU."""

    def tried(provider, text):
        def run(provider, path, log):
            os.write(log.fileno(), f"\x1b[1;31m{text}\x1b[m\n".encode())
            return f"the session landed on `{CPU}`"

        monkeypatch.setattr(provider_probe, "_run", run)
        monkeypatch.setattr(provider_probe, "cuda_version", lambda: "13.0")
        return provider_probe._probe(provider, tmp_path)

    return tried


def test_the_cpu_starts_and_comes_first(capfd):
    import onnxruntime

    devices, cpu, *others = provider_probe.probe_providers()
    assert (devices.level, "CPUExecutionProvider on CPU" in devices.message) == ("ok", True)
    assert (cpu.level, cpu.subject, cpu.message) == ("ok", CPU, "starts, and runs a model")
    assert {each.subject for each in others} == set(onnxruntime.get_available_providers()) - {CPU}
    assert capfd.readouterr() == ("", "")


def test_a_listed_provider_that_does_not_start_is_told_apart_with_what_the_library_said(no_gpus):
    import onnxruntime

    found = {each.subject: each for each in provider_probe.probe_providers()}
    if CUDA not in onnxruntime.get_available_providers() or found[CUDA].level == "ok":
        pytest.skip("needs an ONNX Runtime with CUDA on a machine where that does not start")
    assert found[CUDA].level == "note"
    assert found[CUDA].message.startswith(("does not start: lib", "does not start: CUDA failure"))
    assert found[CUDA].message.endswith("no driver lists an NVIDIA GPU here")
    assert "\x1b" not in found[CUDA].evidence
    assert not found[CUDA].mend


def test_with_a_gpu_it_is_a_problem_and_the_libraries_mend_it(gpus, fails):
    found = fails(CUDA, NO_LIBRARY)
    assert (found.level, found.message) == (
        "problem",
        "does not start: libcublasLt.so.13: cannot open shared object file",
    )
    assert found.mend == compatibility.libraries_fix()
    assert found.mend.startswith('pip install "onnxruntime')
    assert "[cuda,cudnn]==" in found.mend


def test_an_old_driver_is_mended_by_a_new_one(gpus, fails):
    assert fails(CUDA, OLD_DRIVER).mend == "install an NVIDIA driver 580 or newer, which CUDA 13 needs"


@pytest.mark.parametrize(
    ("text", "mend"),
    [
        (
            "Failed to load library a.so with error: libcuda.so.1: cannot open",
            "NVIDIA_DRIVER_CAPABILITIES name `compute`",
        ),
        (f"{FAILURE} 100: no CUDA-capable device is detected", "let CUDA see the GPU that the driver lists"),
        (f"{FAILURE} 802: system not yet initialized", "start the service `nvidia-fabricmanager`"),
        (f"{FAILURE} 999: unknown error", ""),
    ],
)
def test_libraries_that_are_there_are_not_asked_for(gpus, fails, text, mend):
    found = fails(CUDA, text)
    assert mend in found.mend
    assert bool(found.mend) == bool(mend)
    assert "pip" not in found.mend


def test_a_provider_that_nobody_would_use_unasked_is_a_note(gpus, fails):
    found = fails(TENSORRT, "Failed to load library b.so with error: libnvinfer.so.10: cannot open")
    assert found.level == "note"
    assert found.mend.startswith('pip install "tensorrt-cu13<11"')
    assert fails("QNNExecutionProvider", "").message == f"does not start: the session landed on `{CPU}`"


def test_a_cpu_that_does_not_start_is_a_problem_anywhere(no_gpus, fails):
    assert fails(CPU, "").level == "problem"


def test_a_session_that_raises_is_a_finding(monkeypatch, tmp_path, no_gpus):
    def run(provider, path, log):
        raise RuntimeError("[ONNXRuntimeError] : 1 : FAIL : CUDA failure 802: system not yet initialized\nand more")

    monkeypatch.setattr(provider_probe, "_run", run)
    assert provider_probe._probe(CUDA, tmp_path).message.startswith(
        "does not start: CUDA failure 802: system not yet init"
    )


@pytest.mark.gpu
def test_on_a_gpu_cuda_starts_and_runs_a_model(gpu):
    found = {each.subject: each for each in provider_probe.probe_providers()}
    assert found[CUDA].level == "ok", found[CUDA]
