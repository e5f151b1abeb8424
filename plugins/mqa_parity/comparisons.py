"""Comparisons of two predictions of the same rows: whether they agree, and how far their scores lie apart.

A flip is a tie that noise decided, or damage. Scores are probabilities, values and vectors.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import numpy as np
import pyarrow.compute as pc
from annotated_types import Ge, Le

from mqa_parity.box_flips import find_box_flips, find_box_margins
from mqa_parity.examples import round_for_report
from mqa_parity.label_sets import measure_label_sets
from mqa_parity.span_flips import find_span_margins
from mqa_registry import DataError, Evidence, ExampleRow, positive_class

if TYPE_CHECKING:
    from collections.abc import Hashable

    import numpy.typing as npt

    from mqa_registry import Predictions

    Floats: TypeAlias = npt.NDArray[np.float64]
    Bools: TypeAlias = npt.NDArray[np.bool_]

Score: TypeAlias = Annotated[float, Ge(0), Le(1)]
NEIGHBOURS = 100  # rows that a flip is compared with
MIN_NEIGHBOURS = 20  # fewer do not show what is usual
USUAL_QUANTILE = 0.95  # of how far those rows moved
MIN_TIE_LIMIT = 1e-5  # float32 does not resolve smaller margins: the absolute tolerance of torch.testing.assert_close
MAX_TIE_LIMIT = 0.1  # 0.55 against 0.45 is a decision, however far all rows moved
MAX_THRESHOLD_TIE_LIMIT = MAX_TIE_LIMIT / 2  # and so is 0.55 where a label is given from 0.5 on
OPERATING_SCORE = 0.5  # from which a detection is commonly taken for an object
MIN_PROBABILITY = float(np.finfo(np.float64).eps)  # smaller ones are raised to this, as in the log loss
LARGEST_KL = 1.0 - math.log(MIN_PROBABILITY)  # of two certain and opposite rows whose sums are not quite 1


def agreement(reference: Predictions, candidate: Predictions, *, threshold: Score = OPERATING_SCORE) -> Bools:
    """The share of rows with the same prediction.

    From 0 to 1. It compares the label, the set of labels or of spans, the text to the letter, the whole ranking. Scores
    and probabilities do not matter, nor does the order of labels and spans. Of boxes, it compares those with a score of
    `threshold` or more: each has a counterpart of its label with an IoU of 0.5 or more.

    A report has under `flips` the `count` of the other rows and, of labels with probabilities on both sides and of spans with
    decisions on tokens, and of boxes, how many of them are `ties` and how many are `damage`, with `largest_tie`, `largest_margin` and the
    `tie_limit`. The margin of a row is the reference's highest probability minus the second, and of several labels a row how
    far that of a label which flipped was from its threshold; a flip is a tie where rows next to it, which did not flip,
    commonly move by as much. Each flip among the examples has its `margin` and whether it is a `tie`.
    """
    if reference.schema in ("label", "text"):
        same = pc.equal(reference.main.combine_chunks(), candidate.main.combine_chunks())
        return np.asarray(pc.fill_null(same, fill_value=False).to_numpy(zero_copy_only=False), bool)
    if reference.schema == "boxes":
        return ~find_box_flips(reference, candidate, threshold)
    pairs = zip(reference.to_pylist(), candidate.to_pylist(), strict=True)
    schema = reference.schema
    return np.array([canonicalize(schema, one) == canonicalize(schema, other) for one, other in pairs], bool)


def flip_rate(reference: Predictions, candidate: Predictions, *, threshold: Score = OPERATING_SCORE) -> Bools:
    """The share of rows with another prediction: 1 - `parity/agreement`.

    `threshold` is the score from which a box counts. A report says how many of them are ties and how many are damage, as for `parity/agreement`.
    """
    return ~agreement(reference, candidate, threshold=threshold)


def flip_evidence(reference: Predictions, candidate: Predictions, *, threshold: float = OPERATING_SCORE) -> Evidence:
    """The number of flips, of ties and of damage among them, and all flips, the largest margin first."""
    return list_flips(reference, find_flips(reference, candidate, threshold))


def list_flips(reference: Predictions, flips: Flips) -> Evidence:
    """The same of flips that are known."""
    rows = np.flatnonzero(flips.flipped)
    rows = rows[np.argsort(-flips.margins[rows], kind="stable")]  # NaN comes last
    ids = reference.ids.take(rows).to_pylist()
    examples = [_make_example(name, flips, int(row)) for name, row in zip(ids, rows, strict=True)]
    counts = {"count": len(rows)} | _count_margins(flips)
    return Evidence(
        remarks=[_summarize_flips(flips)] if len(rows) else (), examples=examples, details={"flips": counts}
    )


def max_abs_diff(reference: Predictions, candidate: Predictions) -> float:
    """The largest distance between two numbers that should be the same.

    The numbers are probabilities, values, or the elements of vectors. It is one number over all rows, so it has no
    interval. NaN where there are no rows, or where a row has numbers on one side only.
    """
    one, other = _require_numbers(reference), _require_numbers(candidate)
    _require_equal_shapes(one, other)
    both_missing = np.isnan(one) & np.isnan(other)
    distances = np.abs(one - other)[~both_missing]
    return float(distances.max()) if distances.size else float("nan")


def mean_kl(reference: Predictions, candidate: Predictions) -> Floats:
    """The mean Kullback-Leibler divergence from the reference's probabilities.

    In nats. Per row the sum of p log(p / q) - p + q, where p is the reference: the last two terms cancel where both sum
    to 1, and keep every term at 0 or more where they do not quite. 0 at best. A q below 2.2e-16 counts as that.
    """
    p, q = _require_probabilities(reference), _require_probabilities(candidate)
    _require_equal_shapes(p, q)
    likely = p > 0
    ratio = np.divide(np.maximum(q, MIN_PROBABILITY), p, out=np.ones_like(p), where=likely)
    close = np.abs(ratio - 1) < 0.5
    logarithm = np.where(close, np.log1p(np.where(close, ratio - 1, 0)), np.log(ratio))  # with all digits near 1
    terms = np.where(likely, np.maximum(p * (ratio - 1 - logarithm), 0), q - p)
    return np.asarray(terms.sum(axis=1))


def cosine(reference: Predictions, candidate: Predictions) -> Floats:
    """The mean cosine of the angle between the two vectors of a row.

    From -1 to 1, 1 for the same direction. A row with a vector of zeros is ignored.
    """
    one, other = reference.values, candidate.values
    _require_equal_shapes(one, other)
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    products = (one * other).sum(axis=1)
    return np.asarray(np.divide(products, lengths, out=np.full(len(products), np.nan), where=lengths > 0))


def score_shift(reference: Predictions, candidate: Predictions, *, positive: str | None = None) -> Floats:
    """The mean by which the probability of a class rises from the reference.

    From -1 to 1, signed: per row the candidate's probability minus the reference's, so rises and falls cancel.
    `positive` is the class, the second of two unless it is named. For the schema `value` it is the number itself. A row
    with a number on one side only is ignored.
    """
    if reference.schema == "value":
        return np.asarray(candidate.values - reference.values)
    code = positive_class(reference.classes, positive)
    hint = "count how often the prediction changes with `parity/flip-rate`"
    before, after = _require_probabilities(reference, hint), _require_probabilities(candidate, hint)
    return np.asarray(after[:, positive_class(candidate.classes, reference.classes[code])] - before[:, code])


@dataclass(frozen=True)
class Flips:
    """Flips, and the reference's margin in every row, NaN where it is unknown; flips with up to `limit` are ties."""

    flipped: Bools
    margins: Floats
    limit: float

    @property
    def ties(self) -> Bools:
        return self.flipped & (self.margins <= self.limit)

    @property
    def damage(self) -> Bools:
        return self.flipped & (self.margins > self.limit)


