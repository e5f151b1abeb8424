"""Memory that runs out is told apart from every other failure."""

from __future__ import annotations

import pytest

from mqa_registry import OutOfMemoryError
from mqa_transformers import memory
from mqa_transformers.memory import check_room, memory_errors


def test_an_allocation_that_fails_is_out_of_memory():
    import torch

    with pytest.raises(OutOfMemoryError, match=r"PyTorch ran out of memory: .*allocate"), memory_errors():
        torch.empty(10**15)


def test_so_is_one_on_a_gpu_and_one_of_python():
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

    def make(available="", limit="", taken=""):
        (tmp_path / "meminfo").write_text(f"MemTotal: 99 kB\nMemAvailable:    {available} kB\n" if available else "")
        (tmp_path / "memory.max").write_text(f"{limit}\n")
        (tmp_path / "memory.current").write_text(f"{taken}\n")
        monkeypatch.setattr(memory, "MACHINE", tmp_path / "meminfo")
        monkeypatch.setattr(memory, "CONTAINER", tmp_path)

    return make


def test_what_does_not_fit_is_refused_before_it_is_tried(room):
    room(available=2_000_000)
    check_room(2_000_000_000, "a copy")
    with pytest.raises(OutOfMemoryError, match=r"a copy takes 3\.0 GB of memory, and 2\.0 GB are free"):
        check_room(3_000_000_000, "a copy")


def test_a_container_may_have_less_than_its_machine(room):
    room(available=9_000_000, limit=4_000_000_000, taken=3_000_000_000)
    with pytest.raises(OutOfMemoryError, match=r"1\.0 GB are free"):
        check_room(2_000_000_000, "a copy")
    room(available=9_000_000, limit="max", taken=3_000_000_000)
    check_room(2_000_000_000, "a copy")


def test_where_nobody_says_it_is_tried(room, monkeypatch, tmp_path):
    room()
    check_room(10**15, "a copy")
    monkeypatch.setattr(memory, "MACHINE", tmp_path / "nowhere")
    check_room(10**15, "a copy")
