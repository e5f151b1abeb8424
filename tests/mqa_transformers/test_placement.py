"""A run asked for a GPU never ends up on the CPU in silence."""

from __future__ import annotations

import dataclasses

import pytest

from mqa_registry import NotRunError, machine
from mqa_transformers import placement
from mqa_transformers.placement import landed, wanted


@pytest.fixture
def one_gpu(monkeypatch):
    """A machine whose driver lists a GPU, with a PyTorch that may be built for it."""
    monkeypatch.setattr(machine, "gpu_names", lambda: ("NVIDIA H200",))
    monkeypatch.setattr(placement, "version", lambda _: "2.13.0+cu130")


def without_cuda(monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


def test_auto_lands_on_the_cpu_where_there_is_no_gpu(conditions, monkeypatch):
    monkeypatch.setattr(machine, "gpu_names", lambda: ())
    assert landed(conditions) == wanted(conditions)
    assert landed(conditions).kind == "cpu"


def test_auto_wants_the_gpu_and_lands_on_the_cpu_where_pytorch_cannot_use_it(conditions, one_gpu, monkeypatch):
    without_cuda(monkeypatch)
    assert str(wanted(conditions)) == "cuda:0"
    assert str(landed(conditions)) == "cpu"


def test_a_pytorch_without_cuda_wants_no_gpu(conditions, one_gpu, monkeypatch):
    monkeypatch.setattr(placement, "version", lambda _: "2.13.0+cpu")
    assert str(wanted(conditions)) == "cpu"


@pytest.mark.parametrize("device", ["cuda", "cuda:3"])
def test_a_gpu_that_is_asked_for_and_not_there_is_refused(conditions, monkeypatch, device):
    without_cuda(monkeypatch)
    with pytest.raises(NotRunError, match=f"`{device}` was asked for, and PyTorch .* cannot use it: ") as refused:
        landed(dataclasses.replace(conditions, device=device))
    assert "--device cpu" in refused.value.hint


def test_what_pytorch_warns_of_is_the_reason(conditions, one_gpu, monkeypatch):
    import warnings

    import torch

    def warn():
        warnings.warn("The NVIDIA driver on your system is too old\nand more", stacklevel=1)
        return False

    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "is_available", warn)
    with pytest.raises(NotRunError, match=r"cannot use it: The NVIDIA driver on your system is too old$"):
        landed(dataclasses.replace(conditions, device="cuda"))


def test_a_gpu_of_too_high_a_number_is_refused(conditions, one_gpu, monkeypatch):
    import torch

    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert str(landed(dataclasses.replace(conditions, device="cuda:0"))) == "cuda:0"
    with pytest.raises(NotRunError, match="GPUs found: 1"):
        landed(dataclasses.replace(conditions, device="cuda:1"))