def find_flips(reference: Predictions, candidate: Predictions, threshold: float = OPERATING_SCORE) -> Flips:
    """Every flip with its margin: the reference's highest probability minus the second.

    That is the top margin of Dutta et al. (2024, https://arxiv.org/abs/2407.09141), who found that predictions with a
    small margin are the ones that flip. A prediction flips only where the gap between two probabilities moves by its
    margin or more. A flip is a tie where such a move is usual, and damage otherwise. Usual is what 95 % of its
    neighbours stayed within: the 100 rows with the smallest margins that did not flip. Surer rows are left out, since
    softmax hardly lets their probabilities move, and so are rows that did not move at all, such as those that a
    perturbation left unchanged. With a noise that is alike in all rows, about one flip in forty counts as damage; a few
    damaged rows make no ties of others. Fewer than 20 neighbours do not show what is usual. A margin up to 1e-5 is always
    a tie, and one above 0.1 never.

    Predictions of the schema `label` have margins where both sides have probabilities and predict the most probable class:
    a prediction by another threshold was not decided by this margin. Those of several labels have `measure_label_sets`'s,
    and of them one above 0.05 is never a tie. Of spans, each token is such a decision: the margin of a row is that of its
    least certain token, and of a row that flipped, that of the surest token that is decided otherwise. Of boxes, each is decided by how far its score is from the `threshold`, with the
    same limit as several labels. Others have none.
    """
    if reference.schema == "boxes":
        boxes = find_box_margins(reference, candidate, threshold)
        moves = np.nan_to_num(np.column_stack([boxes.moves, np.zeros(len(boxes.moves))]))
        unflipped = np.where(boxes.flipped, np.nan, boxes.margins)
        return Flips(boxes.flipped, boxes.margins, compute_tie_limit(unflipped, moves, MAX_THRESHOLD_TIE_LIMIT))
    flipped = flip_rate(reference, candidate)
    unknown = np.full(len(flipped), np.nan)
    if reference.schema == "labels" and (measured := measure_label_sets(reference, candidate)) is not None:
        margins, moves = measured
        both_ways = np.column_stack([moves, np.zeros(len(moves))])
        limit = compute_tie_limit(np.where(flipped, np.nan, margins), both_ways, MAX_THRESHOLD_TIE_LIMIT)
        return Flips(flipped, margins, limit)
    if reference.schema == "spans" and (spans := find_span_margins(reference, candidate)) is not None:
        moves = np.nan_to_num(np.column_stack([spans.moves, np.zeros(len(flipped))]))
        return Flips(flipped, spans.margins, compute_tie_limit(np.where(flipped, np.nan, spans.margins), moves))
    if reference.schema != "label":
        return Flips(flipped, unknown, np.nan)
    classes = tuple(dict.fromkeys((*reference.classes, *candidate.classes)))
    one, other = (side.with_classes(classes) for side in (reference, candidate))
    p, q = one.probabilities, other.probabilities
    if p is None or q is None or len(classes) < 2:
        return Flips(flipped, unknown, np.nan)
    margins = np.where(_is_most_probable(one, p) & _is_most_probable(other, q), _compute_top_margins(p), np.nan)
    return Flips(flipped, margins, compute_tie_limit(np.where(flipped, np.nan, margins), p - q))


