"""The runner of a PyTorch module on its device: predictions, variants, outputs and times of modules, and weights."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from mqa_registry import NotRunError, RunnerFacts, split_cache, summarize_error
from mqa_transformers.arguments import check_arguments
from mqa_transformers.device import is_out_of_memory, memory_errors
from mqa_transformers.instrumentation import (
    HALF,
    PAST,
    PRESENT,
    accepts_use_cache,
    get_class_name,
    get_submodule,
    hook_inputs,
    hook_outputs,
    named_tensors,
    optimum_name,
    time_modules,
    track_rounding,
)
from mqa_transformers.precision import Dtype, arithmetic, cast_module, fp32_precision, in_float64
from mqa_transformers.torchscript import Script, is_script

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from typing import TypeAlias

    import numpy.typing as npt

    Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]
    Calls: TypeAlias = Mapping[str, Sequence[Sequence[npt.NDArray[Any]]]]


@dataclass(frozen=True)
class TorchRunner:
    """Runs one module on one device, without gradients but where they are asked for.

    `original` is the model's own module, in float32, and `sample` gives a batch that it can run. `use_cache` says whether
    a decoder gives its keys and values, None that its configuration decides. `rename_output` maps the path of an output
    to its name.
    """

    module: Any
    original: Any
    sample: Callable[[], Arrays]
    device: str
    threads: int | None
    budget: int
    identity: Mapping[str, str]
    facts: RunnerFacts
    use_cache: bool | None = None
    rename_output: Callable[[str], str] = str

    def run(self, batch: Arrays) -> Arrays:
        """The module's outputs by their paths (`logits`, `hidden_states.0`), as float32 or float64.

        Those of a module that does not name them are `output`, or `output.0` and so on.
        """
        with self._running():
            return {name: _to_numpy(tensor) for name, tensor in self._named_outputs(batch).items()}

    def values_before_rounding(self, batch: Arrays) -> Mapping[str, tuple[npt.NDArray[Any], bool]]:
        """By output, the fractional numbers that its integers were rounded from, and whether they round at halves.

        Other integers, such as labels and indices, are left out.
        """
        with self._running(), track_rounding() as mode:
            sources = {name: mode.source(tensor) for name, tensor in self._named_outputs(batch).items()}
            return {name: (_to_numpy(source[0]), source[1] == HALF) for name, source in sources.items() if source}

    def loss_gradient(self, batch: Arrays, name: str, classes: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
        """The gradient of each row's log odds against its class by the array `name` of the batch, in its shape.

        It has the direction of the gradient of the cross-entropy, which is 0 in float32 where the model is sure. The class is
        read of the `logits`, or of the first output. A NotRunError where PyTorch has no such gradient.
        """
        import torch

        with self._running(), torch.inference_mode(mode=False), torch.enable_grad():
            given = self._to_tensor(batch[name]).requires_grad_()
            try:
                outputs = self._named_outputs({**batch, name: given})
                logits = outputs.get("logits", next(iter(outputs.values()))).double()
                wanted = torch.from_numpy(classes).to(self.device)[:, None]
                others = logits.scatter(1, wanted, -torch.inf).logsumexp(dim=1)
                (gradient,) = torch.autograd.grad((others - logits.gather(1, wanted)[:, 0]).sum(), given)
            except (RuntimeError, ValueError) as error:
                if is_out_of_memory(error):
                    raise
                raise NotRunError(f"PyTorch has no gradient of this model: {summarize_error(error)}") from error
            return _to_numpy(gradient)

    @contextmanager
    def variant(self, *, dtype: str = "", optimization: str = "", threads: int | None = None) -> Iterator[TorchRunner]:
        """The same module in another precision, `float64` for weights, activations and every step between them."""
        if optimization:
            raise NotRunError(f"PyTorch has no optimization level `{optimization}`")
        dtype = dtype or self.facts.precision
        if dtype not in get_args(Dtype):
            raise NotRunError(f"PyTorch does not run this model in `{dtype}`")
        identity, facts = {**self.identity, "dtype": dtype}, replace(self.facts, precision=dtype)
        if threads:
            identity, facts = {**identity, "threads": str(threads)}, replace(facts, threads=threads)
        yield replace(self, module=self._cast(dtype), threads=threads or self.threads, identity=identity, facts=facts)

    def _cast(self, dtype: str) -> Any:
        own = self.facts.precision
        if dtype == own:
            return self.module
        if (dtype, own) == ("float64", "float32"):
            return in_float64(self.module)
        return cast_module(self.original, self.device, dtype)

    def with_cache_outputs(self, names: Collection[str]) -> TorchRunner:
        """A runner that gives a decoder's keys and values if some are among these outputs, and else leaves them out.

        They are named as those are: `past_key_values.layers.0.keys`, or `present.0.key`.
        """
        rename = optimum_name if any(name.startswith(PRESENT) for name in names) else str
        return replace(self, use_cache=any(name.startswith((PAST, PRESENT)) for name in names), rename_output=rename)

    def module_names(self) -> Sequence[str]:
        """The modules that take part in a prediction, each after those inside of it, in the order in which they finish.

        There are none of TorchScript, which does not show them.
        """
        return list(self._modules)

    @cached_property
    def _modules(self) -> Sequence[str]:
        if is_script(self.module):
            return ()
        names = [name for name, _ in self.module.named_modules() if name]
        return tuple(name for name, calls in self.module_outputs(self.sample(), names).items() if calls)

    def module_outputs(self, batch: Arrays, modules: Sequence[str]) -> Mapping[str, Sequence[npt.NDArray[Any]]]:
        """The first tensor that each of these modules gives, once for each call, in the order in which they finish.

        A module that does not run has no arrays.
        """
        recorder = _CallRecorder(max_tensors=1)
        with self._running(), hook_outputs(self.module, modules, recorder.record):
            self._forward(batch)
        return {
            name: [array for arrays in calls for array in arrays] for name, calls in recorder.calls(modules).items()
        }

    def module_inputs_and_outputs(self, batch: Arrays, modules: Sequence[str]) -> tuple[Calls, Calls]:
        """The tensors that each of these modules gets, and those that it gives, at each call."""
        inputs, outputs = _CallRecorder(), _CallRecorder()
        with (
            self._running(),
            hook_inputs(self.module, modules, inputs.record),
            hook_outputs(self.module, modules, outputs.record),
        ):
            self._forward(batch)
        return inputs.calls(modules), outputs.calls(modules)

    def is_stochastic(self, batch: Arrays) -> bool:
        """Whether the module draws random numbers for a prediction, or seeds the generator."""
        import torch

        before = torch.get_rng_state()
        with self._running():
            self._forward(batch)
        return not torch.equal(before, torch.get_rng_state())

    def time_modules(self, batch: Arrays, repetitions: int) -> Mapping[str, Sequence[float]]:
        """Seconds that each module takes, those inside of it not counted; the model itself has the empty name."""
        with self._running():
            runs = [time_modules(self.module, lambda: self._forward(batch), self.device) for _ in range(repetitions)]
        return {name: [run.get(name, 0.0) for run in runs] for name in dict.fromkeys(("", *chain(*runs)))}

    def class_name(self, module: str) -> str:
        """The name of a module's class."""
        return get_class_name(get_submodule(self.original, module))

    def weights(self, module: str) -> Arrays:
        """The parameters and buffers of a module and of those inside of it, as they are in the model.

        Weights that are computed from others, as by weight normalization, are among them as they come out.
        """
        part = get_submodule(self.original, module)
        tensors = (*part.named_parameters(), *part.named_buffers(), *_parametrized_weights(part))
        return {name: _to_numpy(tensor) for name, tensor in tensors}

    @contextmanager
    def _running(self) -> Iterator[None]:
        with (
            memory_errors(),
            nullcontext() if self.threads is None else _intra_op_threads(self.threads),
            fp32_precision(allow_tf32=bool(self.facts.tf32)),
            arithmetic(self.facts.precision),
        ):
            yield

    def _forward(self, batch: Arrays) -> Any:
        if self._script is not None:
            arguments = self._script.select_arguments(batch)
            with self._script.restoring_state():
                return self.module(**{name: self._to_tensor(value) for name, value in arguments.items()})
        options: dict[str, Any] = (
            {} if self.use_cache is None or not accepts_use_cache(self.original) else {"use_cache": self.use_cache}
        )
        arrays, pairs = split_cache(batch)
        if pairs:
            from transformers import DynamicCache

            cache = DynamicCache([(self._to_tensor(key), self._to_tensor(value)) for key, value in pairs])
            options = {"past_key_values": cache, "use_cache": True}
        tensors = {name: self._to_tensor(values) for name, values in arrays.items()}
        try:
            return self.module(**tensors, **options)
        except TypeError as error:
            check_arguments(self.original, [*tensors, *options], error)
            raise

    def _named_outputs(self, batch: Arrays) -> dict[str, Any]:
        outputs = self._forward(batch)
        tensors = named_tensors(outputs if isinstance(outputs, dict) else {"output": outputs})
        rename = (
            optimum_name if split_cache(batch)[1] else self.rename_output
        )  # what it gives, it takes at the next step
        return {rename(path): tensor for path, tensor in tensors.items()}

    @cached_property
    def _script(self) -> Script | None:
        return Script(self.module) if is_script(self.module) else None

    def _to_tensor(self, values: npt.NDArray[Any] | float) -> Any:
        """A tensor on the device, of a float array in the precision of the weights. A number is unchanged."""
        import torch

        if not isinstance(values, np.ndarray):
            return values
        tensor = torch.from_numpy(np.require(values, requirements=("C", "W")))
        dtype = getattr(torch, self.facts.precision) if tensor.is_floating_point() else None
        return tensor.to(device=self.device, dtype=dtype)


