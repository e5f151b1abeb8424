"""Rows on which two backends do not answer alike, and which a look at some rows is not to pass over."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mqa_registry.data import Predictions
    from mqa_registry.predict import Observations

MOST = 32


def odd_rows(observations: Observations, reference: str, candidate: str) -> tuple[str, ...]:
    """The ids of such rows, at most 32: those without an answer first, then those that the reference is surest of."""
    answers = {view.backend: seen.predictions for view, seen in observations.views.items()}
    ours, theirs = answers.get(reference), answers.get(candidate)
    return _odd(ours, theirs)[:MOST] if ours is not None and theirs is not None else ()


def _odd(ours: Predictions, theirs: Predictions) -> tuple[str, ...]:
    """Of the same rows, in the same order."""
    pairs = zip(ours.answers(), theirs.answers(), strict=True)
    other = [place for place, (one, another) in enumerate(pairs) if one != another]
    sureness = ours.probabilities.max(axis=1) if ours.probabilities is not None else [0.0] * len(ours)
    other.sort(key=lambda place: (not theirs.missing[place], -sureness[place]))
    return tuple(ours.ids[place].as_py() for place in other)
