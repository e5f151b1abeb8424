"""Probes: measures that observe a view as a whole, its rows, its predictions, or the model that predicts them."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from mqa_registry.contributions.backend import Batching
from mqa_registry.contributions.contribution import ClassContribution, OptionsT
from mqa_registry.contributions.measure_outputs import Evidence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import numpy as np
    import pyarrow as pa

    from mqa_registry.contributions.backend import Runner
    from mqa_registry.contributions.model import ModelUnderTest
    from mqa_registry.contributions.task import Codec
    from mqa_registry.types import Predictions, Rows


class Probe(ClassContribution[OptionsT]):
    """A measure that observes a view as a whole: its rows, its predictions, or the model that predicts them.

    `inputs` is what its context has: `rows` alone, `predictions` too, or a `runner` of the model. A probe of `rows` belongs
    to no backend: its results have `"backend": null`. A runner is given also where its backend failed for some rows, but
    not where it cannot be opened. A probe that `compares` has a reference view in its context.

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


@dataclass(frozen=True)
class ViewContext:
    """One view for a probe: its rows and, by the `inputs` of the probe, its predictions and its runner.

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


@dataclass(frozen=True)
class ProbeContext:
    """The inputs of a probe: a view, the reference view where it compares, and the model where the suite has one.

    `rng` follows from the suite's seed and the probe with its options. `batching` is how rows have to be put into batches
    for predictions not to depend on them. A probe that takes long calls `progress(done, total)`: it is shown, and restarts
    the time limit.
    """

    view: ViewContext
    rng: np.random.Generator
    reference: ViewContext | None = None
    model_under_test: ModelUnderTest | None = None
    batching: Batching = field(default_factory=Batching)
    progress: Callable[[int, int], None] = field(default=_ignore_progress, repr=False, compare=False)
