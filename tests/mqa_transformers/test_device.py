"""A run on a GPU never ends up on the CPU in silence, and memory that runs out is told apart from every other failure.

The findings of `mqa doctor` are about the installed PyTorch and its companions.
"""

from __future__ import annotations

import dataclasses
import sys

import pytest
import torch

from mqa_registry import NotRunError, OutOfMemoryError, machine
from mqa_transformers import device
from mqa_transformers.device import check_free_memory, memory_errors, requested_device, resolve_device


def test_an_allocation_that_fails_is_out_of_memory():
    import torch

    with pytest.raises(OutOfMemoryError, match=r"PyTorch ran out of memory: .*allocate"), memory_errors():
        torch.empty(10**15)


def test_a_failed_allocation_of_a_gpu_or_of_python_is_out_of_memory():
    import torch

    libraries = (
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED"),
    )
    for error in (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB"), MemoryError(), *libraries):
        with pytest.raises(OutOfMemoryError), memory_errors():
            raise error


def test_any_other_failure_passes_through():
    with pytest.raises(RuntimeError, match="mat1 and mat2"), memory_errors():
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")
    with pytest.raises(IndexError), memory_errors():
        raise IndexError("index out of range in self")


@pytest.fixture
def room(tmp_path, monkeypatch):
    """A machine with so much memory available, and a container with a limit and what is taken of it."""

    def make(available="", limit="", used=""):
        (tmp_path / "meminfo").write_text(f"MemTotal: 99 kB\nMemAvailable:    {available} kB\n" if available else "")
        (tmp_path / "memory.max").write_text(f"{limit}\n")
        (tmp_path / "memory.current").write_text(f"{used}\n")
        monkeypatch.setattr(device, "MEMINFO", tmp_path / "meminfo")
        monkeypatch.setattr(device, "CGROUP", tmp_path)

    return make


def test_an_allocation_beyond_the_free_memory_is_refused(room):
    room(available=2_000_000)
    check_free_memory(2_000_000_000, "a copy")
    with pytest.raises(OutOfMemoryError, match=r"a copy takes 3\.0 GB of memory, and 2\.0 GB are free"):
        check_free_memory(3_000_000_000, "a copy")


def test_the_limit_of_a_container_counts(room):
    room(available=9_000_000, limit=4_000_000_000, used=3_000_000_000)
    with pytest.raises(OutOfMemoryError, match=r"1\.0 GB are free"):
        check_free_memory(2_000_000_000, "a copy")
    room(available=9_000_000, limit="max", used=3_000_000_000)
    check_free_memory(2_000_000_000, "a copy")


def test_without_a_known_limit_no_allocation_is_refused(room, monkeypatch, tmp_path):
    room()
    check_free_memory(10**15, "a copy")
    monkeypatch.setattr(device, "MEMINFO", tmp_path / "nowhere")
    check_free_memory(10**15, "a copy")


@pytest.fixture
def one_gpu(monkeypatch):
    """A machine whose driver lists a GPU, with a PyTorch that may be built for it."""
    monkeypatch.setattr(machine, "gpu_names", lambda: ("NVIDIA H200",))
    monkeypatch.setattr(device, "version", lambda _: "2.13.0+cu130")


def without_cuda(monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


def test_auto_is_the_cpu_where_there_is_no_gpu(context, monkeypatch):
    monkeypatch.setattr(machine, "gpu_names", lambda: ())
    assert resolve_device(context) == requested_device(context)
    assert resolve_device(context).kind == "cpu"


def test_auto_is_the_cpu_where_pytorch_cannot_use_the_gpu(context, one_gpu, monkeypatch):
    without_cuda(monkeypatch)
    assert str(requested_device(context)) == "cuda:0"
    assert str(resolve_device(context)) == "cpu"


def test_auto_is_the_cpu_for_a_pytorch_without_cuda(context, one_gpu, monkeypatch):
    monkeypatch.setattr(device, "version", lambda _: "2.13.0+cpu")
    assert str(requested_device(context)) == "cpu"


@pytest.mark.parametrize("device", ["cuda", "cuda:3"])
def test_a_requested_gpu_that_does_not_exist_is_refused(context, monkeypatch, device):
    without_cuda(monkeypatch)
    with pytest.raises(NotRunError, match=f"`{device}` was asked for, and PyTorch .* cannot use it: ") as refused:
        resolve_device(dataclasses.replace(context, device=device))
    assert "--device cpu" in refused.value.hint


def test_a_refusal_quotes_the_warning_of_pytorch(context, one_gpu, monkeypatch):
    import warnings

    import torch

    def warn():
        warnings.warn("The NVIDIA driver on your system is too old\nand more", stacklevel=1)
        return False

    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "is_available", warn)
    with pytest.raises(NotRunError, match=r"cannot use it: The NVIDIA driver on your system is too old$"):
        resolve_device(dataclasses.replace(context, device="cuda"))


def test_a_gpu_number_beyond_the_last_is_refused(context, one_gpu, monkeypatch):
    import torch

    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert str(resolve_device(dataclasses.replace(context, device="cuda:0"))) == "cuda:0"
    with pytest.raises(NotRunError, match="GPUs found: 1"):
        resolve_device(dataclasses.replace(context, device="cuda:1"))


@pytest.mark.parametrize(
    "message",
    [
        "CUDA out of memory. Tried to allocate 2.00 GiB",
        "[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory",
        "[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: not enough memory: you tried to allocate 8 bytes",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED",
    ],
)
def test_the_messages_of_all_allocators_are_recognized(message):
    with pytest.raises(OutOfMemoryError), memory_errors():
        raise RuntimeError(message)


@pytest.fixture
def no_gpus(monkeypatch):
    monkeypatch.setattr(machine, "gpu_names", lambda: ())


@pytest.fixture
def gpus(monkeypatch):
    monkeypatch.setattr(machine, "gpu_names", lambda: ("NVIDIA H200",))


@pytest.fixture
def companion(tmp_path, monkeypatch):
    """Lays a torchvision onto the path, that asks for a torch and does this where it is imported; gives its finding."""
    monkeypatch.setattr(device, "COMPANIONS", ("zz-vision",))

    def make(requirement="", source=""):
        info = tmp_path / "zz_vision-0.28.0.dist-info"
        info.mkdir()
        metadata = "Metadata-Version: 2.1\nName: zz-vision\nVersion: 0.28.0\nRequires-Dist: numpy\n"
        (info / "METADATA").write_text(f"{metadata}Requires-Dist: torch{requirement}\n")
        (tmp_path / "zz-vision.py").write_text(source)
        monkeypatch.syspath_prepend(str(tmp_path))
        return list(device.diagnose_companions())[-1]

    yield make
    sys.modules.pop("zz-vision", None)


def test_pytorch_computes_on_the_cpu(no_gpus):
    (finding,) = device.diagnose_pytorch()
    assert (finding.level, finding.topic, finding.message) == ("ok", "cpu", f"PyTorch {torch.__version__} computes")


def test_a_pytorch_that_finds_no_gpu_where_there_is_one_is_a_problem(gpus, monkeypatch):
    import warnings

    def unavailable():
        warnings.warn("CUDA initialization: The NVIDIA driver on your system is too old", stacklevel=1)
        return False

    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "is_available", unavailable)
    _, finding = device.diagnose_pytorch()
    assert (finding.level, finding.topic) == ("problem", "cuda")
    assert "driver on your system is too old" in finding.evidence


