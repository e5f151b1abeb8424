"""Probes: measures that observe a view as a whole, its rows, its predictions, or the model that predicts them."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from mqa_registry.contributions.backend import Batching
from mqa_registry.contributions.contribution import ClassContribution, OptionsT
from mqa_registry.contributions.measure_outputs import Evidence
from mqa_registry.errors import MqaError, RowError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    import numpy as np
    import pyarrow as pa

    from mqa_registry.contributions.backend import Runner
    from mqa_registry.contributions.model import ModelUnderTest
    from mqa_registry.contributions.task import Codec, Encoded
    from mqa_registry.types import Example, Predictions, Rows

ENCODED_ROWS = 64  # at a time: an encoded row may be an image


class Probe(ClassContribution[OptionsT]):
    """A measure that observes a view as a whole: its rows, its predictions, or the model that predicts them.

    `inputs` is what its context has: `rows` alone, `predictions` too, or a `runner` of the model. A probe of `rows` belongs
    to no backend: its results have `"backend": null`. A runner is given also where its backend failed for some rows, but
    not where it cannot be opened. A probe that `compares` has a reference view in its context. One of rows that `encodes` them
    has the suite's model in its context, whether a backend runs it or not.

    `outputs` names the numbers that it computes; a suite bounds `value` in `expect` itself, any other in a table of that
    name. `ranges` is by number what `range` is for a Metric. `schemas` are the prediction schemas that it reads; any, if
    left out. A probe that repeats its runs is settled by repetitions and not by rows, where it has an option `repetitions`.

    With `grouped`, it gives its numbers of groups that it makes itself, and each group is judged as one of a slice is.

    What it observes is stored where it is `cacheable`; timings are not. Columns of `text_columns` hold words of rows, and
    are dropped where those may not be kept. `version` counts up when the same input would be observed otherwise.
    """

    kind = "probe"
    main = "observe"

    inputs: Literal["rows", "predictions", "runner"]
    outputs: tuple[str, ...]
    ranges: Mapping[str, tuple[float, float]] = {}
    compares: bool = False
    encodes: bool = False
    grouped: bool = False
    cacheable: bool = True
    text_columns: tuple[str, ...] = ()
    schemas: tuple[str, ...] = ()
    version: int = 1

    @property
    def checks(self) -> bool:
        """Whether it has a `check` of its own."""
        return type(self).check is not Probe.check

    @abstractmethod
    def observe(self, context: ProbeContext, options: OptionsT) -> pa.Table:
        """The observations, as a table; called in the predict step."""

    @abstractmethod
    def numbers(self, table: pa.Table) -> Mapping[str, Any]:
        """A number for every name in `outputs`, computed of the table in the judge.

        Each is an array with a score a row or repetition, Scores, a Statistic, a Quantile, a Shortfall, or one number
        without an interval. Where the probe is `grouped`, it gives such numbers for every group, by the group's name.
        """

    def evidence(self, table: pa.Table) -> Evidence:
        """What a person needs to believe the numbers, made of the table in the judge; none by default."""
        return Evidence()

    def identity(self, context: ProbeContext, options: OptionsT) -> Mapping[str, str]:
        """What its table depends on besides options, model, rows, predictions and runner; nothing by default."""
        return {}

    def columns(self, options: OptionsT) -> Iterable[str] | None:
        """The columns that it reads besides the fields of the model, `id`, `target` and `cluster`; by default any, None."""
        return None

    def check(self, context: ProbeContext, options: OptionsT) -> None:
        """Raise a DataError where the options do not fit the model or the data.

        It is called before anything is predicted, so that the context has no predictions yet. It may open the runners of
        its context: `mqa validate` and a dry run, which load no model, do not call that of a probe which reads a runner.
        """
        return


class RowReader(Protocol):
    """Reads the rows of a view again, with values of images, sounds and files that can be opened."""

    def shards(self) -> Iterator[Rows]: ...
    def take(self, indices: Sequence[int]) -> Rows: ...


@dataclass(frozen=True)
class ViewContext:
    """One view for a probe: its rows and, by the `inputs` of the probe, its predictions and its runner.

    `rows` are all of them. Values of images, sounds and files that a perturbation made are not kept there: `shards` and `take`
    make them again, for as many rows as are read.

    `backend` is the backend's name in the suite, empty for a probe of rows alone. `spec` says in values of JSON how the
    runner is opened, so that `reopen_runner` can open it in another process; None where it cannot. That process is given
    the model's `sample` and the rows that were `given`, so that it loads no tokenizer or data for them.
    """

    backend: str
    rows: Rows
    predicted: Predictions | None = field(default=None, repr=False)
    opened: Callable[[], Runner] | None = field(default=None, repr=False)
    spec: Mapping[str, Any] | None = field(default=None, repr=False)
    decoding: Callable[[], Codec] | None = field(default=None, repr=False)
    reader: RowReader | None = field(default=None, repr=False)

    def shards(self) -> Iterator[Rows]:
        """The rows in parts that are small enough to be held, in the order and the cut in which they are predicted.

        A NotRunError where perturbed rows do not come out as before.
        """
        return self.reader.shards() if self.reader is not None else iter([self.rows])

    def take(self, indices: Sequence[int]) -> Rows:
        """The rows at these positions, in this order, as `shards` gives them."""
        return self.reader.take(indices) if self.reader is not None else self.rows.take(indices)

    @property
    def predictions(self) -> Predictions:
        """The prediction for each of the rows, in their order."""
        if self.predicted is None:
            raise LookupError('this probe does not get predictions: declare `inputs = "predictions"`')
        return self.predicted

    @property
    def runner(self) -> Runner:
        """The model, ready to run; loaded on first use, and closed by the host. NotRunError where it cannot run."""
        if self.opened is None:
            raise LookupError('this probe does not get a runner: declare `inputs = "runner"`')
        return self.opened()

    @property
    def codec(self) -> Codec | None:
        """The task's codec, which decodes what this backend gives; None where that is the model under test's own."""
        return self.decoding() if self.decoding else None


def _ignore_progress(_done: int, _total: int) -> None:
    """The progress of a probe outside of a run is not reported."""


def _raise_lost(_row: str, error: MqaError) -> None:
    """Outside of a run, no row may be lost."""
    raise error


def _encode_all(codec: Codec, examples: Sequence[Example]) -> Sequence[Encoded | MqaError]:
    return codec.encode(examples)


@dataclass(frozen=True)
class EncodedRow:
    """One row by its id, as the data have it and as the codec encodes it."""

    id: str
    example: Example
    arrays: Encoded


@dataclass(frozen=True)
class ProbeContext:
    """The inputs of a probe: a view, the reference view where it compares, and the model where the suite has one.

    `rng` follows from the suite's seed and the probe with its options. `batching` is how rows have to be put into batches
    for predictions not to depend on them. A probe that takes long calls `progress(done, total)`: it is shown, and restarts
    the time limit.

    `lose(id, error)` says that a row cannot be read: the probe leaves it out, and it counts as lost, which `max_lost` of the
    check has to allow. `encode` does so for rows that cannot be encoded alone.
    """

    view: ViewContext
    rng: np.random.Generator
    reference: ViewContext | None = None
    model_under_test: ModelUnderTest | None = None
    batching: Batching = field(default_factory=Batching)
    progress: Callable[[int, int], None] = field(default=_ignore_progress, repr=False, compare=False)
    lose: Callable[[str, MqaError], None] = field(default=_raise_lost, repr=False, compare=False)
    encoding: Callable[[Codec, Sequence[Example]], Sequence[Encoded | MqaError]] = field(
        default=_encode_all, repr=False, compare=False
    )

    def encode(self, rows: Rows) -> Iterator[EncodedRow]:
        """Rows that `shards` or `take` gave, encoded some at a time. What cannot be encoded alone is lost and left out.

        Where no row can be encoded, and that is no fault of files, the codec's error is raised.
        """
        if self.model_under_test is None:
            raise LookupError("there is no model whose codec could encode rows")
        has_encoded, fault = False, None
        for start in range(0, len(rows), ENCODED_ROWS):
            part = rows.slice(start, min(start + ENCODED_ROWS, len(rows)))
            examples = list(part.examples())
            encoded = self.encoding(self.model_under_test.codec, examples)
            for name, example, arrays in zip(part.ids.to_pylist(), examples, encoded, strict=True):
                if not isinstance(arrays, MqaError):
                    has_encoded = True
                    yield EncodedRow(name, example, arrays)
                    continue
                fault = fault if isinstance(arrays, RowError) else fault or arrays
                self.lose(name, arrays)
        if fault is not None and not has_encoded:
            raise fault
