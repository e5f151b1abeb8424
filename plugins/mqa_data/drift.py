"""The probe `data/drift`: how far two data sets differ in words, length and label.

The words are compared by a classifier two-sample test, a domain classifier: Lopez-Paz and Oquab 2017, "Revisiting
Classifier Two-Sample Tests" (https://arxiv.org/abs/1610.06545).
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import numpy as np
import pyarrow as pa
from annotated_types import Ge

from mqa_data.text_columns import TextOptions, TextRows, split_words
from mqa_registry import Evidence, NotRunError, Probe, counted, optional_import

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from mqa_registry import ProbeContext, ViewContext

    Bools: TypeAlias = npt.NDArray[np.bool_]
    Floats: TypeAlias = npt.NDArray[np.float64]
    Ints: TypeAlias = npt.NDArray[np.int64]

CURRENT, REFERENCE = "current", "reference"
MIN_ROWS = 20  # of either data set
LENGTH_BINS = 10
MAX_FEATURES = 20_000  # words
MIN_TERM_ROWS = 5  # of both samples together; a rarer word shows nothing
MAX_TERMS = 20
MAX_LISTED = 5  # terms and labels in remarks
ALPHA = 0.05


@dataclass(frozen=True, kw_only=True)
class DriftOptions(TextOptions):
    """How many rows are compared.

    `rows` are sampled from either data set by the suite's seed, where there are more. `permutations` is the number of
    random divisions that p-values come from.
    """

    rows: Annotated[int, Ge(MIN_ROWS)] = 20_000
    permutations: Annotated[int, Ge(99)] = 999


class Drift(Probe[DriftOptions]):
    """How well a classifier distinguishes the rows from those of the reference data, by their words.

    The reference data are those of `against`, as in `against = { data = "train" }`.

    `value` is the area under the ROC curve of a logistic regression on which words a row has, fitted to one half of the
    rows and judged on the other: 0.5 where nothing distinguishes them, 1 where every row does (Lopez-Paz and Oquab 2017,
    https://arxiv.org/abs/1610.06545). `length_drift` is the total variation distance between the numbers of words, in
    tenths of both together, and `label_drift` that between the labels: the share of rows, from 0 to 1, that would have to
    be others. `length_p_value` and `label_p_value` are the probabilities of distances as large where both are drawn from
    one source; undefined where there is nothing to compare. Equal rows count as often as they occur: leave duplicates out
    first.
    """

    name = "drift"
    version = 2
    inputs = "rows"
    outputs = ("value", "length_drift", "length_p_value", "label_drift", "label_p_value")
    ranges = dict.fromkeys(outputs, (0.0, 1.0))
    compares = True
    requires = ("scikit-learn",)

    def columns(self, options: DriftOptions) -> list[str]:
        """Those with the texts, where they are named."""
        return options.fields or []

    def observe(self, context: ProbeContext, options: DriftOptions) -> pa.Table:
        """The rows sampled from both data sets, with the classifier's score, null for rows that it was fitted to.

        What is no number a row stands in the table's metadata: terms, p-values, and how many rows were not sampled.
        """
        assert context.reference is not None  # the probe compares
        rng = context.rng
        current, reference = (_draw_sample(view, options, rng) for view in (context.view, context.reference))
        words, labels = [*current.words, *reference.words], [*current.labels, *reference.labels]
        lengths = np.array([len(row) for row in words], dtype=np.int64)
        is_current = np.repeat([True, False], [len(current.ids), len(reference.ids)])
        scores = score_domain(words, is_current.astype(np.int64), rng)
        length_p_value, label_p_value = (
            _permutation_p_value(codes, is_current, options.permutations, rng)
            for codes in (_bin_lengths(lengths), _encode_labels(labels))
        )
        meta = {
            "terms": json.dumps(find_significant_terms(current.words, reference.words)),
            "length_p_value": json.dumps(length_p_value),
            "label_p_value": json.dumps(label_p_value),
            "not_sampled": json.dumps([current.n_not_sampled, reference.n_not_sampled]),
        }
        columns = {
            "id": pa.array([*current.ids, *reference.ids], pa.string()),
            "dataset": pa.array(np.where(is_current, CURRENT, REFERENCE).tolist(), pa.string()),
            "words": pa.array(lengths, pa.int64()),
            "label": pa.array(labels, pa.string()),
            "score": pa.array(scores, pa.float64(), mask=np.isnan(scores)),
        }
        return pa.table(columns).replace_schema_metadata(meta)

    def numbers(self, table: pa.Table) -> dict[str, Any]:
        """The first has an interval, by the variance of DeLong et al."""
        is_current, meta = _is_current(table), table.schema.metadata
        labels = _encode_labels(table.column("label").to_pylist())
        scores = np.asarray(table.column("score").fill_null(np.nan).to_numpy(), np.float64)
        return {
            "value": auc_by_row(scores, is_current),
            "length_drift": total_variation(_bin_lengths(table.column("words").to_numpy()), is_current),
            "length_p_value": json.loads(meta[b"length_p_value"]),
            "label_drift": total_variation(labels, is_current),
            "label_p_value": json.loads(meta[b"label_p_value"]),
        }

    def evidence(self, table: pa.Table) -> Evidence:
        """The words whose frequency differs most, what else does, and what was left out."""
        return Evidence(
            remarks=list(_iter_remarks(table)), details={"terms": json.loads(table.schema.metadata[b"terms"])}
        )


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

    positive, negative = (scores[mask & ~np.isnan(scores)] for mask in (is_positive, ~is_positive))
    ranks = rankdata(np.concatenate([positive, negative]))
    above = (ranks[: len(positive)] - rankdata(positive)) / len(negative)
    below = 1 - (ranks[len(positive) :] - rankdata(negative)) / len(positive)
    area, rows = above.mean(), len(positive) + len(negative)
    return np.concatenate([area + rows / len(shares) * (shares - area) for shares in (above, below)])


def find_significant_terms(
    current: Sequence[Sequence[str]], reference: Sequence[Sequence[str]]
) -> list[dict[str, Any]]:
    """The words whose share of rows differs significantly after Bonferroni's correction, the largest z first.

    The test is the two-sided z-test of two proportions, pooled, at ALPHA; words in less than MIN_TERM_ROWS rows are not
    tested.
    """
    from scipy.stats import norm

    counts = [Counter(word for row in rows for word in set(row)) for rows in (current, reference)]
    tested = sorted(word for word in counts[0] | counts[1] if counts[0][word] + counts[1][word] >= MIN_TERM_ROWS)
    if not tested:
        return []
    sizes = np.array([len(current), len(reference)], dtype=np.float64)
    table = np.array([[count[word] for count in counts] for word in tested], dtype=np.float64)
    shares, pooled = table / sizes, table.sum(axis=1) / sizes.sum()
    error = np.sqrt(pooled * (1 - pooled) * (1 / sizes).sum())
    z = np.divide(shares[:, 0] - shares[:, 1], error, out=np.zeros(len(tested)), where=error > 0)
    critical = norm.isf(ALPHA / 2 / len(tested))
    order = [index for index in np.argsort(-np.abs(z), kind="stable") if abs(z[index]) > critical]
    return [
        {"term": tested[index], CURRENT: shares[index, 0], REFERENCE: shares[index, 1], "z": float(z[index])}
        for index in order[:MAX_TERMS]
    ]


def total_variation(codes: Ints, is_current: Bools) -> float:
    """The total variation distance between the codes of two samples, -1 ignored; NaN where one of them has none."""
    is_counted = codes >= 0
    if not is_counted.any():
        return float("nan")
    counts = [np.bincount(codes[is_counted & mask], minlength=codes.max() + 1) for mask in (is_current, ~is_current)]
    if not all(count.sum() for count in counts):
        return float("nan")
    shares = [count / count.sum() for count in counts]
    return float(np.abs(shares[0] - shares[1]).sum() / 2)


def _permutation_p_value(codes: Ints, is_current: Bools, permutations: int, rng: np.random.Generator) -> float:
    """The probability of a total variation distance as large, where rows are divided between the samples at random."""
    observed = total_variation(codes, is_current)
    if np.isnan(observed):
        return observed
    counts = np.bincount(codes[codes >= 0])
    size = int((codes[is_current] >= 0).sum())
    drawn = rng.multivariate_hypergeometric(counts, size, size=permutations, method="marginals")
    distances = np.abs(drawn / size - (counts - drawn) / (counts.sum() - size)).sum(axis=1) / 2
    return float((1 + (distances >= observed - 1e-12).sum()) / (permutations + 1))


def _bin_lengths(lengths: Any) -> Ints:
    """Which tenth of all rows a row is in by its number of words; equal numbers are in one."""
    edges = np.quantile(lengths, np.arange(1, LENGTH_BINS) / LENGTH_BINS, method="inverted_cdf")
    bins: Ints = np.searchsorted(np.unique(edges), lengths, side="left").astype(np.int64)
    return bins


def _encode_labels(labels: Sequence[str | None]) -> Ints:
    """A number for each label, -1 for none."""
    codes = {label: code for code, label in enumerate(sorted({label for label in labels if label is not None}))}
    return np.array([-1 if label is None else codes[label] for label in labels], dtype=np.int64)


@dataclass(frozen=True)
class _Sample:
    """The rows that were sampled from one data set, and how many were not."""

    ids: Sequence[str]
    words: Sequence[Sequence[str]]
    labels: Sequence[str | None]
    n_not_sampled: int


def _draw_sample(view: ViewContext, options: DriftOptions, rng: np.random.Generator) -> _Sample:
    """A random sample of a view's rows, in their order, or all where there are fewer; a NotRunError below MIN_ROWS."""
    n_rows = len(view.rows)
    if n_rows < MIN_ROWS:
        are = "is" if n_rows == 1 else "are"
        raise NotRunError(f"{counted(n_rows, 'row')} of a data set {are} too few to compare, which takes {MIN_ROWS}")
    sampled = np.sort(rng.permutation(n_rows)[: options.rows]).tolist()
    rows = TextRows.read(view, options.fields)
    return _Sample(
        [rows.ids[row] for row in sampled],
        [split_words(" ".join(rows.texts[row])) for row in sampled],
        [rows.targets[row] for row in sampled],
        n_rows - len(sampled),
    )


def _is_current(table: pa.Table) -> Bools:
    return np.array([name == CURRENT for name in table.column("dataset").to_pylist()], dtype=bool)


def _iter_remarks(table: pa.Table) -> Iterator[str]:
    meta = table.schema.metadata
    terms = json.loads(meta[b"terms"])
    for term in terms[:MAX_LISTED]:
        yield f"`{term['term']}` is in {term[CURRENT]:.1%} of the current rows and in {term[REFERENCE]:.1%} of the reference"
    if not terms:
        yield "no word is significantly more or less frequent"
    labels, is_current = table.column("label").to_pylist(), _is_current(table)
    words = np.asarray(table.column("words").to_numpy())
    yield f"median words a row: {np.median(words[is_current]):.0f}, {np.median(words[~is_current]):.0f} in the reference"
    yield from _iter_label_remarks(labels, is_current)
    if missing := labels.count(None):
        yield f"{counted(missing, 'row has no label, and is', 'rows have no label, and are')} ignored in `label_drift`"
    for count, name in zip(json.loads(meta[b"not_sampled"]), (CURRENT, REFERENCE), strict=True):
        if count:
            yield f"{counted(count, f'{name} row')} {'was' if count == 1 else 'were'} not sampled"


def _iter_label_remarks(labels: Sequence[str | None], is_current: Bools) -> Iterator[str]:
    """The share of each label among the rows with one, where both samples have any."""
    samples = [
        [label for label, is_in in zip(labels, mask, strict=True) if is_in and label]
        for mask in (is_current, ~is_current)
    ]
    if not all(samples):
        return
    for label in sorted({*samples[0], *samples[1]})[:MAX_LISTED]:
        shares = [sample.count(label) / len(sample) for sample in samples]
        yield f"label `{label}`: {shares[0]:.1%} of the labelled rows, {shares[1]:.1%} in the reference"
