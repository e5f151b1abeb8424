"""Metrics of rankings, as of the candidates of a query or of a user: where what is relevant stands.

They are those of `metrics/retrieval`, for rankings that a model or a service predicts. Each is a mean over rows, as trec_eval
has it; a row to which nothing is relevant is ignored. Of a row with `scores`, what scores as high as a relevant thing stands
before it, so that no number depends on the order of the data.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import numpy as np
from annotated_types import Ge

from mqa_metrics import ranks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy.typing as npt

    from mqa_registry import Predictions, Targets

    Floats: TypeAlias = npt.NDArray[np.float64]

Depth: TypeAlias = Annotated[int, Ge(1)]
BLOCK_ROWS = 4096  # that are Python values at a time


def ndcg(predictions: Predictions, targets: Targets, *, k: Depth = 10) -> Floats:
    """The mean normalized discounted cumulative gain of the first `k` of each ranking.

    From 0 to 1. What is relevant gains its relevance, discounted by the logarithm to base 2 of its rank and 1; the sum is divided
    by that of the best ranking (Järvelin and Kekäläinen 2002).
    """
    return _score(predictions, targets, lambda one: ranks.ndcg(one.ranks, one.gains, k))


def recall_at_k(predictions: Predictions, targets: Targets, *, k: Depth = 10) -> Floats:
    """The mean share of what is relevant that is among the first `k` of a ranking."""
    return _score(predictions, targets, lambda one: ranks.recall(one.ranks, k))


def precision_at_k(predictions: Predictions, targets: Targets, *, k: Depth = 10) -> Floats:
    """The mean share of the first `k` of a ranking that is relevant; a shorter ranking counts as if it had `k`."""
    return _score(predictions, targets, lambda one: ranks.precision(one.ranks, k))


def hit_rate(predictions: Predictions, targets: Targets, *, k: Depth = 10) -> Floats:
    """The share of rows with anything relevant among the first `k` of their ranking."""
    return _score(predictions, targets, lambda one: ranks.hit(one.ranks, k))


def mrr(predictions: Predictions, targets: Targets) -> Floats:
    """The mean reciprocal rank: one by the rank of the first relevant thing, 0 where a ranking has none."""
    return _score(predictions, targets, lambda one: ranks.reciprocal_rank(one.ranks))


def mean_average_precision(predictions: Predictions, targets: Targets) -> Floats:
    """The mean over rows of the mean, over what is relevant, of the precision down to it; 0 for what a ranking lacks."""
    return _score(predictions, targets, lambda one: ranks.average_precision(one.ranks))


@dataclass(frozen=True)
class _Relevant:
    """What is relevant to a row: its ranks, infinite where the ranking lacks it, and how relevant each is."""

    ranks: Floats
    gains: Floats


def _score(predictions: Predictions, targets: Targets, measure: Callable[[_Relevant], float]) -> Floats:
    """The score of each row; NaN where nothing is relevant to it."""
    return np.array([measure(one) for one in _iter_relevant(predictions, targets)], np.float64)


def _iter_relevant(predictions: Predictions, targets: Targets) -> Iterator[_Relevant]:
    for start in range(0, len(predictions), BLOCK_ROWS):
        some, wanted = (side.slice(start, min(start + BLOCK_ROWS, len(side))) for side in (predictions, targets))
        for ranking, scores, relevant in zip(some.to_pylist(), _read_scores(some), wanted.to_pylist(), strict=True):
            yield _find_relevant(ranking or (), scores, relevant or ())


def _read_scores(predictions: Predictions) -> Sequence[Any]:
    if "scores" not in predictions.table.column_names:
        return [None] * len(predictions)
    scores: Sequence[Any] = predictions.table.column("scores").to_pylist()
    return scores


def _find_relevant(
    ranking: Sequence[str], scores: Sequence[float] | None, relevant: Sequence[dict[str, Any]]
) -> _Relevant:
    kept = [one for one in relevant if one["relevance"] > 0]
    positions = {name: position for position, name in enumerate(ranking)}
    places = np.array([positions.get(one["id"], -1) for one in kept], np.int64)
    order = -np.arange(len(ranking), dtype=np.float64) if scores is None else np.array(scores, np.float64)
    return _Relevant(ranks.find_ranks(order, places), np.array([one["relevance"] for one in kept], np.float64))
