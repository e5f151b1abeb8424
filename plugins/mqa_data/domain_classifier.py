"""The domain classifier: how well a classifier separates two samples of texts by their words, and which words differ.

A classifier two-sample test: Lopez-Paz and Oquab 2017, "Revisiting Classifier Two-Sample Tests"
(https://arxiv.org/abs/1610.06545).
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mqa_registry import optional_import

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Bools: TypeAlias = npt.NDArray[np.bool_]
    Floats: TypeAlias = npt.NDArray[np.float64]
    Ints: TypeAlias = npt.NDArray[np.int64]

MAX_FEATURES = 20_000  # words
MIN_ROWS = 5  # of both samples together; a rarer word shows nothing
MAX_TERMS = 20
ALPHA = 0.05


def score_domain(words: Sequence[Sequence[str]], domains: Ints, rng: np.random.Generator) -> Floats:
    """For half of the rows of either domain how much their words are like domain 1; NaN for those of the training half.

    `domains` is 0 or 1 for each row.
    """
    with optional_import("scikit-learn"):
        from sklearn.feature_extraction.text import CountVectorizer
        from sklearn.linear_model import LogisticRegression

    is_test = np.zeros(len(domains), dtype=bool)
    for domain in (0, 1):
        rows = rng.permutation(np.flatnonzero(domains == domain))
        is_test[rows[: len(rows) // 2]] = True
    scores = np.where(is_test, 0.0, np.nan)
    train, test = ([words[row] for row in np.flatnonzero(half).tolist()] for half in (~is_test, is_test))
    if not any(train):
        return scores
    vectorizer = CountVectorizer(analyzer=set, max_features=MAX_FEATURES)
    features = vectorizer.fit_transform(train)
    model = LogisticRegression(C=0.1, solver="liblinear", class_weight="balanced", random_state=0)
    model.fit(features, domains[~is_test])
    scores[is_test] = model.decision_function(vectorizer.transform(test))
    return scores


def auc_by_row(scores: Floats, is_positive: Bools) -> Floats:
    """A number a row whose mean is the area under the ROC curve, with the variance of DeLong et al. 1988 (Biometrics 44).

    Rows whose score is NaN are left out.
    """
    from scipy.stats import rankdata

    positive, negative = (scores[side & ~np.isnan(scores)] for side in (is_positive, ~is_positive))
    ranks = rankdata(np.concatenate([positive, negative]))
    above = (ranks[: len(positive)] - rankdata(positive)) / len(negative)
    below = 1 - (ranks[len(positive) :] - rankdata(negative)) / len(positive)
    area, rows = above.mean(), len(positive) + len(negative)
    return np.concatenate([area + rows / len(side) * (side - area) for side in (above, below)])


def significant_terms(here: Sequence[Sequence[str]], there: Sequence[Sequence[str]]) -> list[dict[str, Any]]:
    """The words whose share of rows differs significantly after Bonferroni's correction, the largest z first.

    The test is the two-sided z-test of two proportions, pooled, at ALPHA; words in less than MIN_ROWS rows are not
    tested.
    """
    from scipy.stats import norm

    counts = [Counter(word for row in rows for word in set(row)) for rows in (here, there)]
    tested = sorted(word for word in counts[0] | counts[1] if counts[0][word] + counts[1][word] >= MIN_ROWS)
    if not tested:
        return []
    sizes = np.array([len(here), len(there)], dtype=np.float64)
    table = np.array([[count[word] for count in counts] for word in tested], dtype=np.float64)
    shares, pooled = table / sizes, table.sum(axis=1) / sizes.sum()
    error = np.sqrt(pooled * (1 - pooled) * (1 / sizes).sum())
    z = np.divide(shares[:, 0] - shares[:, 1], error, out=np.zeros(len(tested)), where=error > 0)
    critical = norm.isf(ALPHA / 2 / len(tested))
    order = [index for index in np.argsort(-np.abs(z), kind="stable") if abs(z[index]) > critical]
    return [
        {"term": tested[index], "here": shares[index, 0], "there": shares[index, 1], "z": float(z[index])}
        for index in order[:MAX_TERMS]
    ]
