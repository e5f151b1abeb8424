"""The rows of a source that a run needs: some of its columns, and of its rows a sample or the first ones."""

from __future__ import annotations

import sys
from array import array
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from mqa_registry.boundary import check_source, read_pieces, reject_output
from mqa_registry.errors import StoreError
from mqa_registry.stats.randomness import generator
from mqa_registry.types.digests import digest_pieces, digest_table
from mqa_registry.types.tables.source import ReadAgainError, collect_pieces

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from mqa_registry.contributions import RunContext
    from mqa_registry.suite import Data, Use
    from mqa_registry.types import TableSource


def open_source(use: Use, context: RunContext) -> pa.Table | TableSource:
    """What the suite names as the source of a data set, checked; of a `TableSource` no row is read yet."""
    return check_source(use.contributor, use.call(context))


def digest_source(use: Use, source: pa.Table | TableSource) -> str:
    """The sha256 of all rows and columns of a source, however it is read."""
    if isinstance(source, pa.Table):
        return digest_table(source)
    while True:
        with suppress(ReadAgainError):
            return digest_pieces(read_pieces(use.contributor, source, None, None))


def read_rows(
    data: Data,
    source: pa.Table | TableSource,
    columns: Collection[str] | None,
    folder: Callable[[], Path] | None,
    seed: int,
) -> tuple[pa.Table, Sequence[int] | None]:
    """The rows of a data set with the source's columns that are named, and the numbers of the rows in it.

    `sample` rows are drawn by the seed, then the first `limit` kept. The numbers count from 1; None stands for 1, 2, 3, ...
    A large table is in a file in the folder that `folder` gives; a StoreError where that has no room for it.
    """
    limit = None if data.limit is None else min(data.limit, sys.maxsize)  # which is all that Arrow can count
    read = partial(_read, data, source, columns, folder)
    total = source.num_rows
    if data.sample is not None and total is None:
        source = read()  # how many rows there are is known once all are read
        read = partial(_read, data, source, columns, folder)
        total = source.num_rows
    if data.sample is None or total is None or data.sample >= total:
        return read(stop=limit), None
    indices = draw_sample(data, total, seed)[:limit]
    table = read(indices=indices)
    if len(table) < len(indices):
        reject_output(data.source.contributor, f"gave fewer rows than the {total:,} that it said there are")
    return table, array("q", (indices + 1).tobytes())


def draw_sample(data: Data, total: int, seed: int) -> npt.NDArray[np.int64]:
    """The positions of the rows of a data set's sample among `total`, which rise; of all of them where it has none."""
    if data.sample is None or data.sample >= total:
        return np.arange(total)
    rng = generator(seed, "sample", data.name)
    return np.sort(rng.choice(total, data.sample, replace=False)).astype(np.int64)


def _read(
    data: Data,
    source: pa.Table | TableSource,
    columns: Collection[str] | None,
    folder: Callable[[], Path] | None,
    *,
    stop: int | None = None,
    indices: npt.NDArray[np.int64] | None = None,
) -> pa.Table:
    """The rows before `stop`, or those at `indices`; a table in memory stays there."""
    if isinstance(source, pa.Table):
        names = [name for name in source.column_names if columns is None or name in columns]
        table = source.select(names) if names else source
        return table.slice(0, stop) if indices is None else table.take(pa.array(indices))
    last = stop if indices is None else int(indices[-1]) + 1
    contributor = data.source.contributor
    try:
        return collect_pieces(
            lambda: read_pieces(contributor, source, columns, last), stop=stop, indices=indices, folder=folder
        )
    except OSError as error:
        raise StoreError(
            f"the rows of the data set `{data.name}` cannot be written: {error.strerror or error}",
            hint="name a store on a disk with more room: `--store DIR`",
        ) from error
