"""A PyTorch module, placed and ready to run."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_registry import NotRunError, OutOfMemoryError
from mqa_transformers.reasons import reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager
    from typing import TypeAlias

    import numpy.typing as npt

    Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]

# How PyTorch's allocators say that there is no memory left, where they do it by a plain RuntimeError.
NO_MEMORY = ("out of memory", "can't allocate memory", "not enough memory", "ALLOC_FAILED")


@dataclass(frozen=True)
class TorchRunner:
    """Runs one module on one device, in inference mode."""

    module: Any
    device: str
    threads: int | None
    budget: int
    identity: Mapping[str, str]
    facts: Mapping[str, Any]

    def run(self, batch: Arrays) -> Arrays:
        """The module's outputs by the names of its output fields, as float32 or float64."""
        import torch

        with memory_errors(), torch.inference_mode(), _threads(self.threads):
            outputs = self.module(**{name: self._tensor(values) for name, values in batch.items()})
            if not isinstance(outputs, dict):
                raise NotRunError(f"the model gives a `{type(outputs).__name__}`, and its outputs need names")
            return {name: _array(value) for name, value in outputs.items() if isinstance(value, torch.Tensor)}

    def _tensor(self, values: npt.NDArray[Any]) -> Any:
        """On the device; numbers with a fraction in the precision of the weights."""
        import torch

        tensor = torch.from_numpy(np.require(values, requirements=("C", "W")))
        dtype = getattr(torch, self.facts["precision"]) if tensor.is_floating_point() else None
        return tensor.to(device=self.device, dtype=dtype)


@contextmanager
def memory_errors() -> Iterator[None]:
    """A failed allocation as mqa's own OutOfMemoryError, which lets the host try with half of the batch."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if isinstance(error, RuntimeError) and not any(sign in str(error) for sign in NO_MEMORY):
            raise
        raise OutOfMemoryError(f"PyTorch ran out of memory: {reason(error)}") from error


@contextmanager
def full_precision() -> Iterator[None]:
    """float32 means float32: no TensorFloat-32, which keeps 10 of its 23 bits."""
    import torch

    convolutions, products = torch.backends.cudnn.allow_tf32, torch.get_float32_matmul_precision()
    torch.backends.cudnn.allow_tf32 = False
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = convolutions
        torch.set_float32_matmul_precision(products)


def _threads(number: int | None) -> AbstractContextManager[None]:
    return nullcontext() if number is None else _so_many_threads(number)


@contextmanager
def _so_many_threads(number: int) -> Iterator[None]:
    """For one batch alone: the number holds for the whole process, which may hold other backends."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _array(tensor: Any) -> npt.NDArray[Any]:
    import torch

    whole = tensor.float() if tensor.dtype in {torch.float16, torch.bfloat16} else tensor
    return np.asarray(whole.cpu().numpy())
