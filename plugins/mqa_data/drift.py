"""The probe `data/drift`: how far two data sets can be told apart, by words, length and label."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import numpy as np
import pyarrow as pa
from annotated_types import Ge, MinLen

from mqa_data.said import targets_of, texts_of, words_in
from mqa_data.telling import moved, told_apart
from mqa_registry import NotRunError, counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from mqa_registry import LiveView, Scene

    Ints: TypeAlias = npt.NDArray[np.int64]

GIVES = ("value", "length", "length_p", "label", "label_p")
FEWEST = 20  # rows of either data set, below which nothing is to be told
BINS = 10
HERE, THERE = "here", "there"


@dataclass(frozen=True)
class _Side:
    """The rows that were drawn of one data set, and how many were not."""

    ids: Sequence[str]
    words: Sequence[Sequence[str]]
    labels: Sequence[str | None]
    left_out: int


def drift(
    scene: Scene,
    *,
    rows: Annotated[int, Ge(FEWEST)] = 20_000,
    permutations: Annotated[int, Ge(99)] = 999,
    fields: Annotated[list[str], MinLen(1)] | None = None,
) -> pa.Table:
    """How well a classifier tells rows from those of another data set, by their words.

    The other data set is that of `against`, as in `against = { data = "train" }`. `rows` are drawn of either by the
    suite's seed, where there are more. `permutations` is the number of random divisions that p-values come from.
    `fields` are the columns with the texts, left out those that the model reads.

    `value` is the area under the ROC curve of a logistic regression on which words a row has, fitted to one half of the
    rows and judged on the other: 0.5 where nothing tells them apart, 1 where every row does (Lopez-Paz and Oquab 2017,
    https://arxiv.org/abs/1610.06545). `length` is the total variation distance between the numbers of words, in tenths
    of both together, and `label` that between the labels: the share of rows, from 0 to 1, that would have to be others.
    `length_p` and `label_p` are the probabilities of distances as large where both are drawn from one source; undefined
    where there is nothing to compare. Equal rows count as often as they are there: leave copies out first.
    """
    assert scene.reference is not None
    here, there = (_drawn(view, rows, fields, scene.rng) for view in (scene.view, scene.reference))
    labels, words = [*here.labels, *there.labels], [*here.words, *there.words]
    lengths = np.array([len(row) for row in words], dtype=np.int64)
    sides = np.repeat([1, 0], [len(here.ids), len(there.ids)])
    scores = told_apart(words, sides, scene.rng)
    meta = {
        "terms": json.dumps(moved(here.words, there.words)),
        "length_p": json.dumps(_p(_binned(lengths), sides, permutations, scene.rng)),
        "label_p": json.dumps(_p(_coded(labels), sides, permutations, scene.rng)),
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


def numbers(observations: pa.Table) -> dict[str, Any]:
    """The numbers of `data/drift`; the first has an interval, DeLong's."""
    here = _here(observations)
    meta = observations.schema.metadata
    labels = _coded(observations.column("label").to_pylist())
    return {
        "value": _auc(np.asarray(observations.column("score").fill_null(np.nan).to_numpy(), np.float64), here),
        "length": _distance(_binned(observations.column("words").to_numpy()), here),
        "length_p": json.loads(meta[b"length_p"]),
        "label": _distance(labels, here),
        "label_p": json.loads(meta[b"label_p"]),
    }


def evidence(observations: pa.Table) -> dict[str, Any]:
    """The words that moved most, what else did, and what was left out."""
    return {"remarks": list(_remarks(observations)), "terms": json.loads(observations.schema.metadata[b"terms"])}


def _auc(scores: npt.NDArray[np.float64], here: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """A number a row whose mean is the area under the curve, with the variance of DeLong et al. 1988 (Biometrics 44)."""
    from scipy.stats import rankdata

    one, two = (scores[side & ~np.isnan(scores)] for side in (here, ~here))
    ranks = rankdata(np.concatenate([one, two]))
    over = (ranks[: len(one)] - rankdata(one)) / len(two)
    under = 1 - (ranks[len(one) :] - rankdata(two)) / len(one)
    area, both = over.mean(), len(one) + len(two)
    return np.concatenate([area + both / len(side) * (side - area) for side in (over, under)])


def _distance(cells: Ints, here: npt.NDArray[np.bool_]) -> float:
    """The total variation distance between two samples; NaN where one of them has nothing."""
    if (known := cells >= 0).sum() == 0:
        return float("nan")
    counts = [np.bincount(cells[known & side], minlength=cells.max() + 1) for side in (here, ~here)]
    if not all(count.sum() for count in counts):
        return float("nan")
    shares = [count / count.sum() for count in counts]
    return float(np.abs(shares[0] - shares[1]).sum() / 2)


def _p(cells: Ints, sides: Ints, permutations: int, rng: np.random.Generator) -> float:
    """How likely a distance as large is, where rows fall on the sides by chance."""
    here = sides == 1
    seen = _distance(cells, here)
    if np.isnan(seen):
        return seen
    counts = np.bincount(cells[cells >= 0])
    size = int((cells[here] >= 0).sum())
    drawn = rng.multivariate_hypergeometric(counts, size, size=permutations, method="marginals")
    distances = np.abs(drawn / size - (counts - drawn) / (counts.sum() - size)).sum(axis=1) / 2
    return float((1 + (distances >= seen - 1e-12).sum()) / (permutations + 1))


def _binned(lengths: Any) -> Ints:
    """Which tenth of all rows a row is in by its number of words; equal numbers are in one."""
    edges = np.quantile(lengths, np.arange(1, BINS) / BINS, method="inverted_cdf")
    found: Ints = np.searchsorted(np.unique(edges), lengths, side="left").astype(np.int64)
    return found


def _coded(labels: Sequence[str | None]) -> Ints:
    places = {label: place for place, label in enumerate(sorted({label for label in labels if label is not None}))}
    return np.array([-1 if label is None else places[label] for label in labels], dtype=np.int64)


def _drawn(view: LiveView, rows: int, fields: Sequence[str] | None, rng: np.random.Generator) -> _Side:
    """So many rows of a view, in their order, or all where there are fewer; a NotRunError where they are too few."""
    if len(view.rows) < FEWEST:
        raise NotRunError(
            f"{counted(len(view.rows), 'row')} of a data set {'is' if len(view.rows) == 1 else 'are'} too few to compare, which takes {FEWEST}"
        )
    places = np.sort(rng.permutation(len(view.rows))[:rows])
    words = [words_in(" ".join(text)) for text in _taken(texts_of(view, fields), places)]
    ids = [str(one) for one in _taken(view.rows.ids.to_pylist(), places)]
    return _Side(ids, words, _taken(targets_of(view), places), len(view.rows) - len(places))


def _taken(values: Sequence[Any], places: Ints) -> list[Any]:
    return [values[place] for place in places.tolist()]


def _here(observations: pa.Table) -> npt.NDArray[np.bool_]:
    return np.array([side == HERE for side in observations.column("side").to_pylist()], dtype=bool)


def _remarks(observations: pa.Table) -> Iterator[str]:
    meta = observations.schema.metadata
    terms = json.loads(meta[b"terms"])
    for term in terms[:5]:
        yield f"`{term['term']}` is in {term['here']:.1%} of the rows here and in {term['there']:.1%} there"
    if not terms:
        yield "no single word is shown to be more or less frequent"
    labels, here = observations.column("label").to_pylist(), _here(observations)
    words = np.asarray(observations.column("words").to_numpy())
    yield f"words a row, in the middle: {np.median(words[here]):.0f} here, {np.median(words[~here]):.0f} there"
    yield from _labels_told(labels, here)
    if missing := labels.count(None):
        yield f"{counted(missing, 'row has', 'rows have')} no label, and no say in `label`"
    for count, name in zip(json.loads(meta[b"left_out"]), (HERE, THERE), strict=True):
        if count:
            yield f"{counted(count, 'row')} {name} {'was' if count == 1 else 'were'} not drawn"


def _labels_told(labels: Sequence[str | None], here: npt.NDArray[np.bool_]) -> Iterator[str]:
    """The share of each label among the rows with one, where both sides have any."""
    sides = [[label for label, mine in zip(labels, side, strict=True) if mine and label] for side in (here, ~here)]
    if not all(sides):
        return
    for label in sorted({*sides[0], *sides[1]})[:5]:
        shares = [side.count(label) / len(side) for side in sides]
        yield f"label `{label}`: {shares[0]:.1%} of the labelled rows here, {shares[1]:.1%} there"
