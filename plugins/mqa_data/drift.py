"""The probe `data/drift`: how far two data sets differ in words, length and label."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import numpy as np
import pyarrow as pa
from annotated_types import Ge

from mqa_data.domain_classifier import auc_by_row, score_domain, significant_terms
from mqa_data.text_columns import TextOptions, read_targets, read_texts, split_words
from mqa_registry import Evidence, NotRunError, Probe, counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from mqa_registry import ProbeContext, ViewContext

    Bools: TypeAlias = npt.NDArray[np.bool_]
    Ints: TypeAlias = npt.NDArray[np.int64]

MIN_ROWS = 20  # of either data set
LENGTH_BINS = 10
MAX_LISTED = 5  # terms and labels in remarks
HERE, THERE = "here", "there"


@dataclass(frozen=True)
class _Sample:
    """The rows that were drawn of one data set, and how many were not."""

    ids: Sequence[str]
    words: Sequence[Sequence[str]]
    labels: Sequence[str | None]
    left_out: int


@dataclass(frozen=True, kw_only=True)
class DriftOptions(TextOptions):
    """How many rows are compared.

    `rows` are drawn of either data set by the suite's seed, where there are more. `permutations` is the number of random
    divisions that p-values come from.
    """

    rows: Annotated[int, Ge(MIN_ROWS)] = 20_000
    permutations: Annotated[int, Ge(99)] = 999


class Drift(Probe[DriftOptions]):
    """How well a classifier tells rows from those of another data set, by their words.

    The other data set is that of `against`, as in `against = { data = "train" }`.

    `value` is the area under the ROC curve of a logistic regression on which words a row has, fitted to one half of the
    rows and judged on the other: 0.5 where nothing tells them apart, 1 where every row does (Lopez-Paz and Oquab 2017,
    https://arxiv.org/abs/1610.06545). `length` is the total variation distance between the numbers of words, in tenths
    of both together, and `label` that between the labels: the share of rows, from 0 to 1, that would have to be others.
    `length_p` and `label_p` are the probabilities of distances as large where both are drawn from one source; undefined
    where there is nothing to compare. Equal rows count as often as they are there: leave copies out first.
    """

    name = "drift"
    inputs = "rows"
    outputs = ("value", "length", "length_p", "label", "label_p")
    ranges = dict.fromkeys(outputs, (0.0, 1.0))
    compares = True
    requires = ("scikit-learn",)

    def observe(self, context: ProbeContext, options: DriftOptions) -> pa.Table:
        """The rows drawn of both data sets, with the classifier's score, null for rows that it was fitted to.

        What is no number a row stands in the table's metadata: terms, p-values, and how many rows were not drawn.
        """
        assert context.reference is not None  # the probe compares
        rng = context.rng
        here, there = (_draw_sample(view, options, rng) for view in (context.view, context.reference))
        labels, words = [*here.labels, *there.labels], [*here.words, *there.words]
        lengths = np.array([len(row) for row in words], dtype=np.int64)
        domains = np.repeat([1, 0], [len(here.ids), len(there.ids)])
        scores = score_domain(words, domains, rng)
        is_here = domains == 1
        length_p, label_p = (
            _permutation_p_value(codes, is_here, options.permutations, rng)
            for codes in (_bin_lengths(lengths), _encode_labels(labels))
        )
        meta = {
            "terms": json.dumps(significant_terms(here.words, there.words)),
            "length_p": json.dumps(length_p),
            "label_p": json.dumps(label_p),
            "left_out": json.dumps([here.left_out, there.left_out]),
        }
        columns = {
            "id": pa.array([*here.ids, *there.ids], pa.string()),
            "side": pa.array([HERE] * len(here.ids) + [THERE] * len(there.ids), pa.string()),
            "words": pa.array(lengths, pa.int64()),
            "label": pa.array(labels, pa.string()),
            "score": pa.array(scores, pa.float64(), mask=np.isnan(scores)),
        }
        return pa.table(columns).replace_schema_metadata(meta)

    def numbers(self, table: pa.Table) -> dict[str, Any]:
        """The first has an interval, by the variance of DeLong et al."""
        is_here, meta = _is_here(table), table.schema.metadata
        labels = _encode_labels(table.column("label").to_pylist())
        scores = np.asarray(table.column("score").fill_null(np.nan).to_numpy(), np.float64)
        return {
            "value": auc_by_row(scores, is_here),
            "length": total_variation(_bin_lengths(table.column("words").to_numpy()), is_here),
            "length_p": json.loads(meta[b"length_p"]),
            "label": total_variation(labels, is_here),
            "label_p": json.loads(meta[b"label_p"]),
        }

    def evidence(self, table: pa.Table) -> Evidence:
        """The words whose frequency differs most, what else does, and what was left out."""
        return Evidence(
            remarks=list(_iter_remarks(table)), details={"terms": json.loads(table.schema.metadata[b"terms"])}
        )


def total_variation(codes: Ints, is_here: Bools) -> float:
    """The total variation distance between the codes of two samples, -1 ignored; NaN where one of them has none."""
    is_known = codes >= 0
    if not is_known.any():
        return float("nan")
    counts = [np.bincount(codes[is_known & side], minlength=codes.max() + 1) for side in (is_here, ~is_here)]
    if not all(count.sum() for count in counts):
        return float("nan")
    shares = [count / count.sum() for count in counts]
    return float(np.abs(shares[0] - shares[1]).sum() / 2)


def _permutation_p_value(codes: Ints, is_here: Bools, permutations: int, rng: np.random.Generator) -> float:
    """The probability of a total variation distance as large, where rows are divided between the samples at random."""
    observed = total_variation(codes, is_here)
    if np.isnan(observed):
        return observed
    counts = np.bincount(codes[codes >= 0])
    size = int((codes[is_here] >= 0).sum())
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


def _draw_sample(view: ViewContext, options: DriftOptions, rng: np.random.Generator) -> _Sample:
    """A random sample of a view's rows, in their order, or all where there are fewer; a NotRunError below MIN_ROWS."""
    if len(view.rows) < MIN_ROWS:
        are = "is" if len(view.rows) == 1 else "are"
        raise NotRunError(
            f"{counted(len(view.rows), 'row')} of a data set {are} too few to compare, which takes {MIN_ROWS}"
        )
    rows = np.sort(rng.permutation(len(view.rows))[: options.rows]).tolist()
    ids, texts, targets = view.rows.ids.to_pylist(), read_texts(view, options.fields), read_targets(view)
    return _Sample(
        [str(ids[row]) for row in rows],
        [split_words(" ".join(texts[row])) for row in rows],
        [targets[row] for row in rows],
        len(view.rows) - len(rows),
    )


def _is_here(table: pa.Table) -> Bools:
    return np.array([side == HERE for side in table.column("side").to_pylist()], dtype=bool)


def _iter_remarks(table: pa.Table) -> Iterator[str]:
    meta = table.schema.metadata
    terms = json.loads(meta[b"terms"])
    for term in terms[:MAX_LISTED]:
        yield f"`{term['term']}` is in {term['here']:.1%} of the rows here and in {term['there']:.1%} there"
    if not terms:
        yield "no single word is shown to be more or less frequent"
    labels, is_here = table.column("label").to_pylist(), _is_here(table)
    words = np.asarray(table.column("words").to_numpy())
    yield f"words a row, in the middle: {np.median(words[is_here]):.0f} here, {np.median(words[~is_here]):.0f} there"
    yield from _iter_label_remarks(labels, is_here)
    if missing := labels.count(None):
        yield f"{counted(missing, 'row has no label, and is', 'rows have no label, and are')} ignored in `label`"
    for count, name in zip(json.loads(meta[b"left_out"]), (HERE, THERE), strict=True):
        if count:
            yield f"{counted(count, 'row')} {name} {'was' if count == 1 else 'were'} not drawn"


def _iter_label_remarks(labels: Sequence[str | None], is_here: Bools) -> Iterator[str]:
    """The share of each label among the rows with one, where both samples have any."""
    samples = [
        [label for label, is_in in zip(labels, side, strict=True) if is_in and label] for side in (is_here, ~is_here)
    ]
    if not all(samples):
        return
    for label in sorted({*samples[0], *samples[1]})[:MAX_LISTED]:
        shares = [sample.count(label) / len(sample) for sample in samples]
        yield f"label `{label}`: {shares[0]:.1%} of the labelled rows here, {shares[1]:.1%} there"
