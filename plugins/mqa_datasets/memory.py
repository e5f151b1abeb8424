"""Rows in memory: tables and arrays that a caller in Python passes to a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_datasets.files import NUMERIC_KINDS, ROLES, join_arrays
from mqa_registry import DataError, as_table

if TYPE_CHECKING:
    import numpy.typing as npt
    import pyarrow as pa

    from mqa_registry import RunContext


def rows_in_memory(context: RunContext, *, digest: str = "") -> pa.Table:
    """Rows in the memory of a Python program, which passes them: `run(suite, data={"NAME": TABLE})`.

    A table is a list of dicts, a dict of lists, a data frame that gives its columns by Arrow's stream interface (pandas from
    2.2, polars, pyarrow), or a data set of the `datasets` library. A dict of numeric arrays has the model's inputs by
    their names, as a `.npz` has them. `digest` is that of the rows: mqa sets it.
    """
    table: pa.Table = context.find_object(digest, "data set")
    return table


def rows_of_object(value: Any) -> pa.Table | None:
    """The table of an object in memory; None of one that is no table and no arrays."""
    arrays = _as_arrays(value) if isinstance(value, Mapping) else None
    return as_table(value) if arrays is None else join_arrays(arrays, "the dict")


def _as_arrays(values: Mapping[Any, Any]) -> dict[str, npt.NDArray[Any]] | None:
    """The arrays of a dict of them; None where a value is no array, or where all inputs are columns of words."""
    if not values or not all(hasattr(value, "__array__") for value in values.values()):
        return None
    try:
        arrays = {str(name): np.asarray(value) for name, value in values.items()}
    except (RuntimeError, TypeError, ValueError) as error:  # such as of a tensor with gradients, or on a GPU
        raise DataError(f"an array cannot be read: {error}", hint="pass arrays of numpy") from error
    inputs = [array for name, array in arrays.items() if name not in ROLES]
    return arrays if any(array.dtype.kind in NUMERIC_KINDS for array in inputs) else None
