"""Memory that runs out, told apart from every other failure."""

from __future__ import annotations

import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mqa_registry import OutOfMemoryError
from mqa_transformers.reasons import reason

if TYPE_CHECKING:
    from collections.abc import Iterator

# How PyTorch's allocators and the libraries of CUDA say that there is no memory left, by a plain RuntimeError.
NO_MEMORY = ("out of memory", "can't allocate memory", "not enough memory", "ALLOC_FAILED", "ALLOCATION_FAILED")

MACHINE, CONTAINER = Path("/proc/meminfo"), Path("/sys/fs/cgroup")


@contextmanager
def memory_errors() -> Iterator[None]:
    """A failed allocation as mqa's own OutOfMemoryError, which lets the host try with half of the batch."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
        raise OutOfMemoryError(f"PyTorch ran out of memory: {reason(error)}") from error


def out_of_memory(error: Exception) -> bool:
    """Whether an error of PyTorch or Python says that memory ran out."""
    return isinstance(error, MemoryError) or any(sign in str(error) for sign in NO_MEMORY)


def check_room(needed: int, what: str) -> None:
    """An OutOfMemoryError where so many bytes are not free: Linux grants them all the same, and ends the process later."""
    free = _free()
    if free is not None and needed > free:
        raise OutOfMemoryError(f"{what} takes {needed / 1e9:.1f} GB of memory, and {free / 1e9:.1f} GB are free")


def _free() -> int | None:
    """The bytes that machine and container still have for this process; None where neither says."""
    found = re.search(r"^MemAvailable:\s+(\d+) kB", _content(MACHINE), re.MULTILINE)
    most, taken = (_content(CONTAINER / name).strip() for name in ("memory.max", "memory.current"))
    left = [int(most) - int(taken)] if most.isdigit() and taken.isdigit() else []
    return min([*left, *([1024 * int(found[1])] if found else [])], default=None)


def _content(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""
