"""Rows: tables and predictions that plugins return, and what perturbations and slices make of a row.

What is checked for every row has to be cheap.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_registry.boundary.calls import ContributionCall, reject_output, summarize_value
from mqa_registry.naming import counted
from mqa_registry.types import Predictions, edited, get_schema
from mqa_registry.types.blobs import Blob
from mqa_registry.types.columns import finite_or_null
from mqa_registry.types.ids import find_repeated
from mqa_registry.types.schemas import MisfitError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from mqa_registry.boundary.calls import Contributor
    from mqa_registry.types import Edit

    GroupColumn: TypeAlias = pa.Array | pa.ChunkedArray

RETURN = "return the example: a dict with the same fields, or None to decline the row"
EDITS = "each field has a list of edits, (from, to, replacement), in order and apart"


def check_table(contributor: Contributor, output: Any) -> pa.Table:
    """A valid table without two columns of one name."""
    if not isinstance(output, pa.Table):
        reject_output(contributor, f"gave {summarize_value(output)}, and a `pyarrow.Table` is expected")
    if twice := [name for name, count in Counter(output.column_names).items() if count > 1]:
        reject_output(contributor, f"gave a table with {Counter(output.column_names)[twice[0]]} columns `{twice[0]}`")
    try:
        output.validate(full=True)
        output.schema.metadata, [name.encode() for name in output.column_names]
    except (pa.ArrowException, UnicodeError) as error:
        reject_output(contributor, f"gave a table that is damaged: {error!s:.100}")
    return output


def check_decoded(contributor: Contributor, output: Any, schema: str, classes: Sequence[str], rows: int) -> pa.Table:
    """What a codec decoded: one prediction a row, in the types of its schema; null where a number is NaN or Inf.

    Further columns are left out. A label must be one of the classes, and has a probability for each of them where the
    table has any.
    """
    table = check_table(contributor, output)
    if len(table) != rows:
        reject_output(contributor, f"decoded {counted(len(table), 'prediction')} for {rows:,} rows")
    form = get_schema(schema)
    if form.column not in table.column_names:
        reject_output(contributor, f"decoded a table without the column `{form.column}` of schema `{schema}`")
    columns = {
        name: _cast(contributor, name, table.column(name), kind)
        for name, kind in form.columns.items()
        if name in table.column_names
    }
    columns[form.column] = finite_or_null(columns[form.column])
    try:
        form.check_decoded(columns, classes)
    except MisfitError as misfit:
        reject_output(contributor, misfit.message, misfit.hint)
    return pa.table(columns)


def check_predictions(contributor: Contributor, output: Any, schema: str) -> Predictions:
    """Predictions that were made elsewhere, with unique ids, checked like those of a codec."""
    if not isinstance(output, Predictions):
        reject_output(
            contributor,
            f"gave {summarize_value(output)}, and `Predictions` are expected",
            "`as_predictions` makes them of a table",
        )
    if schema and output.schema != schema:
        reject_output(contributor, f"gave predictions of schema `{output.schema}`, and `{schema}` was asked for")
    table = check_table(contributor, output.table)
    if "id" not in table.column_names:
        reject_output(contributor, "gave predictions without a column `id`")
    ids = _cast(contributor, "id", table.column("id"), pa.string())
    if ids.null_count or find_repeated(ids) is not None:
        reject_output(contributor, "gave predictions whose ids are not one for each row")
    decoded = check_decoded(contributor, table, output.schema, output.classes, len(table))
    return Predictions(output.schema, decoded.add_column(0, "id", ids), tuple(output.classes), output.read)


def _cast(contributor: Contributor, name: str, column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    if column.type == kind:
        return column
    with suppress(pa.ArrowException):
        if not (pa.types.is_string(kind) and pa.types.is_floating(column.type)):
            return column.cast(kind)
    return reject_output(contributor, f"gave the column `{name}` of {column.type}, and {kind} is needed")


def check_fields(contributor: Contributor, fields: AbstractSet[str], output: Any) -> Mapping[str, Any]:
    """The example that a perturbation returned, which has the fields of the one it was given and no others."""
    if not isinstance(output, dict | Mapping):
        reject_output(contributor, f"gave {summarize_value(output)} for an example", RETURN)
    if output.keys() != fields:
        reject_output(contributor, f"gave the fields {_join_names(output)} for {_join_names(fields)}", RETURN)
    return output


def check_example(contributor: Contributor, before: Mapping[str, Any], output: Mapping[str, Any]) -> Mapping[str, Any]:
    """The values of the example that a perturbation returned: text where there was text, blobs or arrays where there were.

    Bytes become a blob with the name of the one that was there.
    """
    checked = dict(output)
    for name, value in output.items():
        if isinstance(before[name], Blob | np.ndarray):
            checked[name] = _check_blob(contributor, name, before[name], value)
        elif isinstance(value, str):
            if not (value.isascii() or _is_encodable(value)):
                reject_output(
                    contributor, f"gave `{name}` a lone surrogate, which is no text: {summarize_value(value)}"
                )
        elif isinstance(before[name], str):
            hint = "declare `edits=True` for edits" if isinstance(value, list) else "a field of text stays text"
            reject_output(contributor, f"gave `{name}` the value {summarize_value(value)}", hint)
    return checked


def _check_blob(contributor: Contributor, name: str, before: Blob | npt.NDArray[Any], value: Any) -> Any:
    """What a perturbation made of an image, a sound or a file: a blob, or an array of numbers."""
    if isinstance(value, bytes):
        return before.with_content(value) if isinstance(before, Blob) else Blob("", value)
    if isinstance(value, Blob) or (isinstance(value, np.ndarray) and not value.dtype.hasobject):
        return value
    return reject_output(
        contributor,
        f"gave `{name}` the value {_summarize_type(value)}",
        "give the bytes of a file, an array of numbers, or the value as it was",
    )


def _summarize_type(value: Any) -> str:
    return f"an array of {value.dtype}" if isinstance(value, np.ndarray) else f"a `{type(value).__name__}`"


def check_example_and_target(contributor: Contributor, output: Any) -> tuple[Any, Any]:
    """The example and target that a perturbation of both returned."""
    if not isinstance(output, tuple | list) or len(output) != 2:
        reject_output(
            contributor,
            f"gave {summarize_value(output)}",
            'with `target_effect="moves"` it gives a pair: the example and its target',
        )
    return output[0], output[1]


def check_edits(contributor: Contributor, name: str, output: Any) -> Sequence[Edit]:
    """The edits of one field as a list; `apply_edits` finds those that cannot be applied."""
    if type(output) is list:
        return output
    if not isinstance(output, Iterable) or isinstance(output, str | bytes | Mapping):
        reject_output(contributor, f"gave `{name}` the edits {summarize_value(output)}", EDITS)
    with ContributionCall(contributor):
        return list(output)


def apply_edits(contributor: Contributor, name: str, text: str, edits: Sequence[Edit]) -> str:
    """The text after its edits; edits that cannot be applied are refused."""
    try:
        after = edited(text, edits)
    except (TypeError, ValueError) as error:
        reject_output(contributor, f"gave `{name}` edits that cannot be applied: {error!s:.150}", EDITS)
    if not (after.isascii() or _is_encodable(after)):
        reject_output(contributor, f"gave `{name}` a lone surrogate, which is no text: {summarize_value(after)}")
    return after


def check_groups(contributor: Contributor, output: Any) -> Sequence[str]:
    """The groups that a slice puts a row into."""
    if output is None:
        return ()
    if isinstance(output, str):
        return (_check_group_name(contributor, output),)
    if not isinstance(output, Iterable) or isinstance(output, Mapping | bytes):
        reject_output(
            contributor,
            f"gave {summarize_value(output)} for a row",
            "a slice gives a group's name, a list of names, or None",
        )
    with ContributionCall(contributor):
        names = list(dict.fromkeys(output))
    return [_check_group_name(contributor, name) for name in names]


def check_row_groups(contributor: Contributor, output: Any, rows: int) -> Iterator[Sequence[str]]:
    """The groups of every row, where a slice returned those of all rows at once."""
    if isinstance(output, pa.Array | pa.ChunkedArray):
        output = output.to_pylist()
    if not isinstance(output, Iterable) or isinstance(output, str | bytes | Mapping):
        reject_output(
            contributor, f"gave {summarize_value(output)}, and a list with the groups of every row is expected"
        )
    with ContributionCall(contributor):
        groups = list(output)
    if len(groups) != rows:
        reject_output(
            contributor, f"gave {counted(len(groups), 'item')} for {rows:,} rows", "None stands for a row in no group"
        )
    return (check_groups(contributor, one) for one in groups)


def check_group_codes(
    contributor: Contributor, output: GroupColumn, rows: int
) -> tuple[Sequence[str], npt.NDArray[Any]]:
    """The names of groups in their order, and for every row the position of its group among them, -1 for none.

    Of a slice that returned a column of text, or of codes for text, for all rows at once.
    """
    if len(output) != rows:
        reject_output(
            contributor, f"gave {counted(len(output), 'item')} for {rows:,} rows", "None stands for a row in no group"
        )
    column = output if isinstance(output, pa.ChunkedArray) else pa.chunked_array([output])
    encoded = column.unify_dictionaries() if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    if not encoded.num_chunks:
        return [], np.zeros(0, dtype=np.int8)
    values = encoded.chunk(0).dictionary.to_pylist()
    used = pc.unique(pa.chunked_array([chunk.indices for chunk in encoded.chunks])).drop_null().to_pylist()
    groups = sorted({_check_group_name(contributor, values[code]) for code in used if values[code] is not None})
    code_of_group = {name: code for code, name in enumerate(groups)}
    # The last one is that of a row without a code, which is in no group.
    code_of_value = [code_of_group.get(value, -1) for value in values] + [-1]
    lookup = np.array(code_of_value, dtype=np.min_scalar_type(-max(len(groups), 1)))
    parts = [lookup[pc.fill_null(chunk.indices, -1).to_numpy(zero_copy_only=False)] for chunk in encoded.chunks]
    return groups, np.concatenate(parts)


def is_group_column(output: Any) -> bool:
    """Whether a slice returned a column of text, or of codes for text."""
    if not isinstance(output, pa.Array | pa.ChunkedArray):
        return False
    kind = output.type.value_type if pa.types.is_dictionary(output.type) else output.type
    return bool(pa.types.is_string(kind))


def _check_group_name(contributor: Contributor, name: Any) -> str:
    if not isinstance(name, str):
        reject_output(
            contributor, f"gave {summarize_value(name)} for the name of a group", "name a group in words: `str(...)`"
        )
    if not (name.isascii() or _is_encodable(name)):
        reject_output(
            contributor, f"gave a group the name {summarize_value(name)}, which has a lone surrogate and is no text"
        )
    return str(name)


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _join_names(fields: Iterable[Any]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(map(str, fields))) or "no field"
