"""k-means: the clusters of vectors, which follow from the vectors alone, whatever their order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats: TypeAlias = npt.NDArray[np.float64]
    Positions: TypeAlias = npt.NDArray[np.int64]

SEED = 0  # of the draws: the same in every run, so that a row's cluster is the same, too
N_STARTS = 4
MAX_STEPS = 100
MAX_FITTED = 10_000  # distinct vectors that the centres are found from; the others are put to the nearest one


@dataclass(frozen=True)
class Clustering:
    """The cluster of each vector, from 0 on, the largest first, and its distance to the centre in some unit."""

    clusters: Positions
    distances: Floats

    @property
    def n_clusters(self) -> int:
        """How many there are: no more than there are distinct vectors."""
        return int(self.clusters.max(initial=-1)) + 1


def k_means(vectors: npt.NDArray[np.floating], n_clusters: int) -> Clustering:
    """The clusters of finite vectors, shape (rows, dimensions), by k-means with Euclidean distances.

    Centres are drawn by k-means++ (Arthur and Vassilvitskii, 2007) and moved by Lloyd's algorithm, four times; the start
    with the smallest sum of squared distances counts. The distinct vectors are put in one order before anything is
    drawn, so that the order of rows does not matter, and equal vectors are in one cluster.
    """
    distinct, inverse, counts = _find_distinct(vectors)
    points = _scale(distinct)
    centres = _find_centres(points, counts.astype(np.float64), n_clusters)
    codes, distances = _assign(points, centres)
    sizes = np.bincount(codes, weights=counts, minlength=len(centres))
    by_size = np.argsort(-sizes, kind="stable")
    rank = np.empty(len(centres), dtype=np.int64)
    rank[by_size] = np.arange(len(centres))
    return Clustering(rank[codes][inverse], distances[inverse])


def _find_distinct(vectors: npt.NDArray[np.floating]) -> tuple[Floats, Positions, Positions]:
    """The distinct vectors in the order of their bytes, which of them each vector is, and how often each occurs."""
    values = np.ascontiguousarray(vectors, dtype=np.float64) + 0.0  # -0 becomes 0
    as_bytes = values.view(np.dtype((np.void, values.shape[1] * values.itemsize))).ravel()
    _, first, inverse, counts = np.unique(as_bytes, return_index=True, return_inverse=True, return_counts=True)
    return values[first], inverse, counts


def _scale(vectors: Floats) -> Floats:
    """The vectors about their mean, with numbers so small that squares do not overflow. Clusters stay the same."""
    largest = np.abs(vectors).max(initial=0.0)
    scaled = vectors / largest if largest > 0 else vectors
    centred: Floats = scaled - scaled.mean(axis=0)
    return centred


def _find_centres(points: Floats, weights: Floats, n_clusters: int) -> Floats:
    rng = np.random.default_rng(SEED)
    if len(points) > MAX_FITTED:
        drawn = np.sort(rng.choice(len(points), MAX_FITTED, replace=False))
        points, weights = points[drawn], weights[drawn]
    starts = [_move_centres(points, weights, _draw_centres(points, weights, n_clusters, rng)) for _ in range(N_STARTS)]
    return min(starts, key=lambda centres: float(weights @ _assign(points, centres)[1] ** 2))


def _draw_centres(points: Floats, weights: Floats, n_clusters: int, rng: np.random.Generator) -> Floats:
    """Distinct points, each drawn with a probability that grows with the square of its distance to those before."""
    chosen = [int(rng.choice(len(points), p=weights / weights.sum()))]
    squares = np.full(len(points), np.inf)
    while len(chosen) < n_clusters:
        squares = np.minimum(squares, np.square(points - points[chosen[-1]]).sum(axis=1))
        chances = weights * squares
        if not chances.any():
            break
        chosen.append(int(rng.choice(len(points), p=chances / chances.sum())))
    return points[chosen]


def _move_centres(points: Floats, weights: Floats, centres: Floats) -> Floats:
    """The centres once no point changes its cluster; those that are left without points are gone."""
    codes = None
    for _ in range(MAX_STEPS):
        before, (codes, _distances) = codes, _assign(points, centres)
        if before is not None and np.array_equal(codes, before):
            break
        members = np.where(codes == np.arange(len(centres))[:, None], weights, 0.0)
        totals = members.sum(axis=1)
        centres = (members @ points)[totals > 0] / totals[totals > 0, None]
    return centres


def _assign(points: Floats, centres: Floats) -> tuple[Positions, Floats]:
    """The nearest centre of each point, and how far it is."""
    from scipy.cluster.vq import vq

    codes, distances = vq(points, centres, check_finite=False)
    return np.asarray(codes, np.int64), np.asarray(distances, np.float64)
