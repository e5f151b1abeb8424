"""Clusters: rows that were drawn together, such as the sentences of one document, and tell less than rows drawn apart."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from mqa_registry.stats.estimates import NO_ROWS, explain_one_unit

if TYPE_CHECKING:
    from mqa_registry.stats.estimates import Floats, Ints


@dataclass(frozen=True)
class ClusterDesign:
    """How rows were drawn: in how many clusters, and how many times larger that makes the variance of their mean."""

    clusters: int
    effect: float

    def effective_rows(self, rows: int, confidence: float) -> float:
        """How many rows drawn apart would tell as much, never more than there are; 0 for one cluster alone.

        Counts divided by the design effect (Rao and Scott, Biometrics 48, 1992) stand for the variance; that it is
        itself estimated from few clusters, for the quantile of Student's t (Korn and Graubard, Surv. Methodol. 24,
        1998).
        """
        if self.clusters < 2:
            return 0.0
        level = (1 + confidence) / 2
        wider = special.stdtrit(self.clusters - 1, level) / special.ndtri(level)
        return float(rows / max(1.0, self.effect) / wider**2)


def clustered_standard_error(scores: Floats, clusters: Ints) -> tuple[float, int]:
    """The standard error of a mean of rows drawn in clusters, and the number of clusters.

    `scores` and `clusters` have shape (rows,). The mean is a ratio of two sums over clusters, linearised (Cochran,
    Sampling Techniques, 3rd ed., section 6.3). NaN where there is one cluster.
    """
    _, codes = np.unique(clusters, return_inverse=True)
    residuals = np.bincount(codes, weights=scores - scores.mean()) if len(scores) else np.zeros(0)
    count = len(residuals)
    if count < 2:
        return math.nan, count
    return math.sqrt(count / (count - 1) * float((residuals**2).sum())) / len(scores), count


def estimate_design(scores: Floats, clusters: Ints) -> ClusterDesign:
    """The design of rows that score -1, 0 or 1.

    Where all of them score the same, nothing is known of how alike the rows of a cluster are: they count as one.
    """
    error, count = clustered_standard_error(scores, clusters)
    plain = float(scores.var()) / len(scores) if len(scores) else 0.0
    return ClusterDesign(count, error**2 / plain if plain > 0 else len(scores) / max(count, 1))


def explain_no_interval(rows: int, design: ClusterDesign | None) -> str:
    """Why so many rows show nothing of how others would differ; empty where they do."""
    if not rows:
        return NO_ROWS
    if design is not None and design.clusters < 2:
        return explain_one_unit("cluster")
    return ""
