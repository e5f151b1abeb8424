"""Where PyTorch runs: what is asked for, and where that really lands."""

from __future__ import annotations

import warnings
from importlib.metadata import version
from typing import TYPE_CHECKING

from mqa_registry import NotRunError, find_device

if TYPE_CHECKING:
    from mqa_registry import Conditions, Device


def wanted(conditions: Conditions) -> Device:
    """The device that is asked for, as far as it can be known without PyTorch."""
    return find_device(conditions.device, cuda=_built_for_cuda())


def landed(conditions: Conditions) -> Device:
    """The device that PyTorch can really use; a NotRunError where it is not the one asked for."""
    device = wanted(conditions)
    if device.kind == "cpu":
        return device
    reason = _obstacle(device)
    if not reason:
        return device
    if conditions.device == "auto":
        return find_device("cpu")
    raise NotRunError(
        f"device `{conditions.device}` was asked for, and PyTorch {version('torch')} cannot use it: {reason}",
        hint="run with `--device cpu`, or install a PyTorch built for CUDA and a driver that fits"
        if _built_for_cuda()
        else "run with `--device cpu`, or install a PyTorch that is built for CUDA",
    )


def _built_for_cuda() -> bool:
    """Whether the installed PyTorch may use a GPU, as far as its version tells."""
    return not version("torch").endswith("+cpu")


def _obstacle(device: Device) -> str:
    """Why PyTorch cannot use a GPU, or nothing."""
    import torch

    if torch.version.cuda is None:
        return "it is built without CUDA"
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device.index < count:
        return ""
    if heard:
        return str(heard[0].message).partition("\n")[0]
    return f"GPUs found: {count}"
