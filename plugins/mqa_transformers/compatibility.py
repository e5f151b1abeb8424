"""Diagnoses for `mqa doctor`: whether PyTorch computes on CPU and GPU, and whether the packages that need it fit it."""

from __future__ import annotations

import warnings
from importlib import import_module
from importlib.metadata import PackageNotFoundError, requires, version
from typing import TYPE_CHECKING

from mqa_registry import Finding, find_device, summarize_error
from mqa_transformers.device import count_gpus

if TYPE_CHECKING:
    from collections.abc import Iterator

COMPANIONS = ("torchvision", "torchaudio")  # each release is built for one release of PyTorch alone
PRODUCT = 6.0  # 2 · 3


def diagnose_pytorch() -> Iterator[Finding]:
    """Whether PyTorch computes, on the CPU and on every GPU."""
    import torch

    yield _diagnose_device("cpu", f"PyTorch {torch.__version__}")
    if find_device("auto").kind == "cpu":
        return
    if torch.version.cuda is None:
        release = str(torch.__version__).partition("+")[0]
        text = "PyTorch is built without CUDA, and leaves this machine's GPU alone"
        yield Finding("warning", "cuda", text, f'pip install --force-reinstall "torch=={release}" (on Linux, for CUDA)')
        return
    count, messages = count_gpus()
    if not count:
        text = f"PyTorch, built for CUDA {torch.version.cuda}, finds no GPU, and the driver lists one"
        fix = "install a driver that knows this CUDA, or a PyTorch for an older"
        yield Finding("problem", "cuda", text, fix, "\n".join(messages))
    for index in range(count):
        yield _diagnose_device(f"cuda:{index}", torch.cuda.get_device_name(index))


def diagnose_companions() -> Iterator[Finding]:
    """Whether transformers, and torchvision and torchaudio where they are installed, fit the installed PyTorch."""
    yield _diagnose_import("transformers", "pip install --upgrade transformers")
    for name in COMPANIONS:
        try:
            version(name)
        except PackageNotFoundError:
            continue
        yield _diagnose_companion(name)


def _diagnose_device(device: str, name: str) -> Finding:
    """Whether PyTorch multiplies two numbers on a device; `name` is what the finding calls it."""
    import torch

    try:
        product = (torch.full((1, 1), 2.0, device=device) @ torch.full((1, 1), 3.0, device=device)).item()
    except Exception as error:  # the class depends on what CUDA says
        fix = "install a PyTorch that is built for this GPU, and a driver that fits" if device != "cpu" else ""
        return Finding("problem", device, f"{name} does not compute: {summarize_error(error)}", fix, str(error))
    if product != PRODUCT:
        return Finding("problem", device, f"{name} says that 2 · 3 is {product}")
    return Finding("ok", device, f"{name} computes")


def _diagnose_companion(name: str) -> Finding:
    from packaging.requirements import Requirement

    requirements = map(Requirement, requires(name) or ())
    on_torch = next((requirement for requirement in requirements if requirement.name == "torch"), None)
    fix = f"pip install --upgrade torch {name}, both from the same index"
    if on_torch is not None and not on_torch.specifier.contains(version("torch"), prereleases=True):
        text = f"{version(name)} is built for torch{on_torch.specifier}, and {version('torch')} is installed"
        return Finding("problem", name, text, fix)
    return _diagnose_import(name, fix)


def _diagnose_import(name: str, fix: str) -> Finding:
    """Whether a package can be imported at all, which fails where its compiled part does not fit."""
    try:
        with warnings.catch_warnings(record=True):
            warnings.simplefilter("always")
            import_module(name)
    except Exception as error:
        return Finding("problem", name, f"{version(name)} cannot be loaded: {summarize_error(error)}", fix, str(error))
    return Finding("ok", name, f"{version(name)} loads")
