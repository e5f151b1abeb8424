"""Columns that a file has and a table cannot hold: kept as they stand, and refused only where something reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Callable


class UnreadableType(pa.ExtensionType):  # type: ignore[misc]  # pyarrow has no types
    """The type of a column that is neither text nor numbers nor lists of them; `reason` says why, and where.

    Its storage is what the file has: JSON text of each value, or bytes.
    """

    def __init__(self, storage: pa.DataType, reason: str) -> None:
        self.reason = reason
        super().__init__(storage, "mqa.unreadable")

    def __arrow_ext_serialize__(self) -> bytes:
        return self.reason.encode(errors="backslashreplace")

    @classmethod
    def __arrow_ext_deserialize__(cls, storage_type: pa.DataType, serialized: bytes) -> UnreadableType:
        return cls(storage_type, serialized.decode())

    def __str__(self) -> str:
        return self.reason


def mark_unreadable(values: pa.Array | pa.ChunkedArray, reason: str) -> pa.Array | pa.ChunkedArray:
    """These values as a column that nothing can read."""
    kind = UnreadableType(values.type, reason)
    if isinstance(values, pa.ChunkedArray):
        return pa.chunked_array([pa.ExtensionArray.from_storage(kind, chunk) for chunk in values.chunks], kind)
    return pa.ExtensionArray.from_storage(kind, values)


def as_text(column: pa.ChunkedArray, position: Callable[[int], str]) -> pa.ChunkedArray:
    """Bytes as UTF-8 text; an unreadable column where some are none. `position` names a row by its number from 0."""
    try:
        return column.cast(pa.string())
    except pa.ArrowInvalid:
        row, value = next((row, value) for row, value in enumerate(column.to_pylist()) if not _is_utf8(value))
        return mark_unreadable(column, f"{_show_bytes(value)} in {position(row)}, which is not UTF-8 text")


def _is_utf8(value: bytes | None) -> bool:
    try:
        (value or b"").decode()
    except UnicodeDecodeError:
        return False
    return True


def _show_bytes(value: bytes) -> str:
    """The surroundings of the first byte that is no UTF-8."""
    try:
        value.decode()
    except UnicodeDecodeError as error:
        value = value[max(0, error.start - 10) : error.start + 10]
    return repr(value.decode("latin-1"))


def unreadable_reason(kind: pa.DataType) -> str:
    """Why a column of that type cannot be read; empty where it can."""
    return kind.reason if isinstance(kind, UnreadableType) else ""
