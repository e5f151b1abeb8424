"""The probe `metrics/retrieval`: whether queries find what is relevant to them in a corpus, by the vectors of both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from annotated_types import Ge

from mqa_metrics import ranks
from mqa_metrics.exact_search import BLOCK_ROWS, Hits, Similarity, search
from mqa_registry import DataError, Evidence, ExampleRow, Probe, Scores, read_targets

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from mqa_registry import ProbeContext, ViewContext

    Ints = npt.NDArray[np.int64]

SHARE = (0.0, 1.0)
MEANS = {
    "value": "ndcg",
    "recall": "recall",
    "precision": "precision",
    "mrr": "reciprocal_rank",
    "map": "average_precision",
}
COLUMNS = pa.schema(
    [
        ("id", pa.string()),
        *((name, pa.float64()) for name in (*MEANS.values(), "hit")),
        ("rank", pa.float64()),  # of the first relevant row
        ("first", pa.list_(pa.string())),
        ("corpus", pa.int64()),
    ]
)
MAX_EXAMPLES = 20


@dataclass(frozen=True, kw_only=True)
class RetrievalOptions:
    """`k` is how many of the first results count; they are ordered by the `similarity` of the vectors."""

    k: Annotated[int, Ge(1)] = 10
    similarity: Similarity = "cosine"


class Retrieval(Probe[RetrievalOptions]):
    """Whether queries find what is relevant to them in a corpus.

    The rows of the check are queries, whose targets are the ids of the relevant rows; the corpus is the data set that `against`
    names: `against = { data = "passages" }`. Vectors are compared one by one, so that no index plays a part.

    `value` is nDCG of the first `k` results, `recall` the share of the relevant rows among them, `precision` the share of them that is
    relevant, `hit_rate` the share of queries with any relevant row among them. `mrr` is the mean of one by the rank of the first
    relevant row, `map` the mean average precision, both over the whole corpus. These are means over queries, as trec_eval has them,
    and so are their intervals; a query to which nothing is relevant is ignored. `coverage` is the share of the corpus that is
    among the first `k` results of any query.

    Rows that are as similar as a relevant one stand before it.
    """

    name = "retrieval"
    inputs = "predictions"
    outputs = (*MEANS, "hit_rate", "coverage")
    ranges: Mapping[str, tuple[float, float]] = dict.fromkeys(outputs, SHARE)
    compares = True
    schemas = ("vector",)

    def check(self, context: ProbeContext, options: RetrievalOptions) -> None:
        """The targets name rows, and the corpus has some of them."""
        assert context.reference is not None
        _find_relevant(context.view, context.reference)

    def observe(self, context: ProbeContext, options: RetrievalOptions) -> pa.Table:
        assert context.reference is not None
        queries, corpus = context.view.predictions, context.reference.predictions
        relevant = _find_relevant(context.view, context.reference)
        is_asked = np.array([one is not None for one in relevant], bool)
        asked = [one for one in relevant if one is not None]
        found = search(
            queries.take(np.flatnonzero(is_asked)),
            corpus,
            [one.positions for one in asked],
            options.k,
            options.similarity,
        )
        ids = context.view.rows.ids.filter(pa.array(is_asked)).to_pylist()
        rows = [
            _score(name, one, hits, corpus.ids, options.k) for name, one, hits in zip(ids, asked, found, strict=True)
        ]
        return pa.Table.from_pylist(rows, schema=COLUMNS)

    def numbers(self, table: pa.Table) -> Mapping[str, Any]:
        means = {name: Scores(_floats(table, column), *SHARE) for name, column in MEANS.items()}
        n_rows = pc.max(table.column("corpus")).as_py() or 0
        n_found = pc.count_distinct(pc.list_flatten(table.column("first"))).as_py()
        return {**means, "hit_rate": _floats(table, "hit"), "coverage": n_found / n_rows if n_rows else np.nan}

    def evidence(self, table: pa.Table) -> Evidence:
        """The queries whose first relevant row stands farthest down, with what they found in its place."""
        is_scored = table.filter(pc.invert(pc.is_nan(table.column("recall"))))
        missed = is_scored.filter(pc.greater(is_scored.column("rank"), 1)).sort_by([("rank", "descending")])
        examples = [
            ExampleRow(row["id"], details={"first": row["first"][:3]} | _describe_rank(row["rank"]))
            for row in missed.slice(0, MAX_EXAMPLES).to_pylist()
        ]
        total = is_scored.num_rows
        remark = f"{missed.num_rows:,} of {total:,} queries have no relevant row as their first result"
        return Evidence(remarks=[remark] if missed.num_rows else (), examples=examples)


@dataclass(frozen=True)
class _Relevant:
    """What is relevant to a query: positions in the corpus, -1 of what is not there, and how relevant each is."""

    positions: Ints
    gains: npt.NDArray[np.float64]


def _find_relevant(queries: ViewContext, corpus: ViewContext) -> list[_Relevant | None]:
    """What is relevant to each query; None where nobody knows. A DataError where the corpus has none of all these rows."""
    targets = read_targets(queries.rows, "vector", (), data="").main
    if not pa.types.is_struct(targets.type.value_type):
        raise DataError(
            "the targets of the queries are vectors, and the ids of relevant rows are needed",
            hint='`columns = { target = "..." }` maps the column of lists of ids',
        )
    kept = [one and [each for each in one if each["relevance"] > 0] for one in targets.to_pylist()]
    names = [each["id"] for one in kept for each in one or ()]
    places = _find_positions(names, corpus.rows.ids)
    if names and not any(place >= 0 for place in places.values()):
        raise DataError(
            f"the corpus has none of the {len(places):,} rows that are relevant, `{names[0]}` among them",
            hint='`columns = { id = "..." }` of the corpus maps the column that the targets name',
        )
    return [
        None
        if one is None
        else _Relevant(
            np.array([places[each["id"]] for each in one], np.int64),
            np.array([each["relevance"] for each in one], float),
        )
        for one in kept
    ]


def _find_positions(names: Sequence[str], corpus: pa.ChunkedArray) -> dict[str, int]:
    """The position of each of these ids in the corpus, -1 where it is not there; ids are read block by block."""
    positions = dict.fromkeys(names, -1)
    wanted = pa.array(list(positions), pa.string())
    for start in range(0, len(corpus), BLOCK_ROWS):
        ids = corpus.slice(start, BLOCK_ROWS)
        for row in np.flatnonzero(pc.is_in(ids, wanted).to_numpy(zero_copy_only=False)):
            positions[ids[int(row)].as_py()] = start + int(row)
    return positions


def _score(name: str, relevant: _Relevant, hits: Hits, ids: pa.ChunkedArray, k: int) -> dict[str, Any]:
    found = hits.ranks
    return {
        "id": name,
        "ndcg": ranks.ndcg(found, relevant.gains, k),
        "recall": ranks.recall(found, k),
        "precision": ranks.precision(found, k),
        "reciprocal_rank": ranks.reciprocal_rank(found),
        "average_precision": ranks.average_precision(found),
        "hit": ranks.hit(found, k),
        "rank": float(found.min(initial=np.inf)),
        "first": [ids[int(position)].as_py() for position in hits.first],
        "corpus": len(ids),
    }


def _floats(table: pa.Table, name: str) -> npt.NDArray[np.float64]:
    return np.asarray(table.column(name).to_numpy(), np.float64)


def _describe_rank(rank: float) -> dict[str, Any]:
    return {"rank": int(rank)} if np.isfinite(rank) else {}
