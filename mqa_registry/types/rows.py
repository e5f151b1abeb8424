"""Rows: a data set as the host holds it, one Arrow table with a stable id for every row."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow as pa

from mqa_registry.errors import NotRunError
from mqa_registry.types.blob_columns import holds_blobs, holds_bytes, measure_files, name_blobs, read_blobs
from mqa_registry.types.blobs import BLOB_MODALITIES, BlobFolder, content_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt

    from mqa_registry.types.blobs import Blob

Example: TypeAlias = "Mapping[str, Any]"

BATCH_SIZE = 4096  # rows turned into Python values at a time


@dataclass(frozen=True)
class Rows:
    """Rows of one data set, perturbed or not.

    `table` has a column `id`, the `fields` that the model reads, `target` and `cluster` where the data has them, and
    other columns, which slices may read. `digest` is that of the whole data set that they are from, `numbers` are
    those that the rows have in their source, from 1 up, where they are not simply counted. `source` is the table of a
    suite that names that source, as far as its values are plain.

    `blobs` are those of the fields whose values are images, sounds or files. Their columns have paths or bytes, and
    `folder` says where the files are; `blob_values` are those of each row, once they are read. Where perturbations have
    made other values, the columns have names, and there is no `folder`: the values are gone with `blob_values`.
    """

    table: pa.Table
    fields: tuple[str, ...]
    digest: str = ""
    numbers: Sequence[int] | None = field(default=None, compare=False, repr=False)
    source: Mapping[str, str | float] = field(default_factory=dict, compare=False, repr=False)
    blobs: tuple[str, ...] = ()
    folder: BlobFolder | None = field(default=None, compare=False, repr=False)
    blob_values: Sequence[Mapping[str, Any]] = field(default=(), compare=False, repr=False)

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled as an Arrow stream: a table of some rows of another would take its whole memory along.

        Where the values of blobs are read, their columns are left empty, so that no bytes are in it twice.
        """
        table, sink = self.table, pa.BufferOutputStream()
        if self.blob_values and self.folder is not None:
            for name in self.blobs:
                position = table.column_names.index(name)
                table = table.set_column(position, name, pa.nulls(len(self), table.schema.field(name).type))
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        others = {name: value for name, value in vars(self).items() if name != "table"}
        return _restore_rows, (sink.getvalue(), others)

    @property
    def ids(self) -> pa.ChunkedArray:
        return self.table.column("id")

    @property
    def field_bytes(self) -> int:
        """How many bytes the fields take that the model reads, without those of files."""
        return int(self.table.select(self.fields).nbytes)

    @property
    def has_dropped_blobs(self) -> bool:
        """Whether there are blobs that a perturbation made and that are gone, so that there are no examples."""
        return bool(self.blobs) and self.folder is None and len(self.blob_values) < len(self)

    def file_bytes(self) -> npt.NDArray[np.int64]:
        """How many bytes the files of each row have, shape (rows,)."""
        sizes = np.zeros(len(self), dtype=np.int64)
        if self.folder is not None:
            for name in self.blobs:
                sizes += measure_files(self.table.column(name), self.folder)
        return sizes

    def slice(self, start: int, stop: int) -> Rows:
        """The rows `start` to `stop`; nothing is copied."""
        numbers = self.numbers[start:stop] if self.numbers is not None else range(start + 1, stop + 1)
        return replace(
            self,
            table=self.table.slice(start, stop - start),
            numbers=numbers,
            blob_values=self.blob_values[start:stop],
        )

    def leave_out(self, positions: Sequence[int]) -> Rows:
        """The rows without those at some positions, which rise; nothing is copied."""
        starts, stops = [0, *(position + 1 for position in positions)], [*positions, len(self)]
        pieces = [self.table.slice(start, stop - start) for start, stop in zip(starts, stops, strict=True)]
        numbers = np.delete(range(1, len(self) + 1) if self.numbers is None else self.numbers, positions)
        left_out = set(positions)
        values = [value for position, value in enumerate(self.blob_values) if position not in left_out]
        return replace(self, table=pa.concat_tables(pieces), numbers=numbers.tolist(), blob_values=values)

    def examples(self) -> Iterator[Example]:
        """Every row as the model reads it: its fields alone. A NotRunError where perturbed blobs are dropped."""
        if not self.blobs or not len(self):
            return _iter_examples(self.table.select(self.fields))
        plain = _iter_rows(self.table, [name for name in self.fields if name not in self.blobs])
        values = self.blob_values or self._iter_blobs()
        return ({**row, **blobs} for row, blobs in zip(plain, values, strict=True))

    def named_examples(self) -> Iterator[Example]:
        """Every row as reports show it: its fields, with names in place of blobs."""
        return _iter_examples(self.with_names().table.select(self.fields))

    def whole(self) -> Iterator[Example]:
        """Every row with all its columns, for slices: blobs by their names."""
        return _iter_examples(self.with_names().table)

    def with_blob_values(self) -> Rows:
        """The rows with one blob for each value, which knows its file again whenever the examples are read."""
        is_read = not self.blobs or self.blob_values or not len(self)
        return self if is_read else replace(self, blob_values=list(self._iter_blobs()))

    def take(self, indices: Any) -> Rows:
        """The rows at these indices, in their order."""
        positions = pa.array(indices, pa.int64())
        picked = positions.to_pylist()
        return replace(
            self,
            table=self.table.take(positions),
            numbers=None if self.numbers is None else [self.numbers[index] for index in picked],
            blob_values=[self.blob_values[index] for index in picked] if self.blob_values else (),
        )

    def with_names(self) -> Rows:
        """The rows with names in place of blobs and all other bytes: what reports and kept runs have."""
        folder = self.folder or BlobFolder(Path())
        table = self.table
        for position, column in enumerate(table.schema):
            is_path = column.name in self.blobs and self.folder is not None
            if is_path and self.blob_values:
                blobs = [values[column.name] for values in self.blob_values]
                names = pa.array([None if blob.is_empty else blob.name for blob in blobs], pa.string())
                table = table.set_column(position, column.name, names)
            elif is_path or holds_bytes(column.type):
                table = table.set_column(position, column.name, name_blobs(table.column(position), folder))
        if table is self.table and not self.blob_values:
            return self
        return replace(self, table=table, folder=None, blob_values=())

    def _iter_blobs(self) -> Iterator[dict[str, Blob]]:
        """The blobs of every row, by their fields."""
        if self.folder is None:
            listed = ", ".join(f"`{name}`" for name in self.blobs)
            raise NotRunError(f"the values of {listed} are not kept after a perturbation, and are needed again")
        for batch in self.table.select(self.blobs).to_batches(max_chunksize=BATCH_SIZE):
            readers = [read_blobs(batch.column(name), self.folder) for name in self.blobs]
            yield from (dict(zip(self.blobs, values, strict=True)) for values in zip(*readers, strict=True))


