"""A session, open and ready to run."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_onnxruntime.anatomy import Anatomy
from mqa_onnxruntime.interface import PLAIN
from mqa_onnxruntime.kernels import Kernels
from mqa_onnxruntime.passes import passed
from mqa_onnxruntime.portions import in_portions
from mqa_onnxruntime.providers import CPU
from mqa_onnxruntime.reasons import told
from mqa_onnxruntime.weights import weigh
from mqa_onnxruntime.widening import Wide, widened
from mqa_registry import MqaError, NotRunError, OutOfMemoryError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import TypeAlias

    import numpy.typing as npt

    from mqa_onnxruntime.interface import Interface
    from mqa_onnxruntime.reopening import Source
    from mqa_onnxruntime.weights import Weights

    Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]

# Optimisation levels by the words for them, and what ONNX Runtime's own are called here.
LEVELS = {"disable": "disabled", "disabled": "disabled", "basic": "basic", "extended": "extended", "all": "all"}

# How ONNX Runtime's allocators, and the libraries of CUDA under it, say that there is no memory left.
NO_MEMORY = (
    "bad_alloc", "bad allocation", "failed to allocate", "out of memory", "smaller than requested bytes",
    "alloc_failed", "allocation_failed",
)  # fmt: skip


@dataclass(frozen=True)
class SessionRunner:
    """Runs one session. `inputs` are the types that it takes its inputs in, `provider` the one that must run it.

    `source` is what other sessions of the same file are opened of. `execute` runs this one, where that is not plainly
    its own `run`. `rows` is how many rows the file takes at a time, where it takes no other number: a batch is run in
    portions of so many. `interface` is what the suite says of the file's inputs and outputs.
    """

    session: Any
    inputs: Mapping[str, type[np.generic]]
    provider: str
    budget: int
    identity: Mapping[str, str]
    facts: Mapping[str, Any]
    source: Source
    execute: Callable[[list[str], Arrays], list[npt.NDArray[Any]]] | None = None
    rows: int | None = None
    interface: Interface = PLAIN

    def run(self, batch: Arrays) -> Arrays:
        """The session's outputs by name, half precision as float32."""
        names = [node.name for node in self.session.get_outputs()]
        outputs = self._outputs(names, batch)
        landed = self.session.get_providers()[0]
        if landed != self.provider:
            raise NotRunError(f"the session left `{self.provider}` for `{landed}` in the middle of the run")
        whole = [_whole(values) for values in outputs]
        if self.rows:  # put together, with the rows first already
            return self._called(dict(zip(names, whole, strict=True)))
        return self.named(names, whole)

    @contextmanager
    def variant(
        self, *, dtype: str = "", optimization: str = "", threads: int | None = None
    ) -> Iterator[SessionRunner | Wide]:
        """The same file at another optimisation level: `disable`, `basic`, `extended` or `all`; or with other threads.

        Of other precisions it has `float64`, by a wider copy of its graph.
        """
        if dtype == "float64":
            wide = Wide(widened(self.source.path), self, threads or self.source.threads)
            wide.check()
            yield wide
            return
        if dtype:
            raise NotRunError(f"an ONNX file has its own precision, and does not run in `{dtype}`")
        level = LEVELS.get(optimization or self.source.optimization)
        if level is None:
            raise NotRunError(
                f"ONNX Runtime has no optimization level `{optimization}`", hint=f"it has {_some(LEVELS)}"
            )
        source = replace(self.source, optimization=level, threads=threads or self.source.threads)
        numbered = {"threads": threads} if threads else {}
        yield replace(
            self,
            session=source.open(),
            execute=None,
            source=source,
            identity={**self.identity, "optimization": level, **{name: str(one) for name, one in numbered.items()}},
            facts={**self.facts, "optimization": level, **numbered},
        )

    def modules(self) -> Sequence[str]:
        """The PyTorch modules whose outputs are values of the graph, each after those inside of it."""
        return list(dict.fromkeys(part.module for part in self.anatomy().parts()))

    def tap(self, batch: Arrays, modules: Sequence[str]) -> Mapping[str, Sequence[npt.NDArray[Any]]]:
        """What these modules give, once for each time they run, at this runner's optimisation level.

        A value that is wanted stays a value, so an optimizer that would have fused it away leaves it alone.
        """
        anatomy = self.anatomy()
        parts = [part for part in anatomy.parts() if part.module in modules]
        if unknown := set(modules) - {part.module for part in parts}:
            raise NotRunError(f"no value of the graph is the output of a module `{min(unknown)}`")
        arrays = anatomy.outputs(batch, list(dict.fromkeys(part.value for part in parts)), self.source.optimization)
        return {name: [arrays[part.value] for part in parts if part.module == name] for name in modules}

    def timed(self, batch: Arrays, repetitions: int) -> Mapping[str, Sequence[float]]:
        """Seconds of each PyTorch module's kernels, in another session of the same file that keeps a profile."""
        if self.provider != CPU:
            raise NotRunError(
                f"ONNX Runtime tells when a kernel of `{self.provider}` was begun, not how long it took",
                hint="look at the modules on the CPU, or on a backend of `transformers/torch`",
            )
        feed = self.feed(batch)
        if self.rows and {len(array) for array in batch.values()} != {self.rows}:
            raise NotRunError(f"the file takes batches of {self.rows} alone", hint=f"look at a batch of {self.rows}")
        return self._kernels.timed(feed, repetitions)

    def class_of(self, module: str) -> str:
        """The name of a module's class, as far as the export tells it."""
        return self._kernels.class_of(module)

    @cached_property
    def _kernels(self) -> Kernels:
        return Kernels(self.source)

    def anatomy(self) -> Anatomy:
        """The graph by its PyTorch modules, to find out which of them is to blame for an error."""
        return Anatomy(self.source, self.feed, interface=self.interface)

    def compare_weights(self, weights: Callable[[], Iterable[tuple[str, npt.NDArray[Any]]]]) -> Weights:
        """The file's tensors held against a model's weights."""
        return weigh(self.source.path, weights)

    def feed(self, batch: Arrays) -> Arrays:
        """The session's inputs, in its own types."""
        if self.interface.plain:
            return {name: np.asarray(batch[name], dtype) for name, dtype in self.inputs.items()}
        return self.interface.feed(self.session.get_inputs(), batch, self.inputs)

    def named(self, names: Sequence[str], outputs: Sequence[npt.NDArray[Any]]) -> Arrays:
        """The graph's outputs by what they are called, rows first."""
        return self._called(dict(zip(names, self.interface.returned(names, outputs), strict=True)))

    def _called(self, outputs: Arrays) -> Arrays:
        return {called: outputs[name] for name, called in self.interface.named(outputs).items()}

    def _outputs(self, names: list[str], batch: Arrays) -> list[npt.NDArray[Any]]:
        try:
            return in_portions(self._executed, names, batch, self.rows) if self.rows else self._executed(names, batch)
        except MqaError:
            raise
        except Exception as error:
            if isinstance(error, MemoryError) or any(sign in str(error).lower() for sign in NO_MEMORY):
                raise OutOfMemoryError(f"ONNX Runtime ran out of memory: {told(error):.200}") from error
            raise RuntimeError(f"ONNX Runtime fails: {told(error)}") from error

    def _executed(self, names: list[str], batch: Arrays) -> list[npt.NDArray[Any]]:
        found = (self.execute or partial(passed, self.session))(names, self.feed(batch))
        return self.interface.returned(names, found) if self.rows else found


def _whole(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return values.astype(np.float32) if values.dtype == np.float16 else values


def _some(names: Mapping[str, str]) -> str:
    return ", ".join(f"`{name}`" for name in names if name != "disabled")
