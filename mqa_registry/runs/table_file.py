"""Files of tables: Parquet with zstd, or Arrow where Parquet has no type for a column."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from pathlib import Path

PARQUET_MAGIC = b"PAR1"  # the first bytes of a Parquet file


def write_table_file(table: pa.Table, sink: io.BytesIO | Path) -> bool:
    """Write a table as a Parquet file, or as an Arrow file where Parquet has no type for a column: then it is false."""
    try:
        pq.write_table(table, sink, compression="zstd")
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        if isinstance(sink, io.BytesIO):
            sink.seek(0)
            sink.truncate()
        options = pa.ipc.IpcWriteOptions(compression="zstd")
        with pa.ipc.new_file(
            sink if isinstance(sink, io.BytesIO) else str(sink), table.schema, options=options
        ) as writer:
            writer.write_table(table)
        return False
    return True


def read_table_file(content: bytes) -> pa.Table:
    """The table in a Parquet or an Arrow file."""
    if content.startswith(PARQUET_MAGIC):
        return pq.ParquetFile(io.BytesIO(content)).read()
    return pa.ipc.open_file(content).read_all()
