"""Rows that two backends predict differently, or whose probabilities differ more than elsewhere, and classes not covered."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from mqa_registry import Predictions

MAX_ROWS = 32
MIN_SHIFT = 1e-3  # of a probability: no rounding of a sound file moves one so far in float32
USUAL, FAR = 0.9, 10.0  # a row is far where it moves so many times as far as this share of the rows at most


def disagreeing_rows(reference: Predictions | None, candidate: Predictions | None) -> tuple[str, ...]:
    """The ids of such rows, at most 32: those without a prediction first, then those that the reference is surest of."""
    if reference is None or candidate is None:
        return ()
    pairs = zip(reference.answers(), candidate.answers(), strict=True)
    rows = [row for row, (one, another) in enumerate(pairs) if one != another]
    probabilities = reference.probabilities
    sureness = probabilities.max(axis=1) if probabilities is not None else [0.0] * len(reference)
    rows.sort(key=lambda row: (not candidate.missing[row], -sureness[row]))
    return tuple(reference.ids[row].as_py() for row in rows[:MAX_ROWS])


def shifted_rows(reference: Predictions | None, candidate: Predictions | None) -> tuple[str, ...]:
    """The ids of rows predicted alike with probabilities that differ more than elsewhere, the farthest first.

    At most 32, those without a prediction and those predicted differently counted.
    """
    import numpy as np

    p, q = (None if one is None else one.probabilities for one in (reference, candidate))
    if reference is None or p is None or q is None or p.shape != q.shape or not len(p):
        return ()
    moves = np.nan_to_num(np.abs(p - q).max(axis=1, initial=0.0))
    far = np.flatnonzero(moves > max(MIN_SHIFT, FAR * float(np.quantile(moves, USUAL, method="lower"))))
    disagreeing = disagreeing_rows(reference, candidate)
    ids = [reference.ids[int(row)].as_py() for row in far[np.argsort(-moves[far], kind="stable")]]
    return tuple(name for name in ids if name not in disagreeing)[: MAX_ROWS - len(disagreeing)]


def uncovered_classes(reference: Predictions | None, looked_at: Collection[str]) -> tuple[str, ...]:
    """The classes that the reference predicts for some rows, and for none of those that were looked at."""
    if reference is None or reference.schema != "label":
        return ()
    pairs = zip(reference.ids.to_pylist(), reference.main.to_pylist(), strict=True)
    known = [(label, name in looked_at) for name, label in pairs if label is not None]
    covered = {label for label, looked in known if looked}
    return tuple(dict.fromkeys(label for label, _ in known if label not in covered))
