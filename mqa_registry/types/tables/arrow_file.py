"""Rows of parquet and Arrow files, with values in place of codes: of dictionaries, and of class labels with names.

The `datasets` library writes class labels as numbers, and their names into a description of the columns.
"""

from __future__ import annotations

import json
from itertools import chain
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from mqa_registry.errors import DataError
from mqa_registry.types.columns import UnreadableType, as_text, is_list, mark_unreadable, refuse_repeated_columns
from mqa_registry.types.tables.source import PIECE_ROWS, ReadAgainError, TableSource, iter_table

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

SCHEMA_KEY = b"huggingface"  # of the metadata that the `datasets` library writes into parquet and Arrow files
PIECE_BYTES = 1 << 24  # of the rows of a parquet file that are read at a time
BUFFER_BYTES = 1 << 20  # that are read of a column of a parquet file at a time
INFO_FILE = "dataset_info.json"  # what it writes next to the files of a data set that it saves


def open_parquet(path: Path) -> TableSource:
    """The rows of a parquet file, with plain values in place of codes for them; row groups are read as they are needed."""
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        schema, num_rows = file.schema_arrow, file.metadata.num_rows
    refuse_repeated_columns(path, schema.names)
    decoder = _Decoder(_read_features(path, schema))

    def read(columns: Collection[str] | None, stop: int | None) -> Iterator[pa.Table]:
        names = [name for name in schema.names if columns is None or name in columns]
        with parquet.ParquetFile(path, buffer_size=BUFFER_BYTES) as file:  # takes no columns from the folders' names
            size = _count_piece_rows(file.metadata, names)
            groups = range(
                file.num_row_groups
            )  # each apart: of those that are read together, Arrow keeps all it has read
            batches = (one for group in groups for one in file.iter_batches(size, row_groups=[group], columns=names))
            yield from decoder.decode(map(_as_table, batches), schema.empty_table(), names)

    return TableSource(read, num_rows)


def open_arrow(path: Path) -> TableSource:
    """The rows of an Arrow file or stream, with plain values in place of codes for them; the file is mapped into memory."""
    with pa.memory_map(str(path)) as file:
        schema = _open_batches(file).schema
    refuse_repeated_columns(path, schema.names)
    decoder = _Decoder(_read_features(path, schema))

    def read(columns: Collection[str] | None, stop: int | None) -> Iterator[pa.Table]:
        names = [name for name in schema.names if columns is None or name in columns]
        with pa.memory_map(str(path)) as file:
            batches = _iter_batches(_open_batches(file))
            pieces = (piece for batch in batches for piece in iter_table(_as_table(batch)))
            yield from decoder.decode(pieces, schema.empty_table(), names)

    return TableSource(read)


def _as_table(batch: pa.RecordBatch) -> pa.Table:
    return pa.Table.from_batches([batch])


def _open_batches(file: pa.NativeFile) -> pa.RecordBatchFileReader | pa.RecordBatchStreamReader:
    try:
        return pa.ipc.open_file(file)
    except pa.ArrowInvalid:
        file.seek(0)
        return pa.ipc.open_stream(file)


def _iter_batches(reader: pa.RecordBatchFileReader | pa.RecordBatchStreamReader) -> Iterator[pa.RecordBatch]:
    if isinstance(reader, pa.RecordBatchFileReader):
        yield from (reader.get_batch(number) for number in range(reader.num_record_batches))
    else:
        yield from reader


