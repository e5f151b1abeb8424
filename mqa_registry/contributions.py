"""What a plugin can give: one frozen record for each kind of contribution.

A contribution names a plain function. The function's keyword-only parameters are its options, and its docstring is its
help; that one signature serves validation, the JSON Schema, `mqa plugins NAME` and the documentation.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from mqa_registry.data import Example

    Encoded: TypeAlias = Mapping[str, npt.NDArray[Any]]
    Batch: TypeAlias = Mapping[str, npt.NDArray[Any]]
    Outputs: TypeAlias = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Conditions:
    """What the command line allows and asks for; nothing here can be set from a suite file.

    `device` is `auto`, `cpu`, `cuda` or `cuda:N`. `exports` is the folder where a backend keeps what it exports.
    """

    exports: Path
    device: str = "auto"
    offline: bool = False
    allow_code: bool = False
    allow_pickle: bool = False
    trust_remote_code: bool = False


class Model:
    """A model as a source gives it: known by its digest at once, built when somebody asks for the module.

    `digest` covers the weights, the configuration and the processor's files. `labels` are the classes it answers with,
    in the order of its outputs. `about` goes into the report.
    """

    def __init__(
        self,
        *,
        digest: str,
        module: Callable[[], Any],
        processor: Callable[[], Any],
        labels: Sequence[str] = (),
        about: Mapping[str, Any] | None = None,
    ) -> None:
        self.digest = digest
        self.labels = tuple(labels)
        self.about = dict(about or {})
        self._module = module
        self._processor = processor

    @cached_property
    def module(self) -> Any:
        """The model itself, in float32 and evaluation mode, built on first use."""
        return self._module()

    @cached_property
    def processor(self) -> Any:
        """What prepares its inputs (a tokenizer, an image processor), loaded on first use."""
        return self._processor()


@dataclass(frozen=True)
class Codec:
    """A task bound to a model: examples to arrays, arrays to predictions.

    `encode` gives one mapping of unpadded arrays per example; `collate` pads some of them into one batch; `decode`
    turns the outputs for those same rows into a table of the task's schema without `id`, a row of NaN or Inf into
    nulls. `size` is what a row costs, in tokens or the like: batches are formed by it. `mask` names the array of a
    batch, shape (rows, positions), that is 0 where a position is padding; empty where nothing is padded.
    """

    encode: Callable[[Sequence[Example]], Sequence[Encoded]]
    collate: Callable[[Sequence[Encoded]], Batch]
    decode: Callable[[Outputs, Sequence[Encoded]], pa.Table]
    size: Callable[[Encoded], int]
    mask: str = ""


class Subject:
    """What a backend runs: the model under test with its task, under the conditions of this run."""

    def __init__(self, model: Model, task: Task, conditions: Conditions, options: Mapping[str, Any]) -> None:
        self.model = model
        self.task = task
        self.conditions = conditions
        self._options = options

    @cached_property
    def codec(self) -> Codec:
        codec: Codec = self.task.function(self.model, **self._options)
        return codec

    def sample(self) -> Batch:
        """A small batch of real inputs, such as an exporter traces with."""
        return self.codec.collate(self.codec.encode(self.task.sample))


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

    def modules(self) -> Sequence[str]:
        """The names of the modules that take part in an answer, in the order in which their outputs are ready."""
        ...

    def tap(self, batch: Batch, modules: Sequence[str]) -> Mapping[str, Sequence[npt.NDArray[Any]]]:
        """What each of these modules gives for one batch: its first tensor, once for each time it runs."""
        ...


@dataclass(frozen=True)
class Statistic:
    """A number that is no mean of rows: a function of how often each row is counted.

    `of` maps counts, shape (..., cells), to the number, shape (...), NaN where it is undefined; it is called with many
    resamples at once. `cells` gives each row's cell, -1 for a row that has no say; rows in one cell are alike to the
    statistic. Left out, every row is a cell of its own.
    """

    of: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]
    cells: npt.NDArray[np.int64] | None = None
    size: int = 0  # how many cells there are; needed with `cells`


@dataclass(frozen=True, kw_only=True)
class Contribution:
    """One thing that a plugin gives: its name behind the slash, and the function that does it."""

    kind: ClassVar[str]  # as in `the metric`
    takes_arguments: ClassVar[tuple[str, ...]]  # its function's positional parameters

    name: str = field(kw_only=False)
    function: Callable[..., Any] = field(kw_only=False)

    @property
    def help(self) -> str:
        """The first line of the function's docstring."""
        return (self.function.__doc__ or "").strip().partition("\n")[0]


