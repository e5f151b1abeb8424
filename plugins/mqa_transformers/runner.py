"""A PyTorch module, placed and ready to run."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from mqa_registry import NotRunError
from mqa_transformers.memory import memory_errors
from mqa_transformers.outputs import PAST, PRESENT, named_tensors, present
from mqa_transformers.precision import Dtype, arithmetic, in_float64, in_precision
from mqa_transformers.scripted import Script, is_script
from mqa_transformers.stopwatch import timed
from mqa_transformers.taps import class_of, closed, fed, submodule, takes_cache, tapped
from mqa_transformers.tensorfloat import tensorfloat

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from typing import TypeAlias

    import numpy.typing as npt

    Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]
    Calls: TypeAlias = Mapping[str, Sequence[Sequence[npt.NDArray[Any]]]]


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
    caches: bool | None = None  # whether a decoder gives its keys and values; by its configuration if None
    naming: Callable[[str], str] = str  # of outputs by their paths

    def run(self, batch: Arrays) -> Arrays:
        """The module's outputs by their paths (`logits`, `hidden_states.0`), as float32 or float64.

        Those of a module that does not name them are `output`, or `output.0` and so on.
        """
        with self._running():
            outputs = self._forward(batch)
            named = outputs if isinstance(outputs, dict) else {"output": outputs}
            return {self.naming(name): _array(tensor) for name, tensor in named_tensors(named).items()}

    def unrounded(self, batch: Arrays) -> Mapping[str, tuple[npt.NDArray[Any], bool]]:
        """Per output of integers that were rounded from numbers with a fraction these, and whether a step is at a half.

        Other integers, such as labels and indices, are left out.
        """
        from mqa_transformers.rounding import HALF, rounded

        with self._running(), rounded() as mode:
            outputs = self._forward(batch)
            named = named_tensors(outputs if isinstance(outputs, dict) else {"output": outputs})
            found = {name: mode.source(tensor) for name, tensor in named.items()}
            return {self.naming(name): (_array(one[0]), one[1] == HALF) for name, one in found.items() if one}

    @contextmanager
    def variant(self, *, dtype: str = "", optimization: str = "", threads: int | None = None) -> Iterator[TorchRunner]:
        """The same module in another precision, `float64` for weights, activations and every step between them."""
        if optimization:
            raise NotRunError(f"PyTorch runs the model as it is, and has no optimization level `{optimization}`")
        own = self.facts["precision"]
        dtype = dtype or own
        if dtype not in get_args(Dtype):
            raise NotRunError(f"PyTorch does not run this model in `{dtype}`")
        numbered = {"threads": threads} if threads else {}
        yield replace(
            self,
            module=self._module(dtype),
            threads=threads or self.threads,
            identity={**self.identity, "dtype": dtype, **{name: str(one) for name, one in numbered.items()}},
            facts={**self.facts, "precision": dtype, **numbered},
        )

    def _module(self, dtype: str) -> Any:
        own = self.facts["precision"]
        if dtype == own:
            return self.module
        if (dtype, own) == ("float64", "float32"):
            return in_float64(self.module)
        return in_precision(self.original, self.device, dtype)

    def caching(self, names: Collection[str]) -> TorchRunner:
        """The same that gives a decoder's keys and values if some are among these outputs, and else leaves them out.

        They are named as those are: `past_key_values.layers.0.keys`, or `present.0.key`.
        """
        naming = present if any(name.startswith(PRESENT) for name in names) else str
        return replace(self, caches=any(name.startswith((PAST, PRESENT)) for name in names), naming=naming)

    def modules(self) -> Sequence[str]:
        """The modules that take part in an answer, each after those inside of it, in the order in which they finish.

        None of TorchScript, which does not show them.
        """
        return list(self._modules)

    @cached_property
    def _modules(self) -> Sequence[str]:
        if closed(self.module):
            return ()
        names = [name for name, _ in self.module.named_modules() if name]
        return tuple(name for name, calls in self.tap(self.sample(), names).items() if calls)

    def tap(self, batch: Arrays, modules: Sequence[str]) -> Mapping[str, Sequence[npt.NDArray[Any]]]:
        """The first tensor that each of these modules gives, once for each time it runs, those first that finish first.

        A module that does not run has no arrays.
        """
        taken = _Taken(most=1)
        with self._running(), tapped(self.module, modules, taken.take):
            self._forward(batch)
        return {name: [array for arrays in calls for array in arrays] for name, calls in taken.of(modules).items()}

    def traffic(self, batch: Arrays, modules: Sequence[str]) -> tuple[Calls, Calls]:
        """The tensors that each of these modules is given, and those that it gives, each time it runs."""
        given, gave = _Taken(), _Taken()
        with self._running(), fed(self.module, modules, given.take), tapped(self.module, modules, gave.take):
            self._forward(batch)
        return given.of(modules), gave.of(modules)

    def draws(self, batch: Arrays) -> bool:
        """Whether the module draws random numbers for an answer, or sets where they begin."""
        import torch

        before = torch.get_rng_state()
        with self._running():
            self._forward(batch)
        return not torch.equal(before, torch.get_rng_state())

    def timed(self, batch: Arrays, repetitions: int) -> Mapping[str, Sequence[float]]:
        """Seconds that each module takes by itself, those inside of it not counted; the model's own are under no name."""
        with self._running():
            runs = [timed(self.module, lambda: self._forward(batch), self.device) for _ in range(repetitions)]
        return {name: [one.get(name, 0.0) for one in runs] for name in dict.fromkeys(("", *chain(*runs)))}

    def class_of(self, module: str) -> str:
        """The name of a module's class."""
        return class_of(submodule(self.original, module))

    def parameters(self, module: str) -> Arrays:
        """The parameters and buffers of a module and of those inside of it, as they are in the model.

        Weights that are worked out of others, as by weight normalization, are among them as they come out.
        """
        part = submodule(self.original, module)
        named = (*part.named_parameters(), *part.named_buffers(), *_worked_out(part))
        return {name: _array(tensor) for name, tensor in named}

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
        asked = {} if self.caches is None or not takes_cache(self.original) else {"use_cache": self.caches}
        if self._script is not None:
            taken = self._script.arguments(batch)
            with self._script.as_new():
                return self.module(**{name: self._tensor(value) for name, value in taken.items()})
        return self.module(**{name: self._tensor(values) for name, values in batch.items()}, **asked)

    @cached_property
    def _script(self) -> Script | None:
        return Script(self.module) if is_script(self.module) else None

    def _tensor(self, values: npt.NDArray[Any] | float) -> Any:
        """On the device; numbers with a fraction in the precision of the weights. What is no array stays as it is."""
        import torch

        if not isinstance(values, np.ndarray):
            return values
        tensor = torch.from_numpy(np.require(values, requirements=("C", "W")))
        dtype = getattr(torch, self.facts["precision"]) if tensor.is_floating_point() else None
        return tensor.to(device=self.device, dtype=dtype)


class _Taken:
    """The tensors of whatever passes by, by modules and calls; `most` of each call, or all."""

    def __init__(self, most: int | None = None) -> None:
        self._most = most
        self._calls: dict[str, list[tuple[npt.NDArray[Any], ...]]] = {}

    def take(self, name: str, passing: Any) -> None:
        # A copy, for what comes after may work in place.
        tensors = list(named_tensors(passing).values())[: self._most]
        self._calls.setdefault(name, []).append(tuple(_array(tensor).copy() for tensor in tensors))

    def of(self, modules: Sequence[str]) -> Calls:
        """Those of some modules, in the order in which they passed; none of a module that did not run."""
        return self._calls | {name: [] for name in modules if name not in self._calls}


def _worked_out(part: Any) -> Iterator[tuple[str, Any]]:
    """What parametrizations give, under the names that modules read them by."""
    for name, module in part.named_modules():
        for tensor in getattr(module, "parametrizations", {}):
            yield f"{name}.{tensor}".removeprefix("."), getattr(module, tensor)


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
