"""Sources of rows that plugins give, a whole table or one that is read piece by piece, and the columns that they read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from mqa_registry.boundary.calls import ContributionCall, reject_output, summarize_value
from mqa_registry.boundary.rows import check_table
from mqa_registry.types import TableSource
from mqa_registry.types.tables.source import ReadAgainError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from mqa_registry.boundary.calls import Contributor


def check_columns(contributor: Contributor, output: Any) -> frozenset[str] | None:
    """The names of columns that a contribution reads; None stands for any."""
    if output is None:
        return None
    if isinstance(output, str) or not isinstance(output, Iterable):
        reject_output(contributor, f"gave {summarize_value(output)} for the columns that it reads", "give their names")
    with ContributionCall(contributor):
        names = frozenset(output)
    if not all(isinstance(name, str) for name in names):
        reject_output(contributor, f"gave {summarize_value(output)} for the columns that it reads", "give their names")
    return names


def check_source(contributor: Contributor, output: Any) -> pa.Table | TableSource:
    """A valid table, or a source of one, none of which is read yet."""
    if not isinstance(output, TableSource):
        return check_table(contributor, output)
    rows = output.num_rows
    if not (callable(output.read) and (rows is None or (isinstance(rows, int) and rows >= 0))):
        reject_output(contributor, f"gave a `TableSource` that cannot be read: {summarize_value(output)}")
    return output


def read_pieces(
    contributor: Contributor, source: TableSource, columns: Collection[str] | None, stop: int | None
) -> Iterator[pa.Table]:
    """The pieces of a source, as tables with the columns of the first; each may take the time that a call may."""
    with ContributionCall(contributor):
        pieces = iter(source.read(columns, stop))
    schema: pa.Schema | None = None
    try:
        while (output := _next(contributor, pieces)) is not None:
            piece = check_table(
                contributor, pa.Table.from_batches([output]) if isinstance(output, pa.RecordBatch) else output
            )
            schema = schema or piece.schema.remove_metadata()
            if not piece.schema.equals(schema):
                reject_output(contributor, f"gave rows with the columns {piece.schema!s:.150} after {schema!s:.150}")
            yield piece
    finally:
        close = getattr(pieces, "close", None)  # of a generator that was not read to its end
        if close is not None:
            with ContributionCall(contributor):
                close()
    if schema is None:
        reject_output(contributor, "gave a source without a piece", "one without rows has the columns at least")


def _next(contributor: Contributor, pieces: Iterator[Any]) -> Any:
    """The next piece; None behind the last."""
    with ContributionCall(contributor):
        try:
            return next(pieces, None)
        except ReadAgainError as error:
            again = error
    raise again  # it is no error of the contribution
