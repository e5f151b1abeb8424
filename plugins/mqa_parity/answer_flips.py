"""Answers of two sides: whether they agree, and of those that do not, how much likelier the reference took its own to be."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_parity.margins import Margins
from mqa_registry import normalize_answer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from mqa_registry import Predictions

    Floats: TypeAlias = npt.NDArray[np.float64]
    Bools: TypeAlias = npt.NDArray[np.bool_]

CANDIDATES = "candidates"
BLOCK_ROWS = 4096  # that are Python values at a time


def are_acceptable(targets: Predictions, predictions: Predictions) -> Bools:
    """Whether each answer is one of the acceptable ones, by the rules of SQuAD; no answer is where there are none."""
    pairs = zip(targets.to_pylist(), predictions.to_pylist(), strict=True)
    return np.array(
        [normalize_answer(answer or "") in map(normalize_answer, texts or [""]) for texts, answer in pairs], bool
    )


def measure_answers(reference: Predictions, candidate: Predictions) -> Margins | None:
    """How much more probable the reference takes its answer to be than another, and how far that moved.

    The other is that of the other side, where the row flipped, else the next of its own candidates. The margin is the difference
    as a share of both probabilities together, as if there were only the two; an answer that is not among the candidates
    counts as 0. It is NaN where a side has no candidates in the row, and None where one has none at all.
    """
    if any(CANDIDATES not in side.table.column_names for side in (reference, candidate)):
        return None
    margins, moves = np.full(len(reference), np.nan), np.full(len(reference), np.nan)
    for start in range(0, len(reference), BLOCK_ROWS):
        columns = (
            side.table.column(name).slice(start, BLOCK_ROWS).to_pylist()
            for side in (reference, candidate)
            for name in ("answer", CANDIDATES)
        )
        for row, (answer, own, other_answer, others) in enumerate(zip(*columns, strict=True), start):
            p, q = _scores(own), _scores(others)
            if answer is None or other_answer is None or not p or not q:
                continue
            rival = other_answer if other_answer != answer else _find_rival(answer, own)
            margins[row] = _compare(p.get(answer, 0.0), p.get(rival, 0.0))
            moves[row] = abs(margins[row] - _compare(q.get(answer, 0.0), q.get(rival, 0.0)))
    return Margins(margins, moves)


def same_answers(reference: Predictions, candidate: Predictions) -> Bools:
    """Whether both sides give the same text in each row; where the reference has targets, whether it is one of them."""
    if pa.types.is_list(reference.main.type):
        return are_acceptable(reference, candidate)
    same = pc.equal(reference.main.combine_chunks(), candidate.main.combine_chunks())
    return np.asarray(pc.fill_null(same, fill_value=False).to_numpy(zero_copy_only=False), bool)


def _scores(candidates: Sequence[Mapping[str, str | float]] | None) -> dict[str, float]:
    return {str(one["answer"]): float(one["score"]) for one in candidates or ()}


def _compare(one: float, other: float) -> float:
    """How much larger a probability is than another, as a share of both."""
    return (one - other) / (one + other) if one + other else 0.0


def _find_rival(answer: str, candidates: Sequence[Mapping[str, str | float]]) -> str:
    """The first candidate with another text; a text that is none of them, where there is no other."""
    return next((str(one["answer"]) for one in candidates if one["answer"] != answer), "\0")
