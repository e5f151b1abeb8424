"""Rows on which two backends do not answer alike, or part farther than elsewhere, and what a look at some rows missed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from mqa_registry.data import Predictions
    from mqa_registry.predict import Observations

MOST = 32
LEAST = 1e-3  # of a probability: no rounding of a sound file moves one so far in float32
USUAL, FAR = 0.9, 10.0  # a row is far where it moves so many times as far as this share of the rows at most


def odd_rows(observations: Observations, reference: str, candidate: str) -> tuple[str, ...]:
    """The ids of such rows, at most 32: those without an answer first, then those that the reference is surest of."""
    ours, theirs = (_answers(observations, backend) for backend in (reference, candidate))
    return _odd(ours, theirs)[:MOST] if ours is not None and theirs is not None else ()


def moved_rows(observations: Observations, reference: str, candidate: str) -> tuple[str, ...]:
    """The ids of rows that are answered alike with probabilities that part farther than elsewhere, the farthest first.

    At most 32, those without an answer and those answered otherwise counted.
    """
    import numpy as np

    ours, theirs = (_answers(observations, backend) for backend in (reference, candidate))
    p, q = (None if one is None else one.probabilities for one in (ours, theirs))
    if ours is None or p is None or q is None or p.shape != q.shape or not len(p):
        return ()
    moves = np.nan_to_num(np.abs(p - q).max(axis=1, initial=0.0))
    far = np.flatnonzero(moves > max(LEAST, FAR * float(np.quantile(moves, USUAL, method="lower"))))
    odd = odd_rows(observations, reference, candidate)
    ids = [ours.ids[int(row)].as_py() for row in far[np.argsort(-moves[far], kind="stable")]]
    return tuple(name for name in ids if name not in odd)[: MOST - len(odd)]


def unseen_classes(observations: Observations, reference: str, looked_at: Collection[str]) -> tuple[str, ...]:
    """The classes that the reference answers some rows with, and none of those that were looked at."""
    ours = _answers(observations, reference)
    if ours is None or ours.schema != "label":
        return ()
    pairs = zip(ours.ids.to_pylist(), ours.main.to_pylist(), strict=True)
    known = [(label, name in looked_at) for name, label in pairs if label is not None]
    seen = {label for label, looked in known if looked}
    return tuple(dict.fromkeys(label for label, _ in known if label not in seen))


def _answers(observations: Observations, backend: str) -> Predictions | None:
    """What a backend predicted for all rows."""
    found = {view.backend: seen.predictions for view, seen in observations.views.items()}
    return found.get(backend)


def _odd(ours: Predictions, theirs: Predictions) -> tuple[str, ...]:
    """Of the same rows, in the same order."""
    pairs = zip(ours.answers(), theirs.answers(), strict=True)
    other = [place for place, (one, another) in enumerate(pairs) if one != another]
    sureness = ours.probabilities.max(axis=1) if ours.probabilities is not None else [0.0] * len(ours)
    other.sort(key=lambda place: (not theirs.missing[place], -sureness[place]))
    return tuple(ours.ids[place].as_py() for place in other)
