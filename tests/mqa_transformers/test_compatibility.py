"""PyTorch computes on what is there, and its companions are of its build."""

from __future__ import annotations

import sys

import pytest
import torch

from mqa_registry import machine
from mqa_transformers import compatibility


@pytest.fixture
def no_gpus(monkeypatch):
    monkeypatch.setattr(machine, "gpu_names", lambda: ())


@pytest.fixture
def gpus(monkeypatch):
    monkeypatch.setattr(machine, "gpu_names", lambda: ("NVIDIA H200",))


@pytest.fixture
def companion(tmp_path, monkeypatch):
    """Lays a torchvision onto the path, that asks for a torch and does this where it is imported; gives its finding."""
    monkeypatch.setattr(compatibility, "COMPANIONS", ("zz-vision",))

    def found(wanted="", source=""):
        info = tmp_path / "zz_vision-0.28.0.dist-info"
        info.mkdir()
        metadata = "Metadata-Version: 2.1\nName: zz-vision\nVersion: 0.28.0\nRequires-Dist: numpy\n"
        (info / "METADATA").write_text(f"{metadata}Requires-Dist: torch{wanted}\n")
        (tmp_path / "zz-vision.py").write_text(source)
        monkeypatch.syspath_prepend(str(tmp_path))
        return list(compatibility.diagnose_companions())[-1]

    yield found
    sys.modules.pop("zz-vision", None)


def test_pytorch_computes_on_the_cpu(no_gpus):
    (found,) = compatibility.diagnose_pytorch()
    assert (found.level, found.subject, found.message) == ("ok", "cpu", f"PyTorch {torch.__version__} computes")


def test_a_pytorch_that_finds_no_gpu_where_there_is_one_is_a_problem(gpus, monkeypatch):
    import warnings

    def unavailable():
        warnings.warn("CUDA initialization: The NVIDIA driver on your system is too old", stacklevel=1)
        return False

    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "is_available", unavailable)
    _, found = compatibility.diagnose_pytorch()
    assert (found.level, found.subject) == ("problem", "cuda")
    assert "driver on your system is too old" in found.evidence


def test_a_pytorch_without_cuda_beside_a_gpu_is_a_note(gpus, monkeypatch):
    monkeypatch.setattr(torch.version, "cuda", None)
    _, found = compatibility.diagnose_pytorch()
    assert (found.level, "leaves this machine's GPU alone" in found.message) == ("warning", True)
    assert found.mend


def test_a_gpu_that_does_not_compute_is_a_problem(monkeypatch, gpus):
    def fail(*_, device, **__):
        raise RuntimeError("CUDA error: no kernel image is available for execution on the device\nmore")

    monkeypatch.setattr(torch, "full", fail)
    found = compatibility._diagnose_device("cuda:0", "NVIDIA H200")
    assert (found.level, found.message) == (
        "problem",
        "NVIDIA H200 does not compute: CUDA error: no kernel image is available for execution on the device",
    )
    assert found.mend


def test_transformers_loads_here(no_gpus, monkeypatch):
    monkeypatch.setattr(compatibility, "COMPANIONS", ())
    assert [(each.level, each.subject) for each in compatibility.diagnose_companions()] == [("ok", "transformers")]


def test_a_companion_of_this_pytorch_is_fine(companion):
    assert companion(f"=={torch.__version__.partition('+')[0]}").level == "ok"


def test_a_companion_of_another_pytorch_is_a_problem(companion):
    found = companion("==1.2.3")
    assert (found.level, found.message) == (
        "problem",
        f"0.28.0 is built for torch==1.2.3, and {torch.__version__} is installed",
    )
    assert found.mend == "pip install --upgrade torch zz-vision, both from the same index"


def test_a_companion_whose_compiled_part_does_not_fit_is_a_problem(companion):
    found = companion(source="raise RuntimeError('operator torchvision::nms does not exist')")
    assert (found.level, found.message) == (
        "problem",
        "0.28.0 cannot be loaded: operator torchvision::nms does not exist",
    )


def test_one_that_is_not_installed_is_not_missed(no_gpus, monkeypatch):
    monkeypatch.setattr(compatibility, "COMPANIONS", ("no-such-distribution",))
    assert len(list(compatibility.diagnose_companions())) == 1


@pytest.mark.gpu
def test_on_a_gpu_pytorch_computes_on_it(gpu):
    assert {each.level for each in compatibility.diagnose_pytorch()} == {"ok"}
