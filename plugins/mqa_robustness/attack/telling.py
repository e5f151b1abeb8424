"""What attacks come to: their numbers, and what a person needs to believe them."""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mqa_registry import Statistic, counted
from mqa_robustness.attack.attempts import DECLINED, FELL, HELD, UNANSWERED, WRONG

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt
    import pyarrow as pa

    Floats: TypeAlias = npt.NDArray[np.float64]
    Bools: TypeAlias = npt.NDArray[np.bool_]

GIVES = ("value", "queries", "edits", "changed_words", "robust_accuracy")
REPLAY_GIVES = ("value", "same_answer", "queries")
SHARE, UPWARDS = (0.0, 1.0), (0.0, math.inf)
RANGES = {"value": SHARE, "queries": UPWARDS, "edits": UPWARDS, "changed_words": UPWARDS, "robust_accuracy": SHARE}
REPLAY_RANGES = {"value": SHARE, "same_answer": SHARE, "queries": UPWARDS}
MOST = 5  # examples


def numbers(observations: pa.Table) -> dict[str, Any]:
    """The numbers of `robustness/adversarial`."""
    states = states_of(observations)
    fell, attacked = states == FELL, np.isin(states, (FELL, HELD))
    judged = np.isin(states, (FELL, HELD, WRONG)) & _known(observations, "target")
    return {
        "value": fell[attacked],
        "queries": mean(observations, "queries", attacked),
        "edits": mean(observations, "edits", fell),
        "changed_words": mean(observations, "changed_words", fell),
        "robust_accuracy": (states == HELD)[judged],
    }


def evidence(observations: pa.Table) -> dict[str, Any]:
    """How many rows fell and by what, what was not attacked, and the rows that fell by the smallest edits."""
    rows = observations.to_pylist()
    return {
        "remarks": [*_fallen(rows), *told(rows)],
        "examples": [_example(row) for row in _smallest(rows)],
    }


def replay_numbers(observations: pa.Table) -> dict[str, Any]:
    """The numbers of `robustness/transfer`."""
    rows = observations.to_pylist()
    states = states_of(observations)
    heard = [row for row in rows if row["replayed"] and row["candidate_before"] == row["before"]]
    return {
        "value": np.array([row["candidate_after"] != row["before"] for row in heard], bool),
        "same_answer": np.array([row["candidate_after"] == row["after"] for row in heard], bool),
        "queries": mean(observations, "queries", np.isin(states, (FELL, HELD))),
    }


def replay_evidence(observations: pa.Table) -> dict[str, Any]:
    """How many edits were replayed, how many of them missed, and examples of those, else of the others."""
    rows = observations.to_pylist()
    replayed = [row for row in rows if row["replayed"]]
    heard = [row for row in replayed if row["candidate_before"] == row["before"]]
    missed = [row for row in heard if row["candidate_after"] == row["before"]]
    return {
        "remarks": [*_hits(replayed, heard, missed), *told(rows)],
        "examples": [_replay(row) for row in _smallest(missed) or _smallest(heard)],
    }


def states_of(observations: pa.Table) -> npt.NDArray[np.str_]:
    """The state of every row."""
    return np.array(observations.column("state").to_pylist(), dtype=str)


def mean(observations: pa.Table, column: str, speaking: Bools) -> Statistic:
    """The mean of a count over some rows; a statistic, as counts that are all 0 or 1 are still no share of rows."""
    counts = np.asarray(observations.column(column).fill_null(0).to_numpy(), np.float64)
    values, cells = np.unique(counts, return_inverse=True)

    def of(times: Floats) -> Floats:
        rows = times.sum(axis=-1)
        means: Floats = np.divide(times @ values, rows, out=np.full(rows.shape, np.nan), where=rows > 0)
        return means

    undefined = "" if speaking.any() else f"no row {'fell' if column != 'queries' else 'was attacked'}"
    return Statistic(of, cells=np.where(speaking, cells, -1), size=len(values), undefined=undefined)