def canonicalize(schema: str, prediction: Any) -> Hashable:
    """A prediction in a form that is equal for equivalent predictions; None stays None."""
    if not isinstance(prediction, list):
        return prediction  # type: ignore[no-any-return]
    if schema == "labels":
        return frozenset(prediction)
    if schema == "spans":
        return frozenset((span["start"], span["end"], span["label"]) for span in prediction)
    return tuple(prediction)


def _compute_top_margins(p: Floats) -> Floats:
    """Per row the highest probability minus the second; NaN where there are none."""
    highest = np.partition(p, -2, axis=1)
    return np.asarray(highest[:, -1] - highest[:, -2])


def _is_most_probable(predictions: Predictions, p: Floats) -> Bools:
    """Whether the prediction of a row is the class of the highest probability."""
    predicted = np.take_along_axis(p, predictions.codes[:, None], axis=1)[:, 0]
    return np.asarray(predicted >= p.max(axis=1))


def compute_tie_limit(margins: Floats, moves: Floats, largest: float = MAX_TIE_LIMIT) -> float:
    """The largest margin of a tie, at most `largest`; `margins` are NaN in rows that flipped or have none, `moves` are p - q."""
    unflipped = np.flatnonzero(~np.isnan(margins) & moves.any(axis=1))
    neighbours = moves[unflipped[np.argsort(margins[unflipped], kind="stable")][:NEIGHBOURS]]
    if len(neighbours) < MIN_NEIGHBOURS:
        return MIN_TIE_LIMIT
    usual = np.quantile(neighbours.max(axis=1) - neighbours.min(axis=1), USUAL_QUANTILE, method="higher")
    return float(np.clip(usual, MIN_TIE_LIMIT, largest))


def _count_margins(flips: Flips) -> dict[str, Any]:
    """Ties, damage and their largest margins; nothing where no margins are known."""
    if np.isnan(flips.limit):
        return {}
    return {
        "ties": int(flips.ties.sum()),
        "damage": int(flips.damage.sum()),
        "largest_tie": _largest_margin(flips.margins[flips.ties]),
        "largest_margin": _largest_margin(flips.margins[flips.ties | flips.damage]),
        "tie_limit": round_for_report(flips.limit),
    }


def _largest_margin(margins: Floats) -> float | None:
    return round_for_report(float(margins.max())) if len(margins) else None


def _make_example(name: str, flips: Flips, row: int) -> ExampleRow:
    margin = float(flips.margins[row])
    if np.isnan(margin):
        return ExampleRow(name)
    return ExampleRow(name, margin=round_for_report(margin), details={"tie": bool(flips.ties[row])})


def _summarize_flips(flips: Flips) -> str:
    """The counts in words, as `7 flips: 5 ties (margins up to 0.002), 2 damage (margins up to 0.41)`."""
    count = int(flips.flipped.sum())
    kinds = [(flips.ties, "tie", "ties"), (flips.damage, "damage", "damage")]
    parts = [_describe_count(flips.margins[rows], *words) for rows, *words in kinds if rows.any()]
    unknown = count - int((flips.ties | flips.damage).sum())
    if parts and unknown:
        parts.append(f"{unknown:,} without a margin")
    return f"{count:,} {'flip' if count == 1 else 'flips'}" + (f": {', '.join(parts)}" if parts else "")


def _describe_count(margins: Floats, singular: str, plural: str) -> str:
    largest = f"{margins.max():.2g}"
    if len(margins) == 1:
        return f"1 {singular} (margin {largest})"
    return f"{len(margins):,} {plural} (margins up to {largest})"


def _require_numbers(predictions: Predictions) -> Floats:
    return predictions.values if predictions.schema in ("value", "vector") else _require_probabilities(predictions)


def _require_probabilities(
    predictions: Predictions, hint: str = "compare the labels with `parity/agreement`"
) -> Floats:
    if predictions.probabilities is None:
        raise DataError("the predictions are labels alone, and this comparison needs probabilities", hint=hint)
    return predictions.probabilities


def _require_equal_shapes(one: Floats, other: Floats) -> None:
    if one.shape != other.shape:
        raise DataError(f"a row has {one.shape[-1]} numbers in the reference, and {other.shape[-1]} in the candidate")
