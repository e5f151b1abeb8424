"""Columns of blobs: paths, bytes, or structs `{bytes, path}`, as data sets of images and sounds have them."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_registry.errors import BlobError
from mqa_registry.types.blobs import Blob

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from mqa_registry.types.blobs import BlobFolder

PATH, BYTES = "path", "bytes"  # the fields of a struct
NAMED_ROWS = 4096  # rows whose bytes are hashed at a time


def holds_blobs(kind: pa.DataType) -> bool:
    """Whether a column of this type can be one of blobs."""
    return holds_bytes(kind) or _is_text(_plain_type(kind))


def holds_bytes(kind: pa.DataType) -> bool:
    """Whether a column of this type has bytes, whatever it is used for: these are large, and no report shows them."""
    kind = _plain_type(kind)
    if pa.types.is_struct(kind):
        return {field.name for field in kind} == {BYTES, PATH} and _is_bytes(kind.field(BYTES).type)
    return _is_bytes(kind)


def read_blobs(values: pa.Array, folder: BlobFolder) -> Iterator[Blob]:
    """The blob of each value, which is not opened."""
    paths, contents = _split(values)
    for row in range(len(values)):
        path = paths[row].as_py() if paths is not None else None
        content = contents[row].as_buffer() if contents is not None and contents[row].is_valid else None
        name = _shorten(path, folder) if path else ""
        source = content if content is not None else folder.path / path if path else None
        yield Blob(name, source, confined_to=folder.confined_to)


def measure_files(column: pa.ChunkedArray, folder: BlobFolder) -> npt.NDArray[np.int64]:
    """The size in bytes of the file of each value, shape (rows,); 0 of one that cannot be found, or that has its bytes."""
    sizes = np.zeros(len(column), dtype=np.int64)
    start = 0
    for chunk in column.chunks:
        if _is_bytes(_plain_type(chunk.type)):
            continue
        contents = _split(chunk)[1]
        for row, blob in enumerate(read_blobs(chunk, folder)):
            if contents is None or not contents[row].is_valid:
                with suppress(BlobError):  # whoever reads it says so
                    sizes[start + row] = blob.size
        start += len(chunk)
    return sizes


def name_blobs(column: pa.ChunkedArray, folder: BlobFolder) -> pa.ChunkedArray:
    """The names of blobs, as text: their paths, as the data have them; of bytes without one what `Blob.name` is."""
    names = [
        _name_values(chunk.slice(start, NAMED_ROWS), folder)
        for chunk in column.chunks
        for start in range(0, len(chunk), NAMED_ROWS)
    ]
    return pa.chunked_array(names, pa.string())


def _name_values(values: pa.Array, folder: BlobFolder) -> pa.Array:
    paths, contents = _split(values)
    if paths is not None and contents is None:
        within = str(folder.path) + os.sep
        inside = pc.fill_null(pc.starts_with(paths, within), fill_value=False)
        if not pc.any(inside).as_py():
            return paths
        return pc.if_else(inside, pc.utf8_slice_codeunits(paths, len(within)), paths)
    return pa.array([None if blob.is_empty else blob.name for blob in read_blobs(values, folder)], pa.string())


def _split(values: pa.Array) -> tuple[pa.Array | None, pa.Array | None]:
    """The paths and the bytes of a column, of which it may lack one."""
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_struct(values.type):
        return pc.struct_field(values, PATH).cast(pa.string()), pc.struct_field(values, BYTES)
    return (values.cast(pa.string()), None) if _is_text(values.type) else (None, values)


def _shorten(path: str, folder: BlobFolder) -> str:
    """A path as reports show it: relative to the folder where it is in it, else as it stands."""
    within = str(folder.path) + os.sep
    return path.removeprefix(within)


def _plain_type(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _is_bytes(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_binary_view(kind)
        or pa.types.is_fixed_size_binary(kind)
    )
