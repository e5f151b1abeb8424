"""Rows of parquet and Arrow files, with values in place of codes: of dictionaries, and of class labels with names.

The `datasets` library writes class labels as numbers, and their names into a description of the columns.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from mqa_registry.errors import DataError
from mqa_registry.types.columns import as_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SCHEMA_KEY = b"huggingface"  # of the metadata that the `datasets` library writes into parquet and Arrow files
INFO_FILE = "dataset_info.json"  # what it writes next to the files of a data set that it saves


def read_parquet(path: Path) -> pa.Table:
    """The rows of a parquet file, with plain values in place of codes for them."""
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:  # unlike read_table it takes no columns from the folders' names
        return _decode(path, file.read())


def read_arrow(path: Path) -> pa.Table:
    """The rows of an Arrow file or stream, with plain values in place of codes for them."""
    with pa.OSFile(str(path)) as file:
        try:
            table = pa.ipc.open_file(file).read_all()
        except pa.ArrowInvalid:
            file.seek(0)
            table = pa.ipc.open_stream(file).read_all()
    return _decode(path, table)


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


def _decode(path: Path, table: pa.Table) -> pa.Table:
    return with_class_names(decode_columns(table), _read_features(path, table))


def decode_columns(table: pa.Table) -> pa.Table:
    """The table with plain values in place of codes for them, and columns of broken text as unreadable ones."""
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
            column = as_text(data, lambda row: f"row {row + 1}")
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


def _read_features(path: Path, table: pa.Table) -> Mapping[str, Any]:
    """What a file says of its columns: its schema's metadata, else a `dataset_info.json` in its folder, else nothing."""
    written = (table.schema.metadata or {}).get(SCHEMA_KEY)
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
    if _is_list(values.type):
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


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


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
