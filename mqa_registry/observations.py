"""Observations: all that perturbing, predicting and probing give, and all that the judge reads."""

from __future__ import annotations

import traceback
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mqa_registry.errors import NotRunError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from mqa_registry.contributions import ModelUnderTest, RunnerFacts
    from mqa_registry.errors import MqaError
    from mqa_registry.findings import Finding
    from mqa_registry.plan import ProbeRequest, RowSet, View
    from mqa_registry.types import Predictions, Rows


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
class PerturbedRows:
    """Rows as the model sees them. `declined` rows are not among them; `changed` differ from what they were.

    `edits` is how many characters apart a changed row is from what it was, on average; None where it has no text.
    """

    rows: Rows
    declined: int = 0
    changed: int = 0
    edits: float | None = None


@dataclass(frozen=True)
class PreparedData:
    """All that is to be predicted: the unperturbed rows by data set, and every set of rows as the model sees it.

    `model_under_test` is the model, not built yet, where some backend is to run it, `model_failure` why there is none where its
    source or task failed; `replays` are the predictions that the other backends bring, among the same `classes`.
    """

    rows: Mapping[str, Rows]
    row_sets: Mapping[RowSet, PerturbedRows | Failure]
    model_under_test: ModelUnderTest | None = None
    model_failure: Failure | None = None
    replays: Mapping[View, ObservedView] = field(default_factory=dict)
    classes: tuple[str, ...] = ()

    @property
    def usable(self) -> dict[RowSet, PerturbedRows]:
        """The sets of rows that could be made."""
        return {one: rows for one, rows in self.row_sets.items() if isinstance(rows, PerturbedRows)}


@dataclass(frozen=True)
class ObservedView:
    """One view: the rows as the model saw them, and a prediction for each, or the reason why there is none."""

    perturbed: PerturbedRows | None
    predictions: Predictions | None = None
    failure: Failure | None = None


@dataclass(frozen=True)
class ProbeResult:
    """The table that a probe made, or the reason why there is none.

    It read `rows` rows; `declined`, `changed` and `edits` are what `PerturbedRows` says of them.
    """

    table: pa.Table | None = None
    failure: Failure | None = None
    declined: int = 0
    changed: int = 0
    rows: int = 0
    edits: float | None = None


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
    model was run where that is not as usual.
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
