"""ONNX Runtime, its CUDA, the driver and PyTorch fit one another, and a provider runs, or a line says what to do."""

from __future__ import annotations

import os
from importlib.metadata import version
from types import SimpleNamespace

import pytest

from mqa_onnxruntime import diagnoses
from mqa_onnxruntime.execution_providers import CPU, CUDA, runtime_distribution
from mqa_registry import machine


@pytest.fixture
def gpus(monkeypatch):
    monkeypatch.setattr(machine, "gpu_names", lambda: ("NVIDIA H200",))


@pytest.fixture
def no_gpus(monkeypatch):
    monkeypatch.setattr(machine, "gpu_names", lambda: ())


@pytest.fixture
def built(monkeypatch):
    """ONNX Runtime as if built for this CUDA, PyTorch for that, on a driver that knows so much."""

    def cuda(ours="13.0", theirs=None, driver=13000, cudnn=91002):
        import torch

        def library_version(library, function, *, by_pointer=True):
            number = driver if "cuda" in library else cudnn
            if number is None:
                raise OSError(f"{library}: cannot open shared object file")
            return number

        monkeypatch.setattr(diagnoses, "cuda_version", lambda: ours)
        monkeypatch.setattr(diagnoses, "_library_version", library_version)
        monkeypatch.setattr(torch, "version", SimpleNamespace(cuda=theirs))
        return {each.topic: each for each in diagnoses.check_cuda()}

    return cuda


@pytest.fixture
def distributions(monkeypatch):
    def installed(**versions):
        names = {name.replace("_", "-"): number for name, number in versions.items()}
        monkeypatch.setattr(diagnoses, "packages_distributions", lambda: {"onnxruntime": list(names)})
        monkeypatch.setattr(diagnoses, "version", names.get)
        return next(iter(diagnoses.check_packages()))

    return installed


def test_one_whole_distribution_is_fine():
    name, number = runtime_distribution()
    found = next(iter(diagnoses.check_packages()))
    assert (found.level, found.topic) in {("ok", name), ("warning", name)}
    assert number in found.message


def test_two_distributions_write_over_each_other(distributions):
    found = distributions(onnxruntime="1.30.0", onnxruntime_gpu="1.31.1")
    assert (found.level, found.message) == (
        "problem",
        "onnxruntime 1.30.0 and onnxruntime-gpu 1.31.1 have written over each other's files",
    )
    assert found.fix == "pip uninstall -y onnxruntime onnxruntime-gpu && pip install onnxruntime-gpu==1.31.1"


def test_no_distribution_at_all_is_a_problem(distributions):
    assert distributions().fix == "pip install onnxruntime-gpu"


def test_files_of_another_version_are_what_a_second_distribution_left(distributions):
    found = distributions(onnxruntime_gpu="1.2.3")
    assert (found.level, found.message) == (
        "problem",
        f"is installed as 1.2.3, and its files are of {version(runtime_distribution()[0])}",
    )
    assert found.fix == "pip install --force-reinstall --no-deps onnxruntime-gpu==1.2.3"


def test_a_build_without_cuda_does_not_use_the_gpu(distributions, monkeypatch, gpus):
    monkeypatch.setattr(diagnoses, "cuda_version", lambda: "")
    found = distributions(onnxruntime=version(runtime_distribution()[0]))
    assert (found.level, "leaves this machine's GPU alone" in found.message) == ("warning", True)
    assert found.fix.startswith("pip uninstall -y onnxruntime && pip install onnxruntime-gpu==")


def test_libraries_of_one_cuda_are_ok(built, gpus):
    found = built(theirs="13.2", driver=13010)
    assert {each.level for each in found.values()} == {"ok"}
    assert found["NVIDIA driver"].message == "knows CUDA up to 13.1"
    assert found["cuDNN"].message == "9.10.2"


def test_a_driver_that_is_too_old_is_a_problem(built, gpus):
    found = built(driver=12040)["NVIDIA driver"]
    assert (found.level, found.message) == ("problem", "knows CUDA up to 12.4, and ONNX Runtime is built for 13.0")
    assert found.fix == "install an NVIDIA driver 580 or newer, which CUDA 13 needs"


def test_a_missing_library_is_a_problem_on_a_machine_with_a_gpu(built, gpus):
    found = built(driver=None, cudnn=None)
    assert (found["NVIDIA driver"].level, found["cuDNN"].level) == ("problem", "problem")
    assert found["cuDNN"].fix == diagnoses.libraries_fix()


def test_a_missing_library_is_a_note_on_a_machine_without_a_gpu(built, no_gpus):
    found = built(driver=None, cudnn=None)
    assert [each.level for each in found.values()] == ["note", "note", "ok"]
    assert not any(each.fix for each in found.values())


@pytest.mark.parametrize(("gpus_fixture", "level"), [("gpus", "problem"), ("no_gpus", "note")])
def test_a_pytorch_for_another_cuda_is_named_with_both(request, built, gpus_fixture, level):
    request.getfixturevalue(gpus_fixture)
    found = built(theirs="12.8")["PyTorch"]
    assert found.level == level
    assert "built for CUDA 12.8, and ONNX Runtime for 13.0" in found.message
    assert "+cu130" in found.fix


