"""Results of attacks: their table, and what the probes compute and describe of it."""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow as pa

from mqa_registry import Statistic, counted
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
        ("state", pa.string()),  # an Outcome
        ("reason", pa.string()),  # why the row was declined
        ("target", pa.string()),
        ("before", pa.string()),
        ("before_probability", pa.float64()),
        ("after", pa.string()),
        ("after_probability", pa.float64()),
        ("queries", pa.int64()),
        ("shrinking", pa.int64()),  # queries that made the edit small
        ("unanswered", pa.int64()),  # queries without a prediction
        ("words", pa.int64()),
        ("changed_words", pa.int64()),
        ("edits", pa.int64()),  # characters, Levenshtein
        ("kinds", pa.list_(pa.string())),
        ("fields", pa.string()),  # the row's texts, as JSON
        ("disturbed", pa.string()),  # those of them that were edited, after the edit
    ]
)
TEXTS = ("fields", "disturbed")
SHARE, UNBOUNDED = (0.0, 1.0), (0.0, math.inf)
MAX_EXAMPLES = 5


def to_record(result: AttackResult) -> dict[str, Any]:
    """The row of SCHEMA for one result."""
    row, search, outcome = result.row, result.search, result.outcome
    record: dict[str, Any] = {
        "id": row.id,
        "state": str(outcome),
        "target": row.target,
        "fields": _dump_texts(row.example),
        "reason": result.reason if outcome is Outcome.DECLINED else "",
    }
    if search is None:
        return record | {"queries": 0, "shrinking": 0, "unanswered": 0}
    record |= {
        "before": search.before.label,
        "before_probability": search.before.confidence,
        "queries": search.queries,
        "shrinking": search.minimizing,
        "unanswered": search.without_prediction,
        "words": search.words,
    }
    if search.after is None:
        return record
    perturbed = result.perturbed
    return record | {
        "after": search.after.label,
        "after_probability": search.after.confidence,
        "changed_words": count_edited_words(search.edits),
        "edits": total_size(search.edits),
        "kinds": [edit.kind for edit in search.edits],
        "disturbed": _dump_texts({edit.field: perturbed[edit.field] for edit in search.edits}),
    }


def read_outcomes(observations: pa.Table) -> npt.NDArray[np.str_]:
    """The outcome of every row."""
    return np.array(observations.column("state").to_pylist(), dtype=str)


def make_mean_statistic(observations: pa.Table, column: str, selected: Bools, undefined: str) -> Statistic:
    """The mean of a count over the selected rows, with why it is undefined where none is selected.

    It is a statistic and not a score a row: counts that are all 0 or 1 are still no share of rows.
    """
    counts = np.asarray(observations.column(column).fill_null(0).to_numpy(), np.float64)
    values, cells = np.unique(counts, return_inverse=True)

    def compute(times: Floats) -> Floats:
        rows = times.sum(axis=-1)
        means: Floats = np.divide(times @ values, rows, out=np.full(rows.shape, np.nan), where=rows > 0)
        return means

    reason = "" if selected.any() else undefined
    return Statistic(compute, cells=np.where(selected, cells, -1), size=len(values), undefined=reason)


def describe_skipped(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What was not attacked and why, and queries that had no prediction."""
    outcomes = Counter(row["state"] for row in rows)
    total = counted(len(rows), "row")
    if wrong := outcomes[Outcome.SKIPPED_WRONG]:
        yield f"skipped, as the row itself is predicted wrong: {wrong} of {total}"
    if unanswered := outcomes[Outcome.SKIPPED_NO_PREDICTION]:
        yield f"skipped, as the row itself has no prediction (NaN or Inf): {unanswered} of {total}"
    for reason, count in Counter(row["reason"] for row in rows if row["state"] == Outcome.DECLINED).items():
        yield f"declined, as {reason}: {count} of {total}"
    if queries := sum(row["unanswered"] for row in rows if row["state"] != Outcome.SKIPPED_NO_PREDICTION):
        successes = sum(row["state"] == Outcome.SUCCESS and row["after"] is None for row in rows)
        yield f"queries without a prediction (NaN or Inf): {queries}; attacks that succeeded so: {successes}"
    if all(row["target"] is None for row in rows):
        yield "the data have no targets, so that every prediction counts as correct"


def select_smallest_successes(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The rows whose edits have the fewest characters, of those the ones with the most confident new prediction."""
    successes = [row for row in rows if row["state"] == Outcome.SUCCESS]
    return sorted(successes, key=lambda row: (row["edits"], -(row["after_probability"] or 0.0)))[:MAX_EXAMPLES]


def to_example(row: Mapping[str, Any], **predictions: tuple[str | None, float | None]) -> dict[str, Any]:
    """One success as evidence has it: its texts where they are stored, two predictions by name, and the edit."""
    target = {} if row["target"] is None else {"target": row["target"]}
    return (
        {"id": row["id"]}
        | {name: json.loads(row[name]) for name in TEXTS if row[name]}
        | target
        | {name: _to_prediction(*prediction) for name, prediction in predictions.items()}
        | {"edits": row["edits"], "changed_words": row["changed_words"], "kinds": row["kinds"]}
    )


def _to_prediction(label: str | None, probability: float | None) -> dict[str, Any]:
    return {"label": label} | ({} if probability is None else {"probability": round(probability, 4)})


def _dump_texts(example: Mapping[str, Any]) -> str:
    """The fields that are text, as JSON."""
    return json.dumps({name: text for name, text in example.items() if isinstance(text, str)}, ensure_ascii=False)
