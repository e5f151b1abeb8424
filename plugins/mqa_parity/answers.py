"""Whether two predictions give the same answer, row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Hashable

    import numpy.typing as npt

    from mqa_registry import Predictions


def agreement(reference: Predictions, candidate: Predictions) -> npt.NDArray[np.bool_]:
    """The share of rows with the same answer.

    From 0 to 1. Compared are the label, the set of labels or of spans, the text to the letter, the whole ranking.
    Scores and probabilities do not matter, nor does the order of labels and spans. A report tells how many of the other
    answers were ties and how many are damage, by the margin that the reference's answer was ahead by.
    """
    if reference.schema in ("label", "text"):
        same = pc.equal(reference.main.combine_chunks(), candidate.main.combine_chunks())
        return np.asarray(pc.fill_null(same, fill_value=False).to_numpy(zero_copy_only=False), bool)
    pairs = zip(reference.answers(), candidate.answers(), strict=True)
    return np.array([_form(reference.schema, one) == _form(reference.schema, other) for one, other in pairs], bool)


def flip_rate(reference: Predictions, candidate: Predictions) -> npt.NDArray[np.bool_]:
    """The share of rows with another answer: 1 - `parity/agreement`.

    A report tells how many of them were ties and how many are damage, likewise.
    """
    return ~agreement(reference, candidate)


def _form(schema: str, answer: list[Any]) -> Hashable:
    """An answer as something that equals every other way to say the same."""
    if schema == "labels":
        return frozenset(answer)
    if schema == "spans":
        return frozenset((span["start"], span["end"], span["label"]) for span in answer)
    return tuple(answer)
