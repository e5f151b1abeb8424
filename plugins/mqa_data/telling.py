"""Telling two sets of texts apart by their words."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_registry import optional_import

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

RARE = 5  # rows of both sides together, below which a word tells nothing
MOST = 20  # words that are told
LEVEL = 0.05


def told_apart(
    words: Sequence[Sequence[str]], sides: npt.NDArray[np.int64], rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """For half of the rows, of either side alike, how much they look like side 1; NaN for those that it was learned of."""
    with optional_import("scikit-learn"):
        from sklearn.feature_extraction.text import CountVectorizer
        from sklearn.linear_model import LogisticRegression

    judged = np.zeros(len(sides), dtype=bool)
    for side in (0, 1):
        mine = rng.permutation(np.flatnonzero(sides == side))
        judged[mine[: len(mine) // 2]] = True
    scores = np.where(judged, 0.0, np.nan)
    learned = [words[place] for place in np.flatnonzero(~judged).tolist()]
    if not any(learned):
        return scores
    counting = CountVectorizer(analyzer=set, max_features=20_000)
    table = counting.fit_transform(learned)
    model = LogisticRegression(C=0.1, solver="liblinear", class_weight="balanced", random_state=0)
    model.fit(table, sides[~judged])
    scores[judged] = model.decision_function(
        counting.transform([words[place] for place in np.flatnonzero(judged).tolist()])
    )
    return scores


def moved(here: Sequence[Sequence[str]], there: Sequence[Sequence[str]]) -> list[dict[str, Any]]:
    """The words whose share of rows differs, most surely first: those that do after Bonferroni's correction.

    The test is the one of two proportions, pooled; words in less than RARE rows are not tried.
    """
    from scipy.stats import norm

    counts = [Counter(word for row in side for word in set(row)) for side in (here, there)]
    tried = sorted(word for word in counts[0] | counts[1] if counts[0][word] + counts[1][word] >= RARE)
    if not tried:
        return []
    sizes = np.array([len(here), len(there)], dtype=np.float64)
    table = np.array([[count[word] for count in counts] for word in tried], dtype=np.float64)
    shares, pooled = table / sizes, table.sum(axis=1) / sizes.sum()
    error = np.sqrt(pooled * (1 - pooled) * (1 / sizes).sum())
    z = np.divide(shares[:, 0] - shares[:, 1], error, out=np.zeros(len(tried)), where=error > 0)
    least = norm.isf(LEVEL / 2 / len(tried))
    order = [place for place in np.argsort(-np.abs(z), kind="stable") if abs(z[place]) > least]
    return [
        {"term": tried[place], "here": shares[place, 0], "there": shares[place, 1], "z": float(z[place])}
        for place in order[:MOST]
    ]
