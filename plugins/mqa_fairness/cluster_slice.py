"""A slice by a column of vectors, such as embeddings: clusters of rows that are alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from annotated_types import Ge, Le

from mqa_fairness.column_slices import check_column, name_missing_group
from mqa_registry import DataError, group_by_vector

if TYPE_CHECKING:
    import numpy.typing as npt


def clusters(table: pa.Table, *, column: str, n_clusters: Annotated[int, Ge(2), Le(50)] = 8) -> list[str]:
    """Which rows are alike by a vector of each: clusters by k-means with Euclidean distances.

    `column` is the one with the vectors, lists of numbers of one length, such as embeddings by a model of your choice; scale
    them to length 1 beforehand where their cosine is meant. `n_clusters` is how many clusters there are: say it before you
    look at errors. The clusters follow from the vectors alone, and not from predictions or targets: so the worst of them is a weak
    slice whose interval holds as that of any other group. `cluster 3 of 8: like r17, r4, r9` is the third largest, named by
    the ids of the rows nearest to its centre. There are fewer where fewer vectors differ. Rows without a vector form the
    group `(no embedding)`, where the column is `embedding`.
    """
    check_column(column, table.column_names)
    ids = table.column("id").to_pylist()
    groups = group_by_vector(_read_vectors(table, column, ids), n_clusters, ids=ids)
    return [name or name_missing_group(column) for name in groups]


def _read_vectors(table: pa.Table, column: str, ids: list[object]) -> list[npt.NDArray[np.float64] | None]:
    """The vector of each row, None of one that is null or empty; raises a DataError that names the row of a wrong one."""
    values = table.column(column)
    if not _holds_vectors(values.type):
        raise DataError(
            f"the column `{column}` holds {values.type}, and not vectors",
            hint="a vector is a list of numbers, as in a parquet or JSON lines file",
        )
    vectors = [vector for chunk in values.chunks for vector in _split_vectors(chunk)]
    lengths = {len(vector): row for row, vector in reversed(list(enumerate(vectors))) if vector is not None}
    if len(lengths) > 1:
        (first, row), (second, other) = sorted(lengths.items(), key=lambda item: item[1])[:2]
        raise DataError(
            f"the vectors of `{column}` have several lengths: {first} in row {ids[row]!r:.40}, {second} in row "
            f"{ids[other]!r:.40}",
            hint="give those of one model",
        )
    for name, vector in zip(ids, vectors, strict=True):
        if vector is not None and not np.isfinite(vector).all():
            raise DataError(
                f"the vector of `{column}` in row {name!r:.40} has a number that is missing or not finite",
                hint="a row without a vector has null there",
            )
    return vectors


def _holds_vectors(kind: pa.DataType) -> bool:
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)):
        return False
    return bool(pa.types.is_integer(kind.value_type) or pa.types.is_floating(kind.value_type))


def _split_vectors(chunk: pa.Array) -> list[npt.NDArray[np.float64] | None]:
    """The vector of each row of a chunk, without a Python number for each of theirs; a null within is NaN."""
    lengths = pc.fill_null(pc.list_value_length(chunk), 0).to_numpy(zero_copy_only=False)
    numbers = pc.fill_null(chunk.flatten().cast(pa.float64()), np.nan).to_numpy(zero_copy_only=False)
    parts = np.split(numbers, np.cumsum(lengths)[:-1]) if len(lengths) else []
    return [part if len(part) else None for part in parts]