def test_a_pytorch_without_cuda_on_a_machine_with_a_gpu_is_a_warning(gpus, monkeypatch):
    monkeypatch.setattr(torch.version, "cuda", None)
    _, finding = device.diagnose_pytorch()
    assert (finding.level, "cannot use this machine's GPU" in finding.message) == ("warning", True)
    assert finding.fix


def test_a_gpu_that_does_not_compute_is_a_problem(monkeypatch, gpus):
    def fail(*_, device, **__):
        raise RuntimeError("CUDA error: no kernel image is available for execution on the device\nmore")

    monkeypatch.setattr(torch, "full", fail)
    finding = device._diagnose_device("cuda:0", "NVIDIA H200")
    assert (finding.level, finding.message) == (
        "problem",
        "NVIDIA H200 does not compute: CUDA error: no kernel image is available for execution on the device",
    )
    assert finding.fix


def test_transformers_loads_here(no_gpus, monkeypatch):
    monkeypatch.setattr(device, "COMPANIONS", ())
    assert [(each.level, each.topic) for each in device.diagnose_companions()] == [("ok", "transformers")]


def test_a_companion_of_this_pytorch_is_fine(companion):
    assert companion(f"=={torch.__version__.partition('+')[0]}").level == "ok"


def test_a_companion_of_another_pytorch_is_a_problem(companion):
    finding = companion("==1.2.3")
    assert (finding.level, finding.message) == (
        "problem",
        f"0.28.0 is built for torch==1.2.3, and {torch.__version__} is installed",
    )
    assert finding.fix == "pip install --upgrade torch zz-vision, both from the same index"


def test_a_companion_whose_compiled_part_does_not_fit_is_a_problem(companion):
    finding = companion(source="raise RuntimeError('operator torchvision::nms does not exist')")
    assert (finding.level, finding.message) == (
        "problem",
        "0.28.0 cannot be loaded: operator torchvision::nms does not exist",
    )


def test_a_companion_that_is_not_installed_is_skipped(no_gpus, monkeypatch):
    monkeypatch.setattr(device, "COMPANIONS", ("no-such-distribution",))
    assert len(list(device.diagnose_companions())) == 1


@pytest.mark.gpu
def test_on_a_gpu_pytorch_computes_on_it(gpu):
    assert {each.level for each in device.diagnose_pytorch()} == {"ok"}