@dataclass(frozen=True, kw_only=True)
class ModelSource(Contribution):
    """`(task, conditions, *, options) -> Model`, where `task` is the Task asked for; the model itself is built later."""

    kind = "model source"
    takes_arguments = ("task", "conditions")


@dataclass(frozen=True, kw_only=True)
class Task(Contribution):
    """`(model, *, options) -> Codec`.

    `fields` maps each field of an example to its modality; those in `optional` may be missing. `schema` is the
    prediction schema of its answers, `metric` its main metric, `sample` a few examples to trace a model with.
    """

    kind = "task"
    takes_arguments = ("model",)

    schema: str
    fields: Mapping[str, str]
    sample: Sequence[Example]
    metric: str
    optional: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Backend(Contribution):
    """`(subject, *, options) -> context manager of a Runner`.

    `identity` has the same signature and gives, without loading a model library, everything but the model and the
    example that an answer depends on: versions, device, precision, requested provider. It is part of the store's key.
    """

    kind = "backend"
    takes_arguments = ("subject",)

    function: Callable[..., AbstractContextManager[Runner]] = field(kw_only=False)
    identity: Callable[..., Mapping[str, str]]


@dataclass(frozen=True, kw_only=True)
class Replay(Contribution):
    """`(view, *, schema, options) -> Predictions`: a backend that brings predictions made elsewhere.

    `view` is the name of the view that is asked for, as `mqa rows` names its files. The option `schema` is one of the
    prediction schemas.
    """

    kind = "replay"
    takes_arguments = ("view",)


@dataclass(frozen=True, kw_only=True)
class Dataset(Contribution):
    """`(conditions, *, options) -> pyarrow.Table`: rows under their own column names; the host maps and samples them."""

    kind = "data set"
    takes_arguments = ("conditions",)


@dataclass(frozen=True, kw_only=True)
class Metric(Contribution):
    """`(predictions, targets, *, options)` -> per-row scores, a Statistic, or one number without an interval.

    Per-row scores are a float or bool array, NaN for a row that has no say: the metric is the mean of the others.
    `takes` are the prediction schemas it reads. `version` counts up when the same input would give another number.
    """

    kind = "metric"
    takes_arguments = ("predictions", "targets")

    takes: tuple[str, ...]
    version: int = 1


@dataclass(frozen=True, kw_only=True)
class Comparison(Contribution):
    """`(reference, candidate, *, options)` -> the same as a metric's function, of two predictions for the same rows."""

    kind = "comparison"
    takes_arguments = ("reference", "candidate")

    takes: tuple[str, ...]
    version: int = 1


@dataclass(frozen=True, kw_only=True)
class Probe(Contribution):
    """`(scene, *, options) -> pyarrow.Table`: what was seen of a view, of its runner, or of its rows alone.

    The table is made in the predict step and stored, but for timings, which are never `reused`. `numbers` reads it in
    the judge: a number for every name in `gives`, each an array with a score a row or repetition, a Statistic, or one
    number without an interval; a suite bounds `value` in `expect` itself, any other in a table of that name.
    `evidence` reads what a person needs to believe it: sentences under `remarks`, rows under `examples`, and any other
    plain values. `sees` is what a scene has to have; a probe that `compares` has a reference view in it. Columns of
    `texts` hold words of rows, and are dropped where those may not be kept.
    """

    kind = "probe"
    takes_arguments = ("scene",)

    gives: tuple[str, ...]
    numbers: Callable[[pa.Table], Mapping[str, Any]]
    evidence: Callable[[pa.Table], Mapping[str, Any]] | None = None
    sees: Literal["rows", "predictions", "runner"]
    compares: bool = False
    reused: bool = True
    texts: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()  # the prediction schemas it reads; any, if left out
    version: int = 1


@dataclass(frozen=True, kw_only=True)
class Perturbation(Contribution):
    """`(example, rng, *, options) -> example`, or None to decline the row.

    The example holds the fields of its `modality` alone. With `moves_target`, the function is
    `(example, target, rng, *, options) -> (example, target)`. An option `severity` must not change what `rng` draws.
    """

    kind = "perturbation"
    takes_arguments = ("example", "rng")

    modality: str
    moves_target: bool = False


@dataclass(frozen=True, kw_only=True)
class Slice(Contribution):
    """`(example, *, options)` -> the group the row is in, several groups, or None; it sees every column of the row."""

    kind = "slice"
    takes_arguments = ("example",)
