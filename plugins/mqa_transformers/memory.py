"""Memory that runs out, told apart from every other failure."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from mqa_registry import OutOfMemoryError
from mqa_transformers.reasons import reason

if TYPE_CHECKING:
    from collections.abc import Iterator

# How PyTorch's allocators say that there is no memory left, where they do it by a plain RuntimeError.
NO_MEMORY = ("out of memory", "can't allocate memory", "not enough memory", "ALLOC_FAILED")


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
