"""Memory that runs out is told apart from every other failure."""

from __future__ import annotations

import pytest

from mqa_registry import OutOfMemoryError
from mqa_transformers.memory import memory_errors


def test_an_allocation_that_fails_is_out_of_memory():
    import torch

    with pytest.raises(OutOfMemoryError, match=r"PyTorch ran out of memory: .*allocate"), memory_errors():
        torch.empty(10**15)


def test_so_is_one_on_a_gpu_and_one_of_python():
    import torch

    for error in (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB"), MemoryError()):
        with pytest.raises(OutOfMemoryError), memory_errors():
            raise error


def test_any_other_failure_passes_through():
    with pytest.raises(RuntimeError, match="mat1 and mat2"), memory_errors():
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")
    with pytest.raises(IndexError), memory_errors():
        raise IndexError("index out of range in self")
