"""Results of attacks: a record of each row, and what the probes compute and describe of all of them."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import numpy as np
import pyarrow as pa

from mqa_registry import ExampleRow, Statistic, counted
from mqa_robustness.adversarial_attack.attack import Outcome
from mqa_robustness.adversarial_attack.candidates import count_edited_words, total_size

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt

    from mqa_robustness.adversarial_attack.attack import AttackResult

    Floats: TypeAlias = npt.NDArray[np.float64]
    Bools: TypeAlias = npt.NDArray[np.bool_]

SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("state", pa.string()),
        ("reason", pa.string()),
        ("target", pa.string()),
        ("before", pa.string()),
        ("before_probability", pa.float64()),
        ("after", pa.string()),
        ("after_probability", pa.float64()),
        ("queries", pa.int64()),
        ("shrinking", pa.int64()),
        ("unanswered", pa.int64()),
        ("words", pa.int64()),
        ("changed_words", pa.int64()),
        ("edits", pa.int64()),
        ("kinds", pa.list_(pa.string())),
        ("fields", pa.string()),
        ("disturbed", pa.string()),
    ]
)
TEXTS = ("fields", "disturbed")
SHARE, UNBOUNDED = (0.0, 1.0), (0.0, math.inf)
MAX_EXAMPLES = 5

RecordT = TypeVar("RecordT", bound="AttackRecord")


@dataclass(frozen=True, kw_only=True)
class AttackRecord:
    """One row of the observations, with a field for each column of SCHEMA.

    `state` is an Outcome, `reason` why the row was declined. `before` and `after` are the labels predicted for the row
    and for the smallest edit that changes the label, each with its probability. `queries` counts those of the search,
    `shrinking` those that made the edit small, `unanswered` those of either without a prediction. `words` is the number
    of words of the row; `changed_words`, `edits` (characters, Levenshtein) and `kinds` are those of the edit. `fields`
    are the row's texts as JSON, `disturbed` those of them that were edited, after the edit; both are None where texts
    are not stored.
    """

    id: str
    state: str
    reason: str
    target: str | None
    fields: str | None = None
    queries: int = 0
    shrinking: int = 0
    unanswered: int = 0
    before: str | None = None
    before_probability: float | None = None
    words: int | None = None
    after: str | None = None
    after_probability: float | None = None
    changed_words: int | None = None
    edits: int | None = None
    kinds: Sequence[str] | None = None
    disturbed: str | None = None

    @property
    def is_success(self) -> bool:
        return self.state == Outcome.SUCCESS


def make_record(result: AttackResult) -> AttackRecord:
    """The record of one result."""
    row, search, outcome = result.row, result.search, result.outcome
    reason = result.reason if outcome is Outcome.DECLINED else ""
    record = AttackRecord(
        id=row.id, state=str(outcome), reason=reason, target=row.target, fields=_dump_texts(row.example)
    )
    if search is None:
        return record
    record = replace(
        record,
        before=search.before.label,
        before_probability=search.before.confidence,
        queries=search.queries,
        shrinking=search.minimizing,
        unanswered=search.without_prediction,
        words=search.words,
    )
    if search.after is None:
        return record
    perturbed = result.perturbed
    return replace(
        record,
        after=search.after.label,
        after_probability=search.after.confidence,
        changed_words=count_edited_words(search.edits),
        edits=total_size(search.edits),
        kinds=[edit.kind for edit in search.edits],
        disturbed=_dump_texts({edit.field: perturbed[edit.field] for edit in search.edits}),
    )


def read_outcomes(observations: pa.Table) -> npt.NDArray[np.str_]:
    """The outcome of every row."""
    return np.array(observations.column("state").to_pylist(), dtype=str)


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
    outcomes = Counter(record.state for record in records)
    total = counted(len(records), "row")
    if wrong := outcomes[Outcome.SKIPPED_WRONG]:
        yield f"skipped, as the row itself is predicted wrong: {wrong} of {total}"
    if missing := outcomes[Outcome.SKIPPED_NO_PREDICTION]:
        yield f"skipped, as the row itself has no prediction (NaN or Inf): {missing} of {total}"
    reasons = Counter(record.reason for record in records if record.state == Outcome.DECLINED)
    yield from (f"declined, as {reason}: {count} of {total}" for reason, count in reasons.items())
    if queries := sum(record.unanswered for record in records if record.state != Outcome.SKIPPED_NO_PREDICTION):
        successes = sum(record.is_success and record.after is None for record in records)
        yield f"queries without a prediction (NaN or Inf): {queries}; attacks that succeeded so: {successes}"
    if all(record.target is None for record in records):
        yield "the data have no targets, so that every prediction counts as correct"


def select_smallest_successes(records: Sequence[RecordT]) -> list[RecordT]:
    """The rows whose edits have the fewest characters, of those the ones with the most confident new prediction."""
    successes = [record for record in records if record.is_success]
    return sorted(successes, key=lambda one: (one.edits or 0, -(one.after_probability or 0.0)))[:MAX_EXAMPLES]


def make_example(
    record: AttackRecord, *, reference: tuple[str | None, float | None], prediction: tuple[str | None, float | None]
) -> ExampleRow:
    """One success as evidence has it: its texts where they are stored, two predictions, and the edit."""
    fields, perturbed = (json.loads(text) if text else {} for text in (record.fields, record.disturbed))
    return ExampleRow(
        record.id,
        fields,
        perturbed,
        target=record.target,
        prediction=_format_prediction(*prediction),
        reference=_format_prediction(*reference),
        details={"edits": record.edits, "changed_words": record.changed_words, "kinds": record.kinds},
    )


def _format_prediction(label: str | None, probability: float | None) -> dict[str, Any]:
    return {"label": label} | ({} if probability is None else {"probability": round(probability, 4)})


def _dump_texts(example: Mapping[str, Any]) -> str:
    """The fields that are text, as JSON."""
    return json.dumps({name: text for name, text in example.items() if isinstance(text, str)}, ensure_ascii=False)