def _restore_rows(stream: pa.Buffer, others: dict[str, Any]) -> Rows:
    return Rows(table=pa.ipc.open_stream(stream).read_all(), **others)


def fingerprint(example: Example) -> bytes:
    """Sixteen bytes that tell one example from every other, by its fields' names and values.

    A blob or an array counts by its content. A BlobError where a blob cannot be read.
    """
    text = json.dumps(example, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=_serializable)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def read_examples(
    table: pa.Table, modalities: Mapping[str, str], folder: Path, *, confined_to: Path | None = None
) -> list[Example]:
    """The rows of a table as a task reads them, by the modality of each of its fields; it may lack fields.

    Files that it names are absolute or relative to `folder`, and in `confined_to`, where that is given.
    """
    fields = tuple(name for name in modalities if name in table.column_names)
    blobs = tuple(
        name for name in fields if modalities[name] in BLOB_MODALITIES and holds_blobs(table.schema.field(name).type)
    )
    location = BlobFolder(folder.absolute(), confined_to)
    return list(Rows(table, fields, blobs=blobs, folder=location).examples())


def _iter_examples(table: pa.Table) -> Iterator[Example]:
    for batch in table.to_batches(max_chunksize=BATCH_SIZE):
        yield from batch.to_pylist()


def _iter_rows(table: pa.Table, names: Sequence[str]) -> Iterator[Example]:
    """Every row with these columns alone, of which there may be none."""
    return _iter_examples(table.select(names)) if names else ({} for _ in range(table.num_rows))


def _serializable(value: object) -> object:
    content = content_of(value)
    return str(value) if content is None else content