def test_a_pytorch_without_cuda_leaves_the_reference_on_the_cpu(built, gpus):
    assert built()["PyTorch"].level == "warning"


def test_a_build_without_cuda_needs_no_libraries_of_cuda(built):
    assert [each.level for each in built(ours="").values()] == ["ok"]


def test_checking_cuda_prints_nothing(no_gpus, capfd):
    assert list(diagnoses.check_cuda())
    assert capfd.readouterr() == ("", "")


TENSORRT = "TensorrtExecutionProvider"
NO_LIBRARY = "Failed to load library a.so with error: libcublasLt.so.13: cannot open shared object file"
FAILURE = "[E:onnxruntime:Default, x.cc:1 f] CUDA failure"
OLD_DRIVER = "[E:onnxruntime:Default, x.cc:1 f] CUDA driver version is insufficient for CUDA runtime version"


@pytest.fixture
def fails(monkeypatch, tmp_path):
    """A provider whose session prints this from C++ and lands on the CPU."""

    def tried(provider, text):
        def run(provider, path, log):
            os.write(log.fileno(), f"\x1b[1;31m{text}\x1b[m\n".encode())
            return f"the session landed on `{CPU}`"

        monkeypatch.setattr(diagnoses, "_run", run)
        monkeypatch.setattr(diagnoses, "cuda_version", lambda: "13.0")
        return diagnoses._probe(provider, tmp_path)

    return tried


def test_the_cpu_starts_and_comes_first(capfd):
    import onnxruntime

    devices, cpu, *others = diagnoses.probe_providers()
    assert (devices.level, "CPUExecutionProvider on CPU" in devices.message) == ("ok", True)
    assert (cpu.level, cpu.topic, cpu.message) == ("ok", CPU, "starts, and runs a model")
    assert {each.topic for each in others} == set(onnxruntime.get_available_providers()) - {CPU}
    assert capfd.readouterr() == ("", "")


def test_a_listed_provider_that_does_not_start_is_reported_with_the_librarys_message(no_gpus):
    import onnxruntime

    found = {each.topic: each for each in diagnoses.probe_providers()}
    if CUDA not in onnxruntime.get_available_providers() or found[CUDA].level == "ok":
        pytest.skip("needs an ONNX Runtime with CUDA on a machine where that does not start")
    assert found[CUDA].level == "note"
    assert found[CUDA].message.startswith(("does not start: lib", "does not start: CUDA failure"))
    assert found[CUDA].message.endswith("no driver lists an NVIDIA GPU here")
    assert "\x1b" not in found[CUDA].evidence
    assert not found[CUDA].fix


def test_with_a_gpu_it_is_a_problem_that_installing_the_libraries_fixes(gpus, fails):
    found = fails(CUDA, NO_LIBRARY)
    assert (found.level, found.message) == (
        "problem",
        "does not start: libcublasLt.so.13: cannot open shared object file",
    )
    assert found.fix == diagnoses.libraries_fix()
    assert found.fix.startswith('pip install "onnxruntime')
    assert "[cuda,cudnn]==" in found.fix


def test_an_old_driver_is_fixed_by_a_new_one(gpus, fails):
    assert fails(CUDA, OLD_DRIVER).fix == "install an NVIDIA driver 580 or newer, which CUDA 13 needs"


@pytest.mark.parametrize(
    ("text", "fix"),
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
def test_where_the_libraries_are_installed_the_fix_installs_none(gpus, fails, text, fix):
    found = fails(CUDA, text)
    assert fix in found.fix
    assert bool(found.fix) == bool(fix)
    assert "pip" not in found.fix


def test_a_provider_that_is_used_by_request_alone_is_a_note(gpus, fails):
    found = fails(TENSORRT, "Failed to load library b.so with error: libnvinfer.so.10: cannot open")
    assert found.level == "note"
    assert found.fix.startswith('pip install "tensorrt-cu13<11"')
    assert fails("QNNExecutionProvider", "").message == f"does not start: the session landed on `{CPU}`"


def test_a_cpu_that_does_not_start_is_a_problem_anywhere(no_gpus, fails):
    assert fails(CPU, "").level == "problem"


def test_a_session_that_raises_is_a_finding(monkeypatch, tmp_path, no_gpus):
    def run(provider, path, log):
        raise RuntimeError("[ONNXRuntimeError] : 1 : FAIL : CUDA failure 802: system not yet initialized\nand more")

    monkeypatch.setattr(diagnoses, "_run", run)
    assert diagnoses._probe(CUDA, tmp_path).message.startswith("does not start: CUDA failure 802: system not yet init")


@pytest.mark.gpu
def test_on_a_gpu_cuda_starts_and_runs_a_model(gpu):
    found = {each.topic: each for each in diagnoses.probe_providers()}
    assert found[CUDA].level == "ok", found[CUDA]
