"""Scores of one query, or one user, by the ranks of what is relevant to it, as trec_eval computes them.

`ranks` are those of the relevant rows, the first being 1, shape (relevant,); infinite where a row was not found. `k` is how
many of the first results count. A query to which nothing is relevant has no score, NaN.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats: TypeAlias = npt.NDArray[np.float64]
    Ints: TypeAlias = npt.NDArray[np.int64]


def find_ranks(scores: npt.NDArray[np.floating[Any]], relevant: Ints, rounding: float = 0.0) -> Floats:
    """The rank of each relevant row among all by falling score; infinite where it is not there, or has no score.

    `relevant` has positions, -1 of what is not there. A row with the score of a relevant one, or one that is lower by no more
    than `rounding` times its size, stands before it.
    """
    ranks = np.full(len(relevant), np.inf)
    found = np.flatnonzero(relevant >= 0)
    found = found[np.isfinite(scores[relevant[found]])]
    own = scores[relevant[found]]
    others = scores.copy()
    others[relevant[found]] = -np.inf
    for place, index in enumerate(np.argsort(-own, kind="stable")):
        least = own[index] - rounding * max(1.0, abs(float(own[index])))
        ranks[found[index]] = np.count_nonzero(others >= least) + place + 1
    return ranks


def recall(ranks: Floats, k: int) -> float:
    """The share of the relevant rows that are among the first `k` results."""
    return float((ranks <= k).mean()) if len(ranks) else np.nan


def precision(ranks: Floats, k: int) -> float:
    """The share of the first `k` results that are relevant."""
    return float((ranks <= k).sum() / k) if len(ranks) else np.nan


def hit(ranks: Floats, k: int) -> float:
    """1 where any of the first `k` results is relevant, else 0."""
    return float((ranks <= k).any()) if len(ranks) else np.nan


def reciprocal_rank(ranks: Floats) -> float:
    """One by the rank of the first relevant result."""
    return float(1 / ranks.min()) if len(ranks) else np.nan


def average_precision(ranks: Floats) -> float:
    """The mean, over the relevant rows, of the precision down to each."""
    ordered = np.sort(ranks)
    return float((np.arange(1, len(ranks) + 1) / ordered).mean()) if len(ranks) else np.nan


def ndcg(ranks: Floats, gains: Floats, k: int) -> float:
    """The discounted gain of the first `k` results, by the largest that there could be.

    The gain of a row is its relevance, discounted by the logarithm to base 2 of its rank and 1 (Järvelin and Kekäläinen 2002,
    https://doi.org/10.1145/582415.582418).
    """
    if not len(ranks):
        return np.nan
    best = np.sort(gains)[::-1][:k]
    ideal = (best / np.log2(np.arange(2, len(best) + 2))).sum()
    is_first = ranks <= k
    gained = (gains[is_first] / np.log2(ranks[is_first] + 1)).sum()
    return min(1.0, float(gained / ideal))  # rounding may make more of a perfect result
