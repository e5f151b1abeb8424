"""Spools: tables that grow piece by piece, in memory while they are small, else in a file that is mapped into memory."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

SPOOLED_BYTES = 32 * 2**20  # of a table that is written to a file
FILE_ROWS = 1 << 16  # rows of one record batch of the file


class TableSpool:
    """One table, put together of pieces with the same columns.

    A table of more than `limit` bytes is written to a file in the folder that `folder` gives, and read back by mapping
    it: its pages take memory only as long as nothing else needs it. The file loses its name once it is mapped, so that
    nothing is left of it when the table is dropped or the process ends. With `folder` None the table stays in memory.
    Columns of extension types come back as such.
    """

    def __init__(self, folder: Callable[[], Path] | None, *, limit: int = SPOOLED_BYTES) -> None:
        self._folder = folder
        self._limit = limit
        self._pieces: list[pa.Table] = []
        self._schema: pa.Schema | None = None
        self._bytes = 0
        self._path: Path | None = None
        self._writer: pa.ipc.RecordBatchFileWriter | None = None
        self._sink: pa.NativeFile | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def append(self, piece: pa.Table) -> None:
        """Add rows; a ValueError of pyarrow where their columns are others than those before. OSError on a full disk."""
        if self._schema is None:
            self._schema = piece.schema.remove_metadata()
        piece = piece.replace_schema_metadata(None)
        if not piece.schema.equals(self._schema):
            raise pa.ArrowInvalid(f"rows with the columns {piece.schema} follow rows with {self._schema}")
        self._bytes += piece.nbytes
        if self._writer is not None:
            self._writer.write_table(piece, max_chunksize=FILE_ROWS)
            return
        self._pieces.append(piece)
        if self._folder is not None and self._bytes > self._limit:
            self._open_file(self._folder())

    def _open_file(self, folder: Path) -> None:
        with tempfile.NamedTemporaryFile(dir=folder, prefix="rows-", suffix=".arrow", delete=False) as file:
            self._path = Path(file.name)
        self._sink = pa.OSFile(str(self._path), "wb")
        self._writer = pa.ipc.new_file(self._sink, self._schema)
        pieces, self._pieces = self._pieces, []
        for piece in pieces:
            self._writer.write_table(piece, max_chunksize=FILE_ROWS)

    def finish(self, schema: pa.Schema | None = None) -> pa.Table:
        """The whole table; of the columns of `schema` where no piece was added."""
        if self._writer is None:
            if self._pieces:
                return pa.concat_tables(self._pieces)
            return (self._schema or schema or pa.schema([])).empty_table()
        assert self._path is not None
        self._end_file()
        table = pa.ipc.open_file(pa.memory_map(str(self._path), "r")).read_all()
        self.close()
        assert self._schema is not None
        return _with_extensions(table, self._schema)

    def close(self) -> None:
        """Remove the file by its name; a table that was read of it stays."""
        self._end_file()
        if self._path is not None:
            self._path.unlink(missing_ok=True)
            self._path = None

    def _end_file(self) -> None:
        for stream in (self._writer, self._sink):
            if stream is not None:
                stream.close()
        self._writer = self._sink = None


def _with_extensions(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The table with the extension types of a schema, of which a file has the storage alone."""
    for number, field in enumerate(schema):
        if isinstance(field.type, pa.BaseExtensionType) and table.schema.field(number).type != field.type:
            chunks = [pa.ExtensionArray.from_storage(field.type, chunk) for chunk in table.column(number).chunks]
            table = table.set_column(number, field.name, pa.chunked_array(chunks, field.type))
    return table
