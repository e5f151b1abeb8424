"""Backends: what runs a model, their runners, replay of predictions that were made elsewhere, and how rows are batched."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, TypeVar, runtime_checkable

from mqa_registry.contributions.contribution import ClassContribution, OptionsT

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    import numpy.typing as npt

    from mqa_registry.contributions.model import Model, ModelUnderTest
    from mqa_registry.contributions.run_modes import RunModeName
    from mqa_registry.contributions.suggestion import SuggestedBackend
    from mqa_registry.contributions.task import Batch, Outputs
    from mqa_registry.findings import Exported, Finding, Judgement
    from mqa_registry.types import Predictions


class Backend(ClassContribution[OptionsT]):
    """What runs a model under test.

    One that can write the model to a file has the method of `SupportsExport`, too. `run_modes` are the ways in which it
    runs a batch: a `forward` pass, and the steps of a `generation` or of `streaming`, which a runner can take that gives
    and takes states like any other array.
    """

    kind = "backend"
    main = "open"

    run_modes: tuple[RunModeName, ...] = ("forward",)

    @abstractmethod
    def open(self, model_under_test: ModelUnderTest, options: OptionsT) -> AbstractContextManager[Runner]:
        """A context manager of a runner: the model, loaded and ready."""

    @abstractmethod
    def identity(self, model_under_test: ModelUnderTest, options: OptionsT) -> Mapping[str, str]:
        """Everything but the model and the example that a prediction depends on: versions, device, precision, provider.

        It is part of the store's keys and of the backend's digest in reports: equal digests mean equal predictions. It is
        found without loading a model library.
        """

    def fixed_length(self, model_under_test: ModelUnderTest, options: OptionsT) -> int | None:
        """How many tokens every row must have, where the backend takes no other number; it is as cheap as `identity`.

        Then every backend of the run gets rows of that length.
        """
        return None

    def suggest(self, model: Model, file: Path | None) -> SuggestedBackend | None:
        """The backend as a new suite has it, for a model or for a `file` that was exported from it; None for what it cannot run."""
        return None

    def record_verdict(self, identity: Mapping[str, str], judgement: Judgement, options: OptionsT) -> Iterable[Finding]:
        """Write how a file that ships was judged, next to it, unless it is no longer the file of this `identity`.

        That is the identity from before the run. It is called in every run that judged the backend, one that the store
        had every prediction for too.
        """
        return ()


@runtime_checkable
class SupportsExport(Protocol):
    """A backend that runs a file made of the model, and can write that file.

    `export_options` is the dataclass of those of its options that are about the file, and not about how it is run.
    """

    export_options: Callable[..., Any]

    def export(self, model_under_test: ModelUnderTest, folder: Path, options: Any) -> Exported:
        """Write the model's export into a folder. A finding of the level `problem` is exit code 1 of `mqa export`."""
        ...


class Replay(ClassContribution[OptionsT]):
    """A backend that brings predictions made elsewhere.

    Its options have `schema`, one of the prediction schemas. Its digest in reports is that of the files that its options
    name: of a folder, that of one line `sha256  path` a file. `Predictions.read`, a fact, says how columns were read.
    """

    kind = "replay"
    main = "read"

    def read_to_disk(self, view: str, scratch: Callable[[], Path], options: OptionsT) -> Predictions:
        """The same as `read` in a run with a folder for what does not fit into memory; left out, it is `read`.

        `scratch` gives that folder, which is removed with the run: `read_table` and `as_predictions` take it, and map the
        file of a large table into memory.
        """
        return self.read(view, options)

    @abstractmethod
    def read(self, view: str, options: OptionsT) -> Predictions:
        """The predictions for a view, by its name as `mqa rows` names its files."""


@dataclass(frozen=True, kw_only=True)
class RunnerFacts:
    """What a runner really runs on, for reports and probes. What is unknown, or says nothing of it, is None or empty.

    `device` is as `cuda:0`, and `providers` are ONNX Runtime's, the first first. `precision` is that of weights and
    activations, as `float32`. `threads` is how many a CPU uses for one operation. `tf32` says whether products may be
    rounded to TensorFloat-32. `opset` is an ONNX file's, and `bytes` the size of all files that it runs.

    `fixed_rows` is how many rows it takes at a time, and `fixed_length` how many tokens each of them has, where it takes
    no other number. `unread_inputs` are arrays of the task that it does not take. `in_training` are nodes of a graph in
    training mode. `read_as` says how its outputs are read, where that is not as usual. `details` are further plain
    values, by names that are no field.
    """

    device: str = ""
    device_name: str = ""
    precision: str = ""
    providers: Sequence[str] = ()
    threads: int | None = None
    tf32: bool | None = None
    opset: int | None = None
    bytes: int | None = None
    fixed_rows: int | None = None
    fixed_length: int | None = None
    unread_inputs: Sequence[str] = ()
    in_training: Sequence[str] = ()
    read_as: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> RunnerFacts:
        """The facts of a table, as `to_table` gives it."""
        names = {each.name for each in fields(cls)} - {"details"}
        facts: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in table.items() if name in names
        }
        return cls(**facts, details={name: value for name, value in table.items() if name not in names})

    def to_table(self) -> dict[str, Any]:
        """The facts that say something, in one table, as reports and the store have them."""
        facts = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "details"}
        table = {name: list(value) if isinstance(value, tuple) else value for name, value in facts.items()}
        empty = {
            name for name, value in table.items() if value is None or (isinstance(value, str | list) and not value)
        }
        return {name: value for name, value in table.items() if name not in empty} | dict(self.details)


