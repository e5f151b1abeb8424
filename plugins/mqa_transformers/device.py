"""The device that PyTorch runs on, and the memory that is free on the machine."""

from __future__ import annotations

import re
import warnings
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from mqa_registry import NotRunError, OutOfMemoryError, find_device, summarize_error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mqa_registry import Device, RunContext

# How PyTorch's allocators and the libraries of CUDA say, by a plain RuntimeError, that there is no memory left.
OUT_OF_MEMORY_SIGNS = (
    "out of memory", "can't allocate memory", "not enough memory", "ALLOC_FAILED", "ALLOCATION_FAILED",
)  # fmt: skip

MEMINFO, CGROUP = Path("/proc/meminfo"), Path("/sys/fs/cgroup")


def requested_device(context: RunContext) -> Device:
    """The device that the command line asks for, as far as it can be known without importing PyTorch."""
    return find_device(context.device, cuda=_may_use_cuda())


def resolve_device(context: RunContext) -> Device:
    """The device that PyTorch can really use; a NotRunError where it is not the one asked for."""
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
