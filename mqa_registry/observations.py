"""Observations: all that perturbing, predicting and probing give, and all that the judge reads."""

from __future__ import annotations

import traceback
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mqa_registry.errors import NotRunError, summarize_error

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pyarrow as pa

    from mqa_registry.contributions import RunnerFacts
    from mqa_registry.errors import MqaError
    from mqa_registry.findings import Finding
    from mqa_registry.plan import ProbeRequest, View
    from mqa_registry.types import Predictions, Rows

MAX_NAMED_LOST = 1000  # lost rows of a view whose ids and reasons are kept


@dataclass(frozen=True)
class Failure:
    """Why there is nothing to judge. `trace` is a crash's traceback; empty where something could not run as asked."""

    message: str
    hint: str = ""
    trace: str = ""

    @classmethod
    def of_error(cls, error: MqaError) -> Failure:
        """An error's failure, with its traceback."""
        return cls(error.message, error.hint, "".join(traceback.format_exception(error)))

    @classmethod
    def of(cls, error: MqaError) -> Failure:
        """An error's failure: without a traceback where something could not run as asked."""
        return cls.of_refusal(error) if isinstance(error, NotRunError) else cls.of_error(error)

    @classmethod
    def of_refusal(cls, error: MqaError) -> Failure:
        """The failure of something that could not run as asked, and said why."""
        return cls(error.message, error.hint)


@dataclass(frozen=True)
class LostRow:
    """A row that could not be perturbed, opened, encoded or predicted alone, by its id; `reason` is one line."""

    id: str
    reason: str


@dataclass(frozen=True)
class LostRows:
    """The rows that a view lost: how many, and the first of them, at most 1,000.

    Rows that could not be perturbed come before those that could not be predicted, both in the order of the data. `cause`
    is why the first of all was lost, with a traceback where it crashed; None where no row was lost.
    """

    count: int = 0
    named: tuple[LostRow, ...] = ()
    cause: Failure | None = None

    def __bool__(self) -> bool:
        return self.count > 0

    @classmethod
    def of_error(cls, ids: Iterable[str], error: MqaError) -> LostRows:
        """Rows that were lost for one reason."""
        return cls.of_errors((row, error) for row in ids)

    @classmethod
    def of_errors(cls, errors: Iterable[tuple[str, MqaError]]) -> LostRows:
        """Rows with the error of each, by their ids."""
        first: MqaError | None = None
        count, named = 0, list[LostRow]()
        for row, error in errors:
            first = first or error
            count += 1
            if count <= MAX_NAMED_LOST:
                named.append(LostRow(row, summarize_error(error.message)))
        return cls(count, tuple(named), Failure.of(first) if first else None)

    @classmethod
    def merge(cls, parts: Iterable[LostRows]) -> LostRows:
        """The lost rows of several parts of one view, such as its shards, in their order."""
        count, named, cause = 0, list[LostRow](), None
        for part in parts:
            count += part.count
            named += part.named[: MAX_NAMED_LOST - len(named)]
            cause = cause or part.cause
        return cls(count, tuple(named), cause)


@dataclass(frozen=True)
class ViewLoss:
    """What a report says of the rows that a view lost: `lost` of `rows`, and the first of them.

    `view` is the name of its rows, as in `reviews.typos-1a2b3c`; `backend` is empty where a probe reads rows alone.
    """

    view: str
    backend: str
    rows: int
    lost: int
    first: tuple[LostRow, ...] = ()


@dataclass(frozen=True)
class PerturbedRows:
    """Rows as the model sees them. `declined` rows are not among them; `changed` differ from what they were.

    `edits` is how many characters apart a changed row is from what it was, on average; None where it has no text. `lost`
    rows could not be perturbed.
    """

    rows: Rows
    declined: int = 0
    changed: int = 0
    edits: float | None = None
    lost: LostRows = LostRows()


@dataclass(frozen=True)
class ObservedView:
    """One view: the rows as the model saw them, and a prediction for each, or the reason why there is none.

    `lost` rows are among neither: `perturbed.rows` and `predictions` are the rows that are left, in one order. A view that
    lost every row has a `failure`.
    """

    perturbed: PerturbedRows | None
    predictions: Predictions | None = None
    failure: Failure | None = None
    lost: LostRows = LostRows()


def failure_of_lost(lost: LostRows, rows_left: int, *, declined: int = 0) -> Failure | None:
    """The failure of a view that has no row left because rows were lost; None where it has rows, or lost none.

    What fails on every row is no matter of single rows: the backend, the task or the perturbation fails, as its first row
    did. Where perturbations declined some of them, the few others show no such thing, and nothing was tested.
    """
    if rows_left or lost.cause is None:
        return None
    if not declined:
        return lost.cause
    first, total = lost.named[0], declined + lost.count
    message = f"no row is left: perturbations declined {declined:,} of {total:,} rows, and the others were lost"
    return Failure(f"{message}, row `{first.id}` because {first.reason}", lost.cause.hint)


@dataclass(frozen=True)
class ProbeResult:
    """The table that a probe made, or the reason why there is none.

    It read `rows` rows; `declined`, `changed` and `edits` are what `PerturbedRows` says of them. `lost` are the rows of
    the views that it could not read.
    """

    table: pa.Table | None = None
    failure: Failure | None = None
    declined: int = 0
    changed: int = 0
    rows: int = 0
    edits: float | None = None
    lost: LostRows = LostRows()


@dataclass(frozen=True)
class Work:
    """What predicting took: rows found in the store, rows predicted, and forward passes."""

    found: int = 0
    predicted: int = 0
    passes: int = 0


@dataclass(frozen=True)
class Truncation:
    """The `rows` of a data set, and their `share`, that were cut to `limit` tokens, or what else the task counts as cost.

    `longest` is the largest cost of a row before it was cut.
    """

    rows: int
    share: float
    longest: int
    limit: int


@dataclass(frozen=True)
class BackendRecord:
    """What a backend was: the digest of all that its predictions depend on but the row, and the facts of its runner."""

    digest: str
    facts: RunnerFacts


@dataclass(frozen=True)
class Observations:
    """The predictions of every view, the table of every probe, and the unperturbed rows of every data set.

    `backends` say what each really ran on; `identities` by what it was known before it was opened; `model` what
    the source says of the model. `truncations` are per data set, where rows of it were truncated; `findings` say how the
    model was run where that is not as usual. `rows` have names in place of images, sounds and files; `openable` are the
    same rows with those, which a kept run has not.
    """

    rows: Mapping[str, Rows]
    views: Mapping[View, ObservedView]
    probe_results: Mapping[ProbeRequest, ProbeResult] = field(default_factory=dict)
    backends: Mapping[str, BackendRecord] = field(default_factory=dict)
    identities: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    work: Mapping[str, Work] = field(default_factory=dict)
    model: Mapping[str, Any] = field(default_factory=dict)
    truncations: Mapping[str, Truncation] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    openable: Mapping[str, Rows] = field(default_factory=dict, repr=False)
