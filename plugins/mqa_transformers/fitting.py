"""Whether PyTorch runs here, on the GPU where there is one, and whether its companions are of the same build."""

from __future__ import annotations

import warnings
from importlib import import_module
from importlib.metadata import PackageNotFoundError, requires, version
from typing import TYPE_CHECKING

from mqa_registry import Finding, find_device
from mqa_transformers.reasons import reason

if TYPE_CHECKING:
    from collections.abc import Iterator

COMPANIONS = ("torchvision", "torchaudio")  # each release is built for one release of PyTorch alone
EXAMPLE = 6.0  # 2 · 3


def pytorch() -> Iterator[Finding]:
    """Whether PyTorch computes, on the CPU and on every GPU."""
    import torch

    yield _computes("cpu", f"PyTorch {torch.__version__}")
    if find_device("auto").kind == "cpu":
        return
    if torch.version.cuda is None:
        plain = str(torch.__version__).partition("+")[0]
        words = "PyTorch is built without CUDA, and leaves this machine's GPU alone"
        yield Finding("warning", "cuda", words, f'pip install --force-reinstall "torch=={plain}" (on Linux, for CUDA)')
        return
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    said = "\n".join(str(each.message) for each in heard)
    if not count:
        words = f"PyTorch, built for CUDA {torch.version.cuda}, finds no GPU, and the driver lists one"
        yield Finding(
            "problem", "cuda", words, "install a driver that knows this CUDA, or a PyTorch for an older", said
        )
    for index in range(count):
        yield _computes(f"cuda:{index}", torch.cuda.get_device_name(index))


def _computes(device: str, words: str) -> Finding:
    """A product of two numbers, on one device."""
    import torch

    try:
        found = (torch.full((1, 1), 2.0, device=device) @ torch.full((1, 1), 3.0, device=device)).item()
    except Exception as error:  # the kind depends on what CUDA says
        mend = "install a PyTorch that is built for this GPU, and a driver that fits" if device != "cpu" else ""
        return Finding("problem", device, f"{words} does not compute: {reason(error)}", mend, str(error))
    if found != EXAMPLE:
        return Finding("problem", device, f"{words} says that 2 · 3 is {found}")
    return Finding("ok", device, f"{words} computes")


def companions() -> Iterator[Finding]:
    """Whether transformers, and torchvision and torchaudio where they are installed, fit the installed PyTorch."""
    yield _loads("transformers", "pip install --upgrade transformers")
    for name in COMPANIONS:
        try:
            version(name)
        except PackageNotFoundError:
            continue
        yield _fits(name)


def _fits(name: str) -> Finding:
    from packaging.requirements import Requirement

    wanted = next((each for each in map(Requirement, requires(name) or ()) if each.name == "torch"), None)
    mend = f"pip install --upgrade torch {name}, both from the same index"
    if wanted is not None and not wanted.specifier.contains(version("torch"), prereleases=True):
        words = f"{version(name)} is built for torch{wanted.specifier}, and {version('torch')} is installed"
        return Finding("problem", name, words, mend)
    return _loads(name, mend)


def _loads(name: str, mend: str) -> Finding:
    """Whether a package can be imported at all: where its compiled part does not fit, that fails."""
    try:
        with warnings.catch_warnings(record=True):
            warnings.simplefilter("always")
            import_module(name)
    except Exception as error:
        return Finding("problem", name, f"{version(name)} cannot be loaded: {reason(error)}", mend, str(error))
    return Finding("ok", name, f"{version(name)} loads")
