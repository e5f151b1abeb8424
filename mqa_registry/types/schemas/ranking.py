"""Predictions that rank things, such as the candidates of a query or of a user, and their targets: what is relevant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_registry.errors import DataError
from mqa_registry.types.blocks import BLOCK_ROWS, one_array
from mqa_registry.types.columns import cast_column
from mqa_registry.types.schemas.relevances import RELEVANCES, read_relevances
from mqa_registry.types.schemas.schema import MisfitError, Schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mqa_registry.types.schemas.schema import Columns
    from mqa_registry.types.targets import TargetColumn

SCORES = "scores"
HINT = "a ranking has names, each once, the best first; their scores stand in the same order"


class RankingSchema(Schema):
    """Things by their names, the best first, each once.

    `scores` are theirs, in the same order: numbers that fall, or stay equal. Targets are what is relevant, by the names of
    those things, each with its relevance.
    """

    name = "ranking"
    column = "ranking"
    type = pa.list_(pa.string())
    extra: ClassVar[Mapping[str, pa.DataType]] = {SCORES: pa.list_(pa.float64())}
    may_quote_rows = True
    sample_predictions = (["one", "two", "three"], ["two", "one"])
    sample_targets = (
        [{"id": "two", "relevance": 1.0}, {"id": "four", "relevance": 1.0}],
        [{"id": "two", "relevance": 2.0}],
    )

    def read(
        self, table: pa.Table, ids: pa.ChunkedArray, classes: Sequence[str] | None
    ) -> tuple[Columns, tuple[str, ...]]:
        """The columns as they are; a DataError names the first row of which a name or a score does not fit."""
        there = [name for name in self.columns if name in {self.column, *table.column_names}]
        columns = {name: cast_column(table, name, self.columns[name]) for name in there}
        for row, reason in _find_misfits(columns):
            raise DataError(f"row `{ids[row]}` has {reason}", hint=HINT)
        return columns, ()

    def check_decoded(self, columns: Columns, classes: Sequence[str]) -> None:
        """Names are there, each once, and scores do not rise."""
        for _, reason in _find_misfits(columns):
            raise MisfitError(f"gave {reason}", HINT)

    def agree(self, one: Any, other: Any) -> bool:
        """Whether two rankings have the same order; or whether the first of one is relevant, where the other is a target."""
        if isinstance(other, list) and other and isinstance(other[0], dict):
            return bool(one) and one[0] in {each["id"] for each in other if each["relevance"] > 0}
        return bool(one == other)

    def sample(self, classes: Sequence[str], *, as_targets: bool = False) -> tuple[Columns, tuple[str, ...]]:
        """Two rankings, of which one has the relevant thing first, and the other lacks one of two."""
        if as_targets:
            return {self.column: pa.array(self.sample_targets, RELEVANCES)}, ()
        scores = pa.array([[2.0, 1.0, 0.5], [1.0, 0.5]], self.extra[SCORES])
        return {self.column: pa.array(self.sample_predictions, self.type), SCORES: scores}, ()

    def read_targets(self, targets: TargetColumn, classes: Sequence[str]) -> pa.ChunkedArray:
        """What is relevant to each row: the names of things, each with its relevance."""
        return read_relevances(targets)


def _find_misfits(columns: Columns) -> Iterator[tuple[int, str]]:
    """In each block of rows, the first that is no ranking, and what it has."""
    rankings, scores = columns["ranking"], columns.get(SCORES)
    for start in range(0, len(rankings), BLOCK_ROWS):
        names = one_array(rankings.slice(start, BLOCK_ROWS))
        found = [*_find_wrong_names(names)]
        if scores is not None:
            found += _find_wrong_scores(names, one_array(scores.slice(start, BLOCK_ROWS)))
        if found:
            row, reason = min(found)
            yield start + row, reason


def _find_wrong_names(rankings: pa.ListArray) -> Iterator[tuple[int, str]]:
    """The first row with a null for a name, or else the first with a name twice."""
    rows, names = pc.list_parent_indices(rankings).to_numpy(), pc.list_flatten(rankings)
    if names.null_count:
        yield int(rows[pc.index(pc.is_null(names), value=True).as_py()]), "a ranking without a name in it"
        return
    codes = names.dictionary_encode()
    pairs = rows.astype(np.int64) * max(1, len(codes.dictionary)) + codes.indices.to_numpy()
    _, first = np.unique(pairs, return_index=True)
    if len(first) < len(pairs):
        position = int(np.delete(np.arange(len(pairs)), first)[0])
        yield int(rows[position]), f"`{names[position]}` twice in its ranking"


def _find_wrong_scores(rankings: pa.ListArray, scores: pa.ListArray) -> Iterator[tuple[int, str]]:
    """The first row with more or fewer scores than names, or else those with a score that is no number, or scores that rise."""
    sizes, others = (
        pc.fill_null(pc.list_value_length(one), 0).to_numpy(zero_copy_only=False) for one in (rankings, scores)
    )
    if len(other := np.flatnonzero(sizes != others)):
        row = int(other[0])
        yield row, f"{sizes[row]:,} names and {others[row]:,} scores"
        return
    rows = pc.list_parent_indices(scores).to_numpy()
    values = np.asarray(pc.fill_null(pc.list_flatten(scores), np.nan).to_numpy(zero_copy_only=False), np.float64)
    if len(unknown := np.flatnonzero(~np.isfinite(values))):
        yield int(rows[unknown[0]]), "a score that is no finite number"
    if len(rising := np.flatnonzero((rows[1:] == rows[:-1]) & (values[1:] > values[:-1]))):
        yield int(rows[rising[0]]), "scores that rise"