class Runner(Protocol):
    """A model, loaded and ready: what a backend's context manager gives.

    `identity` is the backend's identity as it really came out; `facts` go into the report; `budget` is how many tokens
    (the task's costs, padding included) suit one batch here.
    """

    @property
    def identity(self) -> Mapping[str, str]: ...
    @property
    def facts(self) -> RunnerFacts: ...
    @property
    def budget(self) -> int: ...

    def run(self, batch: Batch) -> Outputs:
        """The model's outputs for one batch, as named arrays with the rows first.

        A batch that raises is run in halves, down to single rows.
        """
        ...


class Inspectable(Runner, Protocol):
    """A runner that also shows what happens inside of it, for parity and attribution; no runner has to.

    A method raises a NotRunError for what it cannot do. `plugins/mqa_parity/protocols.py` has the further protocols that
    attribution uses where a runner supports them.
    """

    def variant(
        self, *, dtype: str = "", optimization: str = "", threads: int | None = None
    ) -> AbstractContextManager[Inspectable]:
        """The same model with other settings, inside the context; a setting that is left out stays as it is.

        `dtype` is `float64`, `float32`, `float16` or `bfloat16`: of weights, activations and every step between them.
        `optimization` is `disabled`, `basic`, `extended` or `all`; `threads` is how many a CPU may use for one operation.
        """
        ...

    def module_names(self) -> Sequence[str]:
        """The names of the modules that take part in a prediction, in the order in which their outputs are ready."""
        ...

    def module_outputs(self, batch: Batch, modules: Sequence[str]) -> Mapping[str, Sequence[npt.NDArray[Any]]]:
        """What each of these modules gives for one batch: its first tensor, once for each time it runs."""
        ...


class Timeable(Runner, Protocol):
    """A runner that also measures how long each PyTorch module takes; it raises a NotRunError where it cannot."""

    def time_modules(self, batch: Batch, repetitions: int) -> Mapping[str, Sequence[float]]:
        """The seconds that each module takes by itself for one batch, in each repetition.

        The time of the modules inside of it is left out. Time of no module, or of the model itself, is under the empty
        name.
        """
        ...

    def class_name(self, module: str) -> str:
        """The name of a module's class; empty where it is unknown."""
        ...


Rule: TypeAlias = Literal["padded", "equal length", "single"]
Row = TypeVar("Row")

MAX_ROWS = 512  # in one batch, however short the rows


@dataclass(frozen=True)
class Batching:
    """How rows are put into batches, the same for every backend of a run.

    `padded`: rows of any lengths, padded to the longest. `equal length`: rows whose arrays have the same shapes, so that
    nothing is padded. `single`: one row at a time. `reason` is what was measured of the reference, where the rule is not
    `padded`; `takes_batches` is false where the model does not run several rows at all.
    """

    rule: Rule = "padded"
    reason: str = ""
    takes_batches: bool = True

    def batches(
        self, rows: Sequence[Row], budget: int, *, cost: Callable[[Row], int], shape: Callable[[Row], Hashable]
    ) -> Iterator[Sequence[Row]]:
        """Batches of at most `budget` in the cost of their rows, padding included, unless a row alone costs more.

        `rows` are sorted by `cost`, the costliest first; `shape` tells the rows apart that would have to be padded.
        """
        for group in self._groups(rows, shape):
            start = 0
            while start < len(group):
                count = 1 if self.rule == "single" else max(1, min(MAX_ROWS, budget // max(1, cost(group[start]))))
                yield group[start : start + count]
                start += count

    def _groups(self, rows: Sequence[Row], shape: Callable[[Row], Hashable]) -> Iterable[Sequence[Row]]:
        if self.rule != "equal length":
            return [rows]
        groups: dict[Hashable, list[Row]] = {}
        for row in rows:
            groups.setdefault(shape(row), []).append(row)
        return groups.values()


def shapes(encoded: Mapping[str, npt.NDArray[Any]]) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """The shape of every array of an encoded row: rows with the same shapes are batched without padding."""
    return tuple((name, encoded[name].shape) for name in sorted(encoded))
