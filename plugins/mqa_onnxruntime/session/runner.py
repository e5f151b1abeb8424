"""The runner of a session: predictions, variants, module outputs, and the graph by modules."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_onnxruntime.execution_providers import CPU
from mqa_onnxruntime.graph.module_graph import ModuleGraph
from mqa_onnxruntime.runtime_errors import first_line, is_out_of_memory
from mqa_onnxruntime.session.execution import run_in_fixed_batches, run_session
from mqa_onnxruntime.session.factory import LEVELS
from mqa_onnxruntime.session.float64 import Float64Runner, widen_graph
from mqa_onnxruntime.session.interface import DEFAULT_INTERFACE
from mqa_onnxruntime.session.profiling import ModuleProfiler
from mqa_onnxruntime.weights.comparison import compare_weights
from mqa_registry import MqaError, NotRunError, OutOfMemoryError, RunnerFacts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import TypeAlias

    import numpy.typing as npt

    from mqa_onnxruntime.session.execution import Execute
    from mqa_onnxruntime.session.factory import SessionFactory
    from mqa_onnxruntime.session.interface import FileInterface
    from mqa_onnxruntime.weights.comparison import WeightComparison

    Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class SessionRunner:
    """Runs one session.

    `inputs` are the types of its inputs, `provider` is the one that must run it, `budget` the number of tokens in a
    batch. `source` opens other sessions of the same file. `execute` replaces the session's own `run`. `rows` is the
    fixed number of rows that the file takes: larger batches are run so many at a time. `interface` maps the file's
    inputs and outputs to the task's and the model's.
    """

    session: Any
    inputs: Mapping[str, type[np.generic]]
    provider: str
    budget: int
    identity: Mapping[str, str]
    facts: RunnerFacts
    source: SessionFactory
    execute: Execute | None = None
    rows: int | None = None
    interface: FileInterface = DEFAULT_INTERFACE

    def run(self, batch: Arrays) -> Arrays:
        """The session's outputs by name, float16 as float32, and texts as arrays of text."""
        names = [node.name for node in self.session.get_outputs()]
        outputs = self._outputs(names, batch)
        actual = self.session.get_providers()[0]
        if actual != self.provider:
            raise NotRunError(f"the session left `{self.provider}` for `{actual}` in the middle of the run")
        arrays = [_to_plain(array) for array in outputs]
        if self.rows:  # concatenated, with the rows first already
            return self.interface.rename_outputs(dict(zip(names, arrays, strict=True)))
        return self.name_outputs(names, arrays)

    @contextmanager
    def variant(
        self, *, dtype: str = "", optimization: str = "", threads: int | None = None
    ) -> Iterator[SessionRunner | Float64Runner]:
        """The same file at another optimization level, `disabled`, `basic`, `extended` or `all`, or with other threads.

        The one other `dtype` is `float64`, computed by a widened copy of its graph.
        """
        threads = threads or None
        if dtype == "float64":
            wide = Float64Runner(widen_graph(self.source.path), self, threads or self.source.config.threads)
            wide.check()
            yield wide
            return
        if dtype:
            raise NotRunError(f"an ONNX file has its own precision, and does not run in `{dtype}`")
        level = optimization or self.source.config.optimization
        if level not in LEVELS:
            listed = ", ".join(f"`{name}`" for name in reversed(LEVELS))
            raise NotRunError(f"ONNX Runtime has no optimization level `{optimization}`", hint=f"it has {listed}")
        config = self.source.config
        config = replace(config, optimization=level, threads=threads or config.threads)
        source = replace(self.source, config=config)
        identity = {**self.identity, "optimization": level} | ({"threads": str(threads)} if threads else {})
        facts = replace(self.facts, details={**self.facts.details, "optimization": level})
        facts = replace(facts, threads=threads) if threads else facts
        yield replace(self, session=source.open(), execute=None, source=source, identity=identity, facts=facts)

    def module_names(self) -> Sequence[str]:
        """The PyTorch modules whose outputs are values of the graph, each after those inside of it."""
        return list(dict.fromkeys(call.module for call in self.module_graph().calls()))

    def module_outputs(self, batch: Arrays, modules: Sequence[str]) -> Mapping[str, Sequence[npt.NDArray[Any]]]:
        """The outputs of these modules, one per call, at this runner's optimization level.

        A requested output stays a value of the graph, so no optimizer fuses it away.
        """
        graph = self.module_graph()
        calls = [call for call in graph.calls() if call.module in modules]
        if unknown := set(modules) - {call.module for call in calls}:
            raise NotRunError(f"no value of the graph is the output of a module `{min(unknown)}`")
        arrays = graph.outputs(
            batch, list(dict.fromkeys(call.value for call in calls)), self.source.config.optimization
        )
        return {name: [arrays[call.value] for call in calls if call.module == name] for name in modules}

    def time_modules(self, batch: Arrays, repetitions: int) -> Mapping[str, Sequence[float]]:
        """Seconds of each PyTorch module's kernels in each repetition, from another session that keeps a profile."""
        if self.provider != CPU:
            raise NotRunError(
                f"ONNX Runtime records when a kernel of `{self.provider}` was begun, not how long it took",
                hint="look at the modules on the CPU, or on a backend of `transformers/torch`",
            )
        feed = self.feed(batch)
        if self.rows and {len(array) for array in batch.values()} != {self.rows}:
            raise NotRunError(f"the file takes batches of {self.rows} alone", hint=f"look at a batch of {self.rows}")
        return self._profiler.time_modules(feed, repetitions)

    def class_name(self, module: str) -> str:
        """The name of a module's class; empty where the export has no metadata of it."""
        return self._profiler.class_name(module)

    @cached_property
    def _profiler(self) -> ModuleProfiler:
        return ModuleProfiler(self.source)

    def module_graph(self) -> ModuleGraph:
        """The graph by its PyTorch modules."""
        return ModuleGraph(self.source, self.feed, interface=self.interface)

    def compare_weights(self, weights: Callable[[], Iterable[tuple[str, npt.NDArray[Any]]]]) -> WeightComparison:
        """The file's tensors against a model's weights."""
        return compare_weights(self.source.path, weights)

    def feed(self, batch: Arrays) -> Arrays:
        """The session's inputs, in its own types."""
        if self.interface.is_default:
            return {name: np.asarray(batch[name], dtype) for name, dtype in self.inputs.items()}
        return self.interface.feed(self.session.get_inputs(), batch, self.inputs)

    def name_outputs(self, names: Sequence[str], outputs: Sequence[npt.NDArray[Any]]) -> Arrays:
        """The graph's outputs under the model's names, rows first."""
        return self.interface.rename_outputs(dict(zip(names, self.interface.rows_first(names, outputs), strict=True)))

    def _outputs(self, names: list[str], batch: Arrays) -> Sequence[npt.NDArray[Any]]:
        try:
            if self.rows:
                return run_in_fixed_batches(self._run_batch, names, batch, self.rows)
            return self._run_batch(names, batch)
        except MqaError:
            raise
        except Exception as error:
            if is_out_of_memory(error):
                raise OutOfMemoryError(f"ONNX Runtime ran out of memory: {first_line(error):.200}") from error
            raise RuntimeError(f"ONNX Runtime fails: {first_line(error)}") from error

    def _run_batch(self, names: list[str], batch: Arrays) -> Sequence[npt.NDArray[Any]]:
        outputs = (self.execute or partial(run_session, self.session))(names, self.feed(batch))
        return self.interface.rows_first(names, outputs) if self.rows else outputs


def _to_plain(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """An output in a type that every reader of it knows: float16 as float32, text as text and not as objects."""
    if array.dtype == np.float16:
        return array.astype(np.float32)
    return array.astype(np.str_) if array.dtype == object else array
