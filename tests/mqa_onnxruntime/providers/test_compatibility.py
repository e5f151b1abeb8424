"""ONNX Runtime, its CUDA, the driver and PyTorch fit one another, or a line says what to do."""

from __future__ import annotations

from importlib.metadata import version
from types import SimpleNamespace

import pytest

from mqa_onnxruntime.providers import compatibility
from mqa_onnxruntime.providers.request import runtime_distribution
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

        def asked(library, function, *, by_pointer=True):
            number = driver if "cuda" in library else cudnn
            if number is None:
                raise OSError(f"{library}: cannot open shared object file")
            return number

        monkeypatch.setattr(compatibility, "cuda_version", lambda: ours)
        monkeypatch.setattr(compatibility, "_library_version", asked)
        monkeypatch.setattr(torch, "version", SimpleNamespace(cuda=theirs))
        return {each.subject: each for each in compatibility.check_cuda()}

    return cuda


@pytest.fixture
def distributions(monkeypatch):
    def installed(**versions):
        names = {name.replace("_", "-"): number for name, number in versions.items()}
        monkeypatch.setattr(compatibility, "packages_distributions", lambda: {"onnxruntime": list(names)})
        monkeypatch.setattr(compatibility, "version", names.get)
        return next(iter(compatibility.check_packages()))

    return installed


def test_one_whole_distribution_is_fine():
    name, number = runtime_distribution()
    found = next(iter(compatibility.check_packages()))
    assert (found.level, found.subject) in {("ok", name), ("warning", name)}
    assert number in found.message


def test_two_distributions_write_over_each_other(distributions):
    found = distributions(onnxruntime="1.30.0", onnxruntime_gpu="1.31.1")
    assert (found.level, found.message) == (
        "problem",
        "onnxruntime 1.30.0 and onnxruntime-gpu 1.31.1 have written over each other's files",
    )
    assert found.mend == "pip uninstall -y onnxruntime onnxruntime-gpu && pip install onnxruntime-gpu==1.31.1"


def test_none_at_all_is_a_problem(distributions):
    assert distributions().mend == "pip install onnxruntime-gpu"


def test_files_of_another_version_are_what_a_second_distribution_left(distributions):
    found = distributions(onnxruntime_gpu="1.2.3")
    assert (found.level, found.message) == (
        "problem",
        f"is installed as 1.2.3, and its files are of {version(runtime_distribution()[0])}",
    )
    assert found.mend == "pip install --force-reinstall --no-deps onnxruntime-gpu==1.2.3"


def test_a_build_without_cuda_leaves_a_gpu_alone(distributions, monkeypatch, gpus):
    monkeypatch.setattr(compatibility, "cuda_version", lambda: "")
    found = distributions(onnxruntime=version(runtime_distribution()[0]))
    assert (found.level, "leaves this machine's GPU alone" in found.message) == ("warning", True)
    assert found.mend.startswith("pip uninstall -y onnxruntime && pip install onnxruntime-gpu==")


def test_where_all_is_of_one_cuda_all_is_well(built, gpus):
    found = built(theirs="13.2", driver=13010)
    assert {each.level for each in found.values()} == {"ok"}
    assert found["NVIDIA driver"].message == "knows CUDA up to 13.1"
    assert found["cuDNN"].message == "9.10.2"


def test_a_driver_that_is_too_old_is_a_problem(built, gpus):
    found = built(driver=12040)["NVIDIA driver"]
    assert (found.level, found.message) == ("problem", "knows CUDA up to 12.4, and ONNX Runtime is built for 13.0")
    assert found.mend == "install an NVIDIA driver 580 or newer, which CUDA 13 needs"


def test_what_is_missing_is_a_problem_where_there_is_a_gpu(built, gpus):
    found = built(driver=None, cudnn=None)
    assert (found["NVIDIA driver"].level, found["cuDNN"].level) == ("problem", "problem")
    assert found["cuDNN"].mend == compatibility.libraries_fix()


def test_and_as_it_has_to_be_where_there_is_none(built, no_gpus):
    found = built(driver=None, cudnn=None)
    assert [each.level for each in found.values()] == ["note", "note", "ok"]
    assert not any(each.mend for each in found.values())


@pytest.mark.parametrize(("here", "level"), [("gpus", "problem"), ("no_gpus", "note")])
def test_a_pytorch_for_another_cuda_is_named_with_both(request, built, here, level):
    request.getfixturevalue(here)
    found = built(theirs="12.8")["PyTorch"]
    assert found.level == level
    assert "built for CUDA 12.8, and ONNX Runtime for 13.0" in found.message
    assert "+cu130" in found.mend


def test_a_pytorch_without_cuda_leaves_the_reference_on_the_cpu(built, gpus):
    assert built()["PyTorch"].level == "warning"


def test_a_build_without_cuda_asks_nothing_of_it(built):
    assert [each.level for each in built(ours="").values()] == ["ok"]


def test_asking_leaves_the_console_alone(no_gpus, capfd):
    assert list(compatibility.check_cuda())
    assert capfd.readouterr() == ("", "")
