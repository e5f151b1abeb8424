"""What is run and what runs it: the model under test with its task, and the runner that a backend makes of it."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from mqa_registry.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    import numpy.typing as npt
    import pyarrow as pa

    from mqa_registry.contributions.kinds import Task
    from mqa_registry.types import Example

    Encoded: TypeAlias = Mapping[str, npt.NDArray[Any]]
    Batch: TypeAlias = Mapping[str, npt.NDArray[Any]]
    Outputs: TypeAlias = Mapping[str, npt.NDArray[Any]]

SAMPLES = 4  # rows of the data, where a task has no sample of its own


@dataclass(frozen=True)
class RunContext:
    """What the command line allows and asks for; nothing here can be set from a suite file.

    `device` is `auto`, `cpu`, `cuda` or `cuda:N`. `exports` is the folder where a backend keeps what it exports,
    `plugin_files` are the Python files that are loaded as plugins. With `force`, files that mqa did not write may be
    replaced by what the command writes.
    """

    exports: Path
    device: str = "auto"
    offline: bool = False
    allow_code: bool = False
    allow_pickle: bool = False
    trust_remote_code: bool = False
    force: bool = False
    plugin_files: tuple[Path, ...] = ()


class Model:
    """A model as a source gives it: known by its digest at once, built when somebody asks for the module.

    `digest` covers the weights, the configuration and the processor's files. `labels` are the classes it answers with,
    in the order of its outputs. `about` goes into the report. `file` is what a backend runs of a model that is a file of
    its own and no PyTorch module.
    """

    def __init__(
        self,
        *,
        digest: str,
        module: Callable[[], Any],
        processor: Callable[[], Any],
        labels: Sequence[str] = (),
        about: Mapping[str, Any] | None = None,
        file: Path | None = None,
    ) -> None:
        self.digest = digest
        self.file = file
        self.labels = tuple(labels)
        self.about = dict(about or {})
        self._module = module
        self._processor = processor

    def through(self, call: Callable[[Callable[[], Any]], Any]) -> Model:
        """The same model, whose module and processor are made by way of `call`."""
        made = copy(self)
        vars(made).update(_module=partial(call, self._module), _processor=partial(call, self._processor))
        return made

    @cached_property
    def module(self) -> Any:
        """The model itself, in float32 and evaluation mode, built on first use."""
        return self._module()

    @cached_property
    def processor(self) -> Any:
        """What prepares its inputs (a tokenizer, an image processor), loaded on first use."""
        return self._processor()


@dataclass(frozen=True)
class OutputReading:
    """How the outputs of one backend are decoded, where they are not what the task expects: probabilities, say.

    `decode` is as a codec's; `meaning` says in words how the outputs are read, for the report.
    """

    decode: Callable[[Outputs, Sequence[Encoded]], pa.Table]
    meaning: str


@dataclass(frozen=True)
class Codec:
    """A task bound to a model: examples to arrays, arrays to predictions.

    `encode` gives one mapping of unpadded arrays per example; `collate` pads some of them into one batch, which is what
    the model is fed: an array that decoding alone needs, as offsets of tokens, stays in the row and out of it; `decode`
    turns the outputs for those same rows into a table of the task's schema without `id`, a row of NaN or Inf into
    nulls. `size` is what a row costs, in tokens or the like: batches are formed by it. `mask` names the array of a
    batch, shape (rows, positions), that is 0 where a position is padding; empty where nothing is padded.

    What a task need not give: `reading` tells from the outputs for some rows how a backend's outputs are decoded, None
    where `decode` reads them. `full_sizes` gives the size of each example before it was cut to `limit`. `unusable` finds
    the first example that the model cannot run, and says why; it is asked of all rows before any is predicted. `remarks`
    say how the model is fed where that does not follow from its files alone. `of_length` gives the codec for a backend that
    takes rows of so many tokens alone, its `length`: `encode` cuts longer rows and pads shorter ones, which the mask tells,
    and `full_sizes` counts a row's own tokens. It is None where rows have no tokens, and a DataError where a row, or the
    model, cannot have so many.
    """

    encode: Callable[[Sequence[Example]], Sequence[Encoded]]
    collate: Callable[[Sequence[Encoded]], Batch]
    decode: Callable[[Outputs, Sequence[Encoded]], pa.Table]
    size: Callable[[Encoded], int]
    mask: str = ""
    reading: Callable[[Outputs, Sequence[Encoded]], OutputReading | None] | None = None
    full_sizes: Callable[[Sequence[Example], Sequence[Encoded]], Sequence[int]] | None = None
    limit: int | None = None
    unusable: Callable[[Sequence[Example]], tuple[int, str] | None] | None = None
    remarks: Sequence[str] = ()
    length: int | None = None
    of_length: Callable[[int], Codec | None] | None = None


class ModelUnderTest:
    """What a backend runs: the model under test with its task, in the context of this run.

    `digest` is that of all that tells what they are: the model's own, and the name, code and options of its source and
    of the task. Whatever is kept of a model under test is kept by it.
    `spec` says in JSON's own types how it was made, so that `rebuild_model` can make it again in another process; None
    where nobody knows. `given` are the rows that `examples` gave so far, by how many were asked for. `fixed_length` is
    how many tokens every row has, where a backend of the run takes no other number; None where rows are as long as they
    are.
    """

    fixed_length: int | None = None

    def __init__(
        self,
        model: Model,
        task: Task,
        run_context: RunContext,
        options: Mapping[str, Any],
        *,
        spec: Mapping[str, Any] | None = None,
        examples: Callable[[int], Sequence[Example]] | None = None,
        sample: Batch | None = None,
        digest: str = "",
        bind: Callable[[Model], Codec] | None = None,
    ) -> None:
        self._digest = digest or f"{model.digest} {task.name} {dict(options)}"
        self.model = model
        self.task = task
        self.run_context = run_context
        self._spec = spec
        self._options = options
        self.given: dict[int, Sequence[Example]] = {}
        self._examples = examples
        self._sample = sample
        self._bind = bind

    @property
    def digest(self) -> str:
        """Of the model, its source and task, and of the length that every row has."""
        return self._digest if self.fixed_length is None else f"{self._digest} {self.fixed_length} tokens"

    @property
    def spec(self) -> Mapping[str, Any] | None:
        """How it was made, in JSON's own types; None where nobody knows."""
        if self._spec is None or self.fixed_length is None:
            return self._spec
        return {**self._spec, "fixed_length": self.fixed_length}

    def of_length(self, length: int | None) -> ModelUnderTest:
        """The same with rows of so many tokens, for a backend that takes no others; with None, of any length."""
        made = copy(self)
        vars(made).pop("codec", None)
        made.fixed_length = length
        return made

    @cached_property
    def codec(self) -> Codec:
        """The task bound to the model: by `bind`, where somebody looks at what it gives; for rows of the fixed length."""
        codec: Codec = self._bind(self.model) if self._bind else self.task.function(self.model, **self._options)
        if self.fixed_length is None or codec.of_length is None:
            return codec
        return codec.of_length(self.fixed_length) or codec

    def examples(self, most: int) -> Sequence[Example]:
        """Unperturbed rows of the suite's first data set, spread over it, such as a quantizer calibrates with."""
        if most not in self.given:
            self.given[most] = self._examples(most) if self._examples else ()
        return self.given[most]

    def samples(self) -> Sequence[Example]:
        """A few real examples, such as an exporter traces with: the task's, else some of the suite's data."""
        return self.task.sample or self.examples(SAMPLES)

    def sample(self) -> Batch:
        """The same as one batch; a DataError where there are none."""
        if self._sample is not None:
            return self._sample
        if not (rows := self.samples()):
            raise DataError(f"the task `{self.task.name}` brings no examples of its own, and there are no data")
        return self.codec.collate(self.codec.encode(rows))