def told(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What was not attacked and why, and queries that had no answer."""
    states = Counter(row["state"] for row in rows)
    if states[WRONG]:
        yield f"answered wrong as they are, and not attacked: {states[WRONG]} of {counted(len(rows), 'row')}"
    if states[UNANSWERED]:
        yield f"without an answer (NaN or Inf) as they are, and not attacked: {states[UNANSWERED]} of {counted(len(rows), 'row')}"
    for reason, count in Counter(row["reason"] for row in rows if row["state"] == DECLINED).items():
        yield f"declined, as {reason}: {count} of {counted(len(rows), 'row')}"
    if silent := sum(row["unanswered"] for row in rows if row["state"] != UNANSWERED):
        lost = sum(row["state"] == FELL and row["after"] is None for row in rows)
        yield f"queries without an answer (NaN or Inf): {silent}; rows that fell so: {lost}"
    if all(row["target"] is None for row in rows):
        yield "the data have no right answers, so that every answer counts as one"


def _fallen(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    fell = [row for row in rows if row["state"] == FELL]
    attacked = [row for row in rows if row["state"] in (FELL, HELD)]
    if not fell:
        yield f"none of {counted(len(attacked), 'row')} fell, in {_mean(attacked, 'queries'):.3g} queries on average"
        return
    yield (
        f"{len(fell)} of {counted(len(attacked), 'row')} fell, by {_mean(fell, 'changed_words'):.2g} words, "
        f"{_mean(fell, 'edits'):.2g} characters and {_mean(fell, 'queries'):.3g} queries on average"
    )
    kinds = Counter(kind for row in fell for kind in set(row["kinds"]))
    yield f"what brought them down: {', '.join(f'{kind} ({count})' for kind, count in kinds.most_common())}"


def _hits(
    replayed: Sequence[Mapping[str, Any]], heard: Sequence[Mapping[str, Any]], missed: Sequence[Mapping[str, Any]]
) -> Iterator[str]:
    yield f"of {counted(len(heard), 'edit')} that brought down the reference, {len(heard) - len(missed)} did so here"
    if other := len(replayed) - len(heard):
        yield f"answered otherwise here as they are, and without a say: {other} of {counted(len(replayed), 'row')} that fell"
    if silent := sum(row["candidate_after"] is None for row in replayed):
        yield f"edits without an answer (NaN or Inf) here: {silent}"


def _smallest(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The rows that fell by the fewest characters, of those the ones with the surest new answer."""
    fell = [row for row in rows if row["state"] == FELL]
    return sorted(fell, key=lambda row: (row["edits"], -(row["after_probability"] or 0.0)))[:MOST]


def _example(row: Mapping[str, Any]) -> dict[str, Any]:
    before = _answer(row["before"], row["before_probability"])
    return _texts(row) | {"before": before, "after": _answer(row["after"], row["after_probability"])} | _how(row)


def _replay(row: Mapping[str, Any]) -> dict[str, Any]:
    before = _answer(row["after"], row["after_probability"])
    after = _answer(row["candidate_after"], row["candidate_probability"])
    return _texts(row) | {"reference": before, "candidate": after} | _how(row)


def _texts(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row's name and, where they were kept, its texts before and after."""
    shown = {name: json.loads(row[name]) for name in ("fields", "disturbed") if row[name]}
    return {"id": row["id"], **shown} | ({"target": row["target"]} if row["target"] is not None else {})


def _how(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"edits": row["edits"], "changed_words": row["changed_words"], "kinds": row["kinds"]}


def _answer(label: str | None, probability: float | None) -> dict[str, Any]:
    return {"label": label} | ({} if probability is None else {"probability": round(probability, 4)})


def _mean(rows: Sequence[Mapping[str, Any]], column: str) -> float:
    return float(np.mean([row[column] for row in rows])) if rows else 0.0


def _known(observations: pa.Table, column: str) -> Bools:
    return np.asarray(observations.column(column).is_valid().to_numpy(), bool)
