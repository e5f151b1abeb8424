"""A PyTorch module, placed and ready to run."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from mqa_registry import NotRunError
from mqa_transformers.memory import memory_errors
from mqa_transformers.outputs import named_tensors
from mqa_transformers.precision import Dtype, arithmetic, in_precision
from mqa_transformers.taps import tapped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from typing import TypeAlias

    import numpy.typing as npt

    Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class TorchRunner:
    """Runs one module on one device, without gradients.

    `original` is the model's own module, in float32, and `sample` gives a batch that it can run.
    """

    module: Any
    original: Any
    sample: Callable[[], Arrays]
    device: str
    threads: int | None
    budget: int
    identity: Mapping[str, str]
    facts: Mapping[str, Any]

    def run(self, batch: Arrays) -> Arrays:
        """The module's outputs by their paths (`logits`, `hidden_states.0`), as float32 or float64."""
        with self._running():
            outputs = self._forward(batch)
            if not isinstance(outputs, dict):
                raise NotRunError(f"the model gives a `{type(outputs).__name__}`, and its outputs need names")
            return {name: _array(tensor) for name, tensor in named_tensors(outputs).items()}

    @contextmanager
    def variant(self, *, dtype: str = "", optimization: str = "") -> Iterator[TorchRunner]:
        """The same module in another precision, `float64` for weights, activations and every step between them."""
        if optimization:
            raise NotRunError(f"PyTorch runs the model as it is, and has no optimization level `{optimization}`")
        dtype = dtype or self.facts["precision"]
        if dtype not in get_args(Dtype):
            raise NotRunError(f"PyTorch does not run this model in `{dtype}`")
        yield replace(
            self,
            module=in_precision(self.original, self.device, dtype),
            identity={**self.identity, "dtype": dtype},
            facts={**self.facts, "precision": dtype},
        )

    def modules(self) -> Sequence[str]:
        """The modules that take part in an answer, each after those inside of it, in the order in which they finish."""
        finished: dict[str, None] = {}  # one that runs several times has its place by the first

        def take(name: str, output: Any) -> None:
            finished.setdefault(name)

        names = [name for name, _ in self.module.named_modules() if name]
        with self._running(), tapped(self.module, names, take):
            self._forward(self.sample())
        return list(finished)

    def tap(self, batch: Arrays, modules: Sequence[str]) -> Mapping[str, Sequence[npt.NDArray[Any]]]:
        """The first tensor that each of these modules gives, once for each time it runs."""
        taken: dict[str, list[npt.NDArray[Any]]] = {name: [] for name in modules}

        def take(name: str, output: Any) -> None:
            # A copy, for what comes after may work in place.
            taken[name] += [_array(tensor).copy() for tensor in list(named_tensors(output).values())[:1]]

        with self._running(), tapped(self.module, taken, take):
            self._forward(batch)
        return taken

    @contextmanager
    def _running(self) -> Iterator[None]:
        with (
            memory_errors(),
            _threads(self.threads),
            tensorfloat(allowed=self.facts["tf32"]),
            arithmetic(self.facts["precision"]),
        ):
            yield

    def _forward(self, batch: Arrays) -> Any:
        return self.module(**{name: self._tensor(values) for name, values in batch.items()})

    def _tensor(self, values: npt.NDArray[Any]) -> Any:
        """On the device; numbers with a fraction in the precision of the weights."""
        import torch

        tensor = torch.from_numpy(np.require(values, requirements=("C", "W")))
        dtype = getattr(torch, self.facts["precision"]) if tensor.is_floating_point() else None
        return tensor.to(device=self.device, dtype=dtype)


@contextmanager
def tensorfloat(*, allowed: bool) -> Iterator[None]:
    """float32 means float32 for one batch, unless TensorFloat-32 is allowed, which keeps 10 of its 23 bits.

    For one batch alone, as what is set holds for the whole process.
    """
    import torch

    convolutions, products = torch.backends.cudnn.allow_tf32, torch.get_float32_matmul_precision()
    torch.backends.cudnn.allow_tf32 = allowed
    torch.set_float32_matmul_precision("high" if allowed else "highest")
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
    return np.asarray(whole.detach().cpu().numpy())