class Runner(Protocol):
    """A model, loaded and ready: what a backend's context manager gives.

    `identity` is the backend's identity as it really came out; `facts` go into the report (device, providers,
    precision, threads); `budget` is how many tokens (the task's sizes, padding included) suit one batch here.
    """

    @property
    def identity(self) -> Mapping[str, str]: ...
    @property
    def facts(self) -> Mapping[str, Any]: ...
    @property
    def budget(self) -> int: ...

    def run(self, batch: Batch) -> Outputs:
        """The model's outputs for one batch, as named arrays with the rows first."""
        ...


class Inspectable(Runner, Protocol):
    """A runner that can also show what goes on inside of it: parity and blame use nothing else.

    No runner has to. One that has these methods raises a NotRunError for what it cannot do.
    """

    def variant(
        self, *, dtype: str = "", optimization: str = "", threads: int | None = None
    ) -> AbstractContextManager[Inspectable]:
        """The same model, run otherwise for as long as this lasts; what is left out stays as it is.

        `dtype` is `float64`, `float32`, `float16` or `bfloat16`: of weights, activations and every step between them.
        `optimization` is `disable`, `basic`, `extended` or `all`; `threads` is how many a CPU may use for one operation.
        """
        ...

    def module_names(self) -> Sequence[str]:
        """The names of the modules that take part in an answer, in the order in which their outputs are ready."""
        ...

    def module_outputs(self, batch: Batch, modules: Sequence[str]) -> Mapping[str, Sequence[npt.NDArray[Any]]]:
        """What each of these modules gives for one batch: its first tensor, once for each time it runs."""
        ...


class Timeable(Runner, Protocol):
    """A runner that can also say how long each PyTorch module takes; it raises a NotRunError where it cannot."""

    def time_modules(self, batch: Batch, repetitions: int) -> Mapping[str, Sequence[float]]:
        """The seconds that each module takes by itself for one batch, in each repetition.

        What the modules inside of it take is not a module's own. What belongs to no module, or to the model itself, is
        under the empty name.
        """
        ...

    def class_name(self, module: str) -> str:
        """The name of a module's class; empty where nobody knows it."""
        ...
