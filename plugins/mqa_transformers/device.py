"""The device that PyTorch runs on, the memory that is free, and diagnoses of both for `mqa doctor`."""

from __future__ import annotations

import re
import warnings
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import TYPE_CHECKING

from mqa_registry import Finding, NotRunError, OutOfMemoryError, find_device, summarize_error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mqa_registry import Device, RunContext

# How PyTorch's allocators and the libraries of CUDA say, by a plain RuntimeError, that there is no memory left.
OUT_OF_MEMORY_SIGNS = (
    "out of memory", "can't allocate memory", "not enough memory", "ALLOC_FAILED", "ALLOCATION_FAILED",
)  # fmt: skip

MEMINFO, CGROUP = Path("/proc/meminfo"), Path("/sys/fs/cgroup")

COMPANIONS = ("torchvision", "torchaudio")  # each release is built for one release of PyTorch
PRODUCT = 6.0  # 2 · 3


def requested_device(context: RunContext) -> Device:
    """The device that the command line asks for, as far as that is known without importing PyTorch."""
    return find_device(context.device, cuda=_may_use_cuda())


def resolve_device(context: RunContext) -> Device:
    """The device that PyTorch can use; a NotRunError where it cannot use the requested one."""
    device = requested_device(context)
    if device.kind == "cpu":
        return device
    obstacle = _cuda_obstacle(device)
    if not obstacle:
        return device
    if context.device == "auto":
        return find_device("cpu")
    raise NotRunError(
        f"device `{context.device}` was asked for, and PyTorch {version('torch')} cannot use it: {obstacle}",
        hint="run with `--device cpu`, or install a PyTorch built for CUDA and a driver that fits"
        if _may_use_cuda()
        else "run with `--device cpu`, or install a PyTorch that is built for CUDA",
    )


def count_gpus() -> tuple[int, list[str]]:
    """How many GPUs PyTorch finds, and the warnings that it gives about them."""
    import torch

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return count, [str(warning.message) for warning in caught]


@contextmanager
def memory_errors() -> Iterator[None]:
    """A failed allocation inside of the block raises mqa's OutOfMemoryError, on which the host halves the batch."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise OutOfMemoryError(f"PyTorch ran out of memory: {summarize_error(error)}") from error


def is_out_of_memory(error: Exception) -> bool:
    """Whether an error of PyTorch or Python says that memory ran out."""
    return isinstance(error, MemoryError) or any(sign in str(error) for sign in OUT_OF_MEMORY_SIGNS)


def check_free_memory(n_bytes: int, what: str) -> None:
    """An OutOfMemoryError where so many bytes are not free: Linux would grant them, and end the process later."""
    free = _free_memory()
    if free is not None and n_bytes > free:
        raise OutOfMemoryError(f"{what} takes {n_bytes / 1e9:.1f} GB of memory, and {free / 1e9:.1f} GB are free")


def diagnose_pytorch() -> Iterator[Finding]:
    """Whether PyTorch computes, on the CPU and on every GPU."""
    import torch

    yield _diagnose_device("cpu", f"PyTorch {torch.__version__}")
    if find_device("auto").kind == "cpu":
        return
    if torch.version.cuda is None:
        release = str(torch.__version__).partition("+")[0]
        text = "PyTorch is built without CUDA, and cannot use this machine's GPU"
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


def _may_use_cuda() -> bool:
    """Whether the installed PyTorch may use a GPU, as far as its version tells."""
    return not version("torch").endswith("+cpu")


def _cuda_obstacle(device: Device) -> str:
    """Why PyTorch cannot use a GPU; empty where it can."""
    import torch

    if torch.version.cuda is None:
        return "it is built without CUDA"
    count, messages = count_gpus()
    if device.index < count:
        return ""
    return messages[0].partition("\n")[0] if messages else f"GPUs found: {count}"


def _free_memory() -> int | None:
    """The bytes that machine and container still have for this process; None where neither says."""
    available = re.search(r"^MemAvailable:\s+(\d+) kB", _read(MEMINFO), re.MULTILINE)
    limit, used = (_read(CGROUP / name).strip() for name in ("memory.max", "memory.current"))
    bounds = [int(limit) - int(used)] if limit.isdigit() and used.isdigit() else []
    if available:
        bounds.append(1024 * int(available[1]))
    return min(bounds, default=None)


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""


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