def _count_piece_rows(metadata: Any, names: Sequence[str]) -> int:
    """How many rows of some columns of a parquet file are read at a time, so that they take about `PIECE_BYTES`."""
    largest = 1
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        chunks = (group.column(column) for column in range(group.num_columns))
        size = sum(chunk.total_uncompressed_size for chunk in chunks if chunk.path_in_schema.partition(".")[0] in names)
        largest = max(largest, size // max(1, group.num_rows))
    return max(1, min(PIECE_ROWS, PIECE_BYTES // largest))


def with_class_names(table: pa.Table, features: Mapping[str, Any]) -> pa.Table:
    """The table with class labels by their names, in lists and structs too.

    `features` is the description of columns that the `datasets` library writes as JSON: a `ClassLabel` has `names`, and
    a row its position among them, -1 where it has no label. A DataError names a column with a position beyond them.
    """
    for number, name in enumerate(table.column_names):
        if not _has_names(features.get(name)):
            continue
        try:
            chunks = [_replace_codes(chunk, features[name]) for chunk in table.column(number).chunks]
        except pa.ArrowIndexError as error:
            raise DataError(
                f"column `{name}` has a number beyond the names that the file has for its class labels",
                hint="write the column anew with the names of all its labels",
            ) from error
        if chunks:
            table = table.set_column(number, name, pa.chunked_array(chunks))
    return table


class _Decoder:
    """Decoding of the pieces of one table: plain values for codes, class labels by their names, broken text unreadable.

    `features` is the description of columns that the `datasets` library writes.
    """

    def __init__(self, features: Mapping[str, Any]) -> None:
        self._features = features
        self._unreadable: dict[str, UnreadableType] = {}

    def decode(self, pieces: Iterator[pa.Table], empty: pa.Table, names: Sequence[str]) -> Iterator[pa.Table]:
        """The pieces with these columns, at least `empty`.

        A ReadAgainError where a column that was text in earlier pieces turns out to be unreadable.
        """
        start = 0
        for piece in chain([next(pieces, empty)], pieces):
            known = set(self._unreadable)
            decoded = with_class_names(self._decode_columns(piece.select(names), start), self._features)
            if start and known != set(self._unreadable):
                raise ReadAgainError
            yield decoded
            start += len(piece)

    def _decode_columns(self, piece: pa.Table, start: int) -> pa.Table:
        for number, field in enumerate(piece.schema):
            if kind := self._unreadable.get(field.name):
                values = mark_unreadable(piece.column(number).cast(pa.binary()), kind.reason)
                piece = piece.set_column(number, field.name, values)
        decoded = decode_columns(piece, start)
        for field in decoded.schema:
            if isinstance(field.type, UnreadableType):
                self._unreadable.setdefault(field.name, field.type)
        return decoded


def decode_columns(table: pa.Table, start: int = 0) -> pa.Table:
    """The table with plain values in place of codes for them, and columns of broken text as unreadable ones.

    `start` is the number of rows before it, where it is a piece of another.
    """
    for number, field in enumerate(table.schema):
        column = table.column(number)
        plain = _decoded_type(field.type)
        if plain != field.type:
            _check_codes(column)
            column = _with_plain_dictionary(column).cast(plain)
        try:
            column.validate(full=True)
        except pa.ArrowInvalid:
            if not pa.types.is_string(column.type):
                raise
            data = column.cast(pa.binary())
            data.validate(full=True)  # text may be broken, where it begins and ends may not
            column = as_text(data, lambda row: f"row {start + row + 1}")
        if column is not table.column(number):
            table = table.set_column(number, field.name, column)
    return table


def _check_codes(column: pa.ChunkedArray) -> None:
    """An ArrowInvalid where a code stands for no value, which a cast would look up all the same."""
    if not pa.types.is_dictionary(column.type):
        column.validate(full=True)
        return
    for chunk in column.chunks:
        chunk.indices.validate(full=True)
        codes = pc.min_max(chunk.indices)
        least, most = codes["min"].as_py(), codes["max"].as_py()
        if least is not None and not 0 <= least <= most < len(chunk.dictionary):
            raise pa.ArrowInvalid(f"a code, {least} or {most}, stands for none of {len(chunk.dictionary)} values")


def _with_plain_dictionary(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column of codes for text that is kept in views, which no function looks up, with plain text for it."""
    if not (pa.types.is_dictionary(column.type) and pa.types.is_string_view(column.type.value_type)):
        return column
    chunks = [pa.DictionaryArray.from_arrays(one.indices, one.dictionary.cast(pa.string())) for one in column.chunks]
    return pa.chunked_array(chunks, pa.dictionary(column.type.index_type, pa.string()))


def _decoded_type(kind: pa.DataType) -> pa.DataType:
    """The type of the values that a dictionary has codes for, as of a categorical in pandas, in lists too.

    Text that is kept in views is plain text: every function of Arrow takes that.
    """
    if pa.types.is_dictionary(kind):
        return _decoded_type(kind.value_type)
    if pa.types.is_string_view(kind):
        return pa.string()
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        inner = _decoded_type(kind.value_type)
        return kind if inner == kind.value_type else pa.list_(inner)
    return kind


def _read_features(path: Path, schema: pa.Schema) -> Mapping[str, Any]:
    """What a file says of its columns: its schema's metadata, else a `dataset_info.json` in its folder, else nothing."""
    written = (schema.metadata or {}).get(SCHEMA_KEY)
    if written is None:
        info = path.parent / INFO_FILE
        written = info.read_bytes() if info.is_file() else b"{}"
    try:
        described = json.loads(written)
    except (ValueError, RecursionError):  # it is somebody else's file
        return {}
    description = described.get("info", described) if isinstance(described, dict) else {}
    features = description.get("features") if isinstance(description, dict) else None
    return features if isinstance(features, dict) else {}


def _has_names(feature: Any) -> bool:
    """Whether a feature is a class label, or has one in it."""
    if isinstance(feature, list):
        return any(map(_has_names, feature))
    if not isinstance(feature, dict):
        return False
    return isinstance(feature.get("names"), list) or any(map(_has_names, feature.values()))


def _replace_codes(values: pa.Array, feature: Any) -> pa.Array:
    if is_list(values.type):
        return _replace_codes_in_lists(values.cast(pa.list_(values.type.value_type)), _element_feature(feature))
    if pa.types.is_struct(values.type):
        fields = [field.name for field in values.type]
        columns = [_replace_codes(values.field(name), _field_feature(feature, name)) for name in fields]
        return pa.StructArray.from_arrays(columns, names=fields, mask=values.is_null())
    names = feature.get("names") if isinstance(feature, dict) else None
    if not (isinstance(names, list) and pa.types.is_integer(values.type)):
        return values  # no class label, or one by its name already
    codes = pc.if_else(pc.less(values, 0), pa.scalar(None, values.type), values)
    return pa.array(map(str, names), pa.string()).take(codes)


def _element_feature(feature: Any) -> Any:
    """The feature of a list's elements, or itself where it does not tell: `[feature]` is how older files write it."""
    if isinstance(feature, list):
        return feature[0] if len(feature) == 1 else None
    return feature.get("feature", feature) if isinstance(feature, dict) else None


def _field_feature(feature: Any, name: str) -> Any:
    """The feature of a field; older files have a list of structs as a struct of lists, with one feature for all."""
    inner = _element_feature(feature)
    return inner.get(name) if isinstance(inner, dict) else None


def _replace_codes_in_lists(lists: pa.ListArray, feature: Any) -> pa.ListArray:
    named = _replace_codes(lists.flatten(), feature)
    ends = pc.cumulative_sum(pc.fill_null(pc.list_value_length(lists), 0).cast(pa.int32()))
    return pa.ListArray.from_arrays(pa.concat_arrays([pa.array([0], pa.int32()), ends]), named, mask=lists.is_null())
