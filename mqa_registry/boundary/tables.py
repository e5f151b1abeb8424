"""Tables that plugins make: rows of a data set, what a probe saw, and predictions of one schema."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from mqa_registry.boundary.calls import refuse
from mqa_registry.boundary.measures import spelled
from mqa_registry.types import Predictions, get_schema
from mqa_registry.types.columns import finite_or_null
from mqa_registry.types.schemas import MisfitError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mqa_registry.boundary.calls import Contributor


def checked_table(who: Contributor, given: Any) -> pa.Table:
    """A sound table whose columns have names of their own."""
    if not isinstance(given, pa.Table):
        refuse(who, f"gave {spelled(given)}, and a `pyarrow.Table` is due")
    if twice := [name for name, count in Counter(given.column_names).items() if count > 1]:
        refuse(who, f"gave a table with {Counter(given.column_names)[twice[0]]} columns `{twice[0]}`")
    try:
        given.validate(full=True)
        given.schema.metadata, [name.encode() for name in given.column_names]
    except (pa.ArrowException, UnicodeError) as error:
        refuse(who, f"gave a table that is damaged: {error!s:.100}")
    return given


def checked_answers(who: Contributor, given: Any, schema: str, classes: Sequence[str], rows: int) -> pa.Table:
    """What a task decoded, one answer a row, in the types of its schema; null where a number is NaN or Inf.

    Further columns are left out. A label must be one of the classes, and has a probability for each of them where the
    table has any.
    """
    table = checked_table(who, given)
    if len(table) != rows:
        refuse(who, f"decoded {len(table):,} answers for {rows:,} rows")
    form = get_schema(schema)
    if form.column not in table.column_names:
        refuse(who, f"decoded a table without the column `{form.column}` of schema `{schema}`")
    columns = {
        name: _cast(who, name, table.column(name), kind)
        for name, kind in form.columns.items()
        if name in table.column_names
    }
    columns[form.column] = finite_or_null(columns[form.column])
    try:
        form.check_decoded(columns, classes)
    except MisfitError as misfit:
        refuse(who, misfit.message, misfit.hint)
    return pa.table(columns)


def checked_predictions(who: Contributor, given: Any, schema: str) -> Predictions:
    """Predictions that were made elsewhere, each under an id of its own, checked as those of a task are."""
    if not isinstance(given, Predictions):
        refuse(who, f"gave {spelled(given)}, and `Predictions` are due", "`as_predictions` makes them of a table")
    if schema and given.schema != schema:
        refuse(who, f"gave predictions of schema `{given.schema}`, and `{schema}` was asked for")
    table = checked_table(who, given.table)
    if "id" not in table.column_names:
        refuse(who, "gave predictions without a column `id`")
    ids = _cast(who, "id", table.column("id"), pa.string())
    if ids.null_count or pc.count_distinct(ids).as_py() < len(ids):
        refuse(who, "gave predictions whose ids are not one for each row")
    answers = checked_answers(who, table, given.schema, given.classes, len(table))
    return Predictions(given.schema, answers.add_column(0, "id", ids), tuple(given.classes), given.read)


def _cast(who: Contributor, name: str, column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    if column.type == kind:
        return column
    with suppress(pa.ArrowException):
        if not (pa.types.is_string(kind) and pa.types.is_floating(column.type)):
            return column.cast(kind)
    return refuse(who, f"gave the column `{name}` of {column.type}, and {kind} is needed")