class _CallRecorder:
    """The tensors at each call of each module: the first `max_tensors` of a call, or all."""

    def __init__(self, max_tensors: int | None = None) -> None:
        self._max_tensors = max_tensors
        self._calls: dict[str, list[tuple[npt.NDArray[Any], ...]]] = {}

    def record(self, name: str, values: Any) -> None:
        # Copies, since later modules may work in place.
        tensors = list(named_tensors(values).values())[: self._max_tensors]
        self._calls.setdefault(name, []).append(tuple(_to_numpy(tensor).copy() for tensor in tensors))

    def calls(self, modules: Sequence[str]) -> Calls:
        """The tensors of these modules, in the order in which they came; none of a module that did not run."""
        return self._calls | {name: [] for name in modules if name not in self._calls}


def _parametrized_weights(module: Any) -> Iterator[tuple[str, Any]]:
    """What parametrizations compute, under the names that modules read them by."""
    for name, part in module.named_modules():
        for weight in getattr(part, "parametrizations", {}):
            yield f"{name}.{weight}".removeprefix("."), getattr(part, weight)


@contextmanager
def _intra_op_threads(number: int) -> Iterator[None]:
    """So many threads for one batch: the number holds for the whole process, which may hold other backends."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _to_numpy(tensor: Any) -> npt.NDArray[Any]:
    import torch

    widened = tensor.float() if tensor.dtype in {torch.float16, torch.bfloat16} else tensor
    return np.asarray(widened.detach().cpu().numpy())
