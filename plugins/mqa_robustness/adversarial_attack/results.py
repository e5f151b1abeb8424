"""Results of attacks: a record of each row, and what the probes compute and describe of all of them."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import dataclass, replace
from enum import StrEnum, auto
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import numpy as np
import pyarrow as pa

from mqa_registry import ExampleRow, Statistic, counted
from mqa_robustness.adversarial_attack.candidates import apply_edits, count_perturbed_words, total_size

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt

    from mqa_registry import Example
    from mqa_robustness.adversarial_attack.attack import SampledRow
    from mqa_robustness.adversarial_attack.search import SearchResult

    Floats: TypeAlias = npt.NDArray[np.float64]
    Bools: TypeAlias = npt.NDArray[np.bool_]

SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("outcome", pa.string()),
        ("reason", pa.string()),
        ("target", pa.string()),
        ("original_label", pa.string()),
        ("original_probability", pa.float64()),
        ("perturbed_label", pa.string()),
        ("perturbed_probability", pa.float64()),
        ("queries", pa.int64()),
        ("minimizing_queries", pa.int64()),
        ("queries_without_prediction", pa.int64()),
        ("words", pa.int64()),
        ("perturbed_words", pa.int64()),
        ("edit_distance", pa.int64()),
        ("transformations", pa.list_(pa.string())),
        ("fields", pa.string()),
        ("perturbed_fields", pa.string()),
    ]
)
TEXTS = ("fields", "perturbed_fields")
SHARE, UNBOUNDED = (0.0, 1.0), (0.0, math.inf)
MAX_EXAMPLES = 5
RecordT = TypeVar("RecordT", bound="AttackRecord")


class Outcome(StrEnum):
    """How the attack on a row ended; its name in small letters is what observations keep."""

    SUCCESS = auto()
    FAILED = auto()
    SKIPPED_WRONG = auto()  # the prediction for the row itself is not its target
    SKIPPED_NO_PREDICTION = auto()  # there is no prediction for the row itself
    DECLINED = auto()  # no edit fits the row


ATTACKED = (Outcome.SUCCESS, Outcome.FAILED)


@dataclass(frozen=True)
class AttackResult:
    """One row with the result of the search for it; without one where the row was refused, for a reason."""

    row: SampledRow
    search: SearchResult | None = None
    reason: str = ""

    @property
    def outcome(self) -> Outcome:
        search = self.search
        if search is None:
            return Outcome.DECLINED
        if search.original.label is None:
            return Outcome.SKIPPED_NO_PREDICTION
        if self.row.target not in (None, search.original.label):
            return Outcome.SKIPPED_WRONG
        if not search.editable:
            return Outcome.DECLINED
        return Outcome.SUCCESS if search.perturbed else Outcome.FAILED

    @property
    def perturbed_example(self) -> Example:
        """The row after the smallest edit that changes its prediction; as it was where there is none."""
        return apply_edits(self.row.example, self.search.edits if self.search else ())


@dataclass(frozen=True, kw_only=True)
class AttackRecord:
    """One row of the observations, with a field for each column of SCHEMA.

    `outcome` is an Outcome, `reason` why the row was declined. `original_label` and `perturbed_label` are the labels
    predicted for the row and for the smallest edit that changes the label, each with its probability. `queries` counts
    those of the search, `minimizing_queries` those that made the edit small, `queries_without_prediction` those of either
    without a prediction. `words` is the number of words of the row; `perturbed_words`, `edit_distance` (characters,
    Levenshtein) and `transformations` are those of the edit. `fields` are the row's texts as JSON, `perturbed_fields`
    those of them that were edited, after the edit; both are None where texts are not stored.
    """

    id: str
    outcome: str
    reason: str
    target: str | None
    fields: str | None = None
    queries: int = 0
    minimizing_queries: int = 0
    queries_without_prediction: int = 0
    original_label: str | None = None
    original_probability: float | None = None
    words: int | None = None
    perturbed_label: str | None = None
    perturbed_probability: float | None = None
    perturbed_words: int | None = None
    edit_distance: int | None = None
    transformations: Sequence[str] | None = None
    perturbed_fields: str | None = None

    @property
    def is_success(self) -> bool:
        return self.outcome == Outcome.SUCCESS


def make_record(result: AttackResult) -> AttackRecord:
    """The record of one result."""
    row, search, outcome = result.row, result.search, result.outcome
    reason = result.reason if outcome is Outcome.DECLINED else ""
    record = AttackRecord(
        id=row.id, outcome=str(outcome), reason=reason, target=row.target, fields=_dump_texts(row.example)
    )
    if search is None:
        return record
    record = replace(
        record,
        original_label=search.original.label,
        original_probability=search.original.confidence,
        queries=search.queries,
        minimizing_queries=search.minimizing_queries,
        queries_without_prediction=search.queries_without_prediction,
        words=search.words,
    )
    if search.perturbed is None:
        return record
    perturbed = result.perturbed_example
    return replace(
        record,
        perturbed_label=search.perturbed.label,
        perturbed_probability=search.perturbed.confidence,
        perturbed_words=count_perturbed_words(search.edits),
        edit_distance=total_size(search.edits),
        transformations=[edit.transformation for edit in search.edits],
        perturbed_fields=_dump_texts({edit.field: perturbed[edit.field] for edit in search.edits}),
    )


def read_outcomes(observations: pa.Table) -> npt.NDArray[np.str_]:
    """The outcome of every row."""
    return np.array(observations.column("outcome").to_pylist(), dtype=str)


def make_mean_statistic(observations: pa.Table, column: str, selected: Bools, undefined: str) -> Statistic:
    """The mean of a count over the selected rows, with why it is undefined where none is selected.

    It is a statistic and not a score a row: counts that are all 0 or 1 are still no share of rows.
    """
    counts = np.asarray(observations.column(column).fill_null(0).to_numpy(), np.float64)
    values, bins = np.unique(counts, return_inverse=True)

    def compute(times: Floats) -> Floats:
        rows = times.sum(axis=-1)
        means: Floats = np.divide(times @ values, rows, out=np.full(rows.shape, np.nan), where=rows > 0)
        return means

    reason = "" if selected.any() else undefined
    return Statistic(compute, bins=np.where(selected, bins, -1), n_bins=len(values), undefined=reason)


def describe_skipped(records: Sequence[AttackRecord]) -> Iterator[str]:
    """What was not attacked and why, and queries that had no prediction."""
    outcomes = Counter(record.outcome for record in records)
    total = counted(len(records), "row")
    if wrong := outcomes[Outcome.SKIPPED_WRONG]:
        yield f"skipped, as the row itself is predicted wrong: {wrong} of {total}"
    if missing := outcomes[Outcome.SKIPPED_NO_PREDICTION]:
        yield f"skipped, as the row itself has no prediction (NaN or Inf): {missing} of {total}"
    reasons = Counter(record.reason for record in records if record.outcome == Outcome.DECLINED)
    yield from (f"declined, as {reason}: {count} of {total}" for reason, count in reasons.items())
    if queries := sum(
        record.queries_without_prediction for record in records if record.outcome != Outcome.SKIPPED_NO_PREDICTION
    ):
        successes = sum(record.is_success and record.perturbed_label is None for record in records)
        yield f"queries without a prediction (NaN or Inf): {queries}; attacks that succeeded so: {successes}"
    if all(record.target is None for record in records):
        yield "the data have no targets, so that every prediction counts as correct"


def select_smallest_successes(records: Sequence[RecordT]) -> list[RecordT]:
    """The rows whose edits have the fewest characters, of those the ones with the most confident new prediction."""
    successes = [record for record in records if record.is_success]
    return sorted(successes, key=lambda one: (one.edit_distance or 0, -(one.perturbed_probability or 0.0)))[
        :MAX_EXAMPLES
    ]


def make_example(
    record: AttackRecord, *, reference: tuple[str | None, float | None], prediction: tuple[str | None, float | None]
) -> ExampleRow:
    """One success as evidence has it: its texts where they are stored, two predictions, and the edit."""
    fields, perturbed = (json.loads(text) if text else {} for text in (record.fields, record.perturbed_fields))
    return ExampleRow(
        record.id,
        fields,
        perturbed,
        target=record.target,
        prediction=_format_prediction(*prediction),
        reference=_format_prediction(*reference),
        details={
            "edit_distance": record.edit_distance,
            "perturbed_words": record.perturbed_words,
            "transformations": record.transformations,
        },
    )


def _format_prediction(label: str | None, probability: float | None) -> dict[str, Any]:
    return {"label": label} | ({} if probability is None else {"probability": round(probability, 4)})


def _dump_texts(example: Mapping[str, Any]) -> str:
    """The fields that are text, as JSON."""
    return json.dumps({name: text for name, text in example.items() if isinstance(text, str)}, ensure_ascii=False)
