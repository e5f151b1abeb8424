"""Rows in files: tables of every common format, and numpy arrays that are ready for a model."""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa

from mqa_registry import DataError, open_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from mqa_registry import RunContext, TableSource

    Array = npt.NDArray[Any]

INPUTS = "inputs"  # the field that has the arrays of a row
TABLE_NAME = re.compile(
    r"\.(?:parquet|arrow|feather|(?:csv|tsv|jsonl|ndjson|json)(?:\.(?:gz|bz2|zst))?)$", re.IGNORECASE
)
ROLES = ("id", "target", "cluster")  # arrays of these names become columns
NUMERIC_KINDS, TEXT_KIND = "biuf", "U"  # of numpy's dtypes


def rows_in_file(
    context: RunContext,
    *,
    path: Path,
    format: Literal["csv", "jsonl", "parquet", "arrow"] | None = None,  # noqa: A002 - the word that suites use
) -> TableSource:
    """Rows of a csv, tsv, jsonl, parquet or arrow file.

    `path` is the file. `format` follows from the suffix unless it is given. A csv or jsonl may be packed (.gz, .bz2, .zst) and in UTF-8 or
    UTF-16. In a csv a column holds numbers where every value is plainly one, else unchanged text: `007`, `True`
    and `2026-11-21` stay text, and an empty cell is a missing value. Its cells are parted by commas, a .tsv's by tabs,
    unless the header has none of these but semicolons, tabs or bars. In a jsonl every string stays text; a .json may be
    one array of rows. Class labels come by their names where the file, or a `dataset_info.json` in its folder, has them.
    """
    return open_table(path, format)


def is_table_name(name: str) -> bool:
    """Whether a file of this name is a table, packed or not."""
    return TABLE_NAME.search(name) is not None


def is_archive_name(name: str) -> bool:
    """Whether a file of this name is an archive of arrays."""
    return name.lower().endswith(".npz")


def rows_of_arrays(context: RunContext, *, path: Path) -> pa.Table:
    """Rows of a numpy `.npz`: every array in it is one input of the model, with the rows along its first axis.

    `path` is the file. The inputs of a row are its field `inputs`. Arrays called `id`, `target` or `cluster` are columns under
    these names.
    Nothing in the file is unpickled.
    """
    return join_arrays(_read_arrays(path), f"`{path}`")


def join_arrays(arrays: Mapping[str, Array], owner: str) -> pa.Table:
    """The table of arrays by their names: of each row its inputs, and its columns `id`, `target` and `cluster`.

    A DataError where they have different numbers of rows, or hold what no model reads; `owner` is where they are from.
    """
    if not arrays.keys() - set(ROLES):
        raise DataError(f"{owner} has no arrays for a model to read")
    for name, array in arrays.items():
        if array.dtype.kind not in (NUMERIC_KINDS + TEXT_KIND if name in ROLES else NUMERIC_KINDS):
            raise DataError(f"the array `{name}` of {owner} holds {array.dtype}, and a model reads numbers")
    n_rows = {len(array) if array.ndim else -1 for array in arrays.values()}
    if len(n_rows) != 1 or -1 in n_rows:
        shapes = ", ".join(f"`{name}` {array.shape}" for name, array in arrays.items())
        raise DataError(
            f"the arrays of {owner} have different numbers of rows: {shapes}", hint="rows are the first axis"
        )
    inputs = {name: _to_arrow(array) for name, array in arrays.items() if name not in ROLES}
    columns = {name: pa.array(arrays[name].tolist()) for name in ROLES if name in arrays}
    struct = pa.StructArray.from_arrays(list(inputs.values()), names=list(inputs))
    return pa.table({INPUTS: struct} | columns)


@dataclass(frozen=True)
class _NumpyFile:
    """What numpy reads of a file: its members by their names, each an array or the bytes of another file.

    `has_unnamed_array` says that there is an array without a name, as a `.npy` has one.
    """

    members: Mapping[str, Array | bytes]
    has_unnamed_array: bool


def _load(path: Path) -> _NumpyFile:
    """The content of a `.npz` or `.npy`; a DataError where it cannot be read."""
    try:
        with path.open("rb") as file:  # numpy does not close one that it opened itself, where it is no archive
            content = np.load(file, allow_pickle=False)
            if isinstance(content, np.ndarray):
                return _NumpyFile({}, has_unnamed_array=True)
            return _NumpyFile({name: content[name] for name in content.files if name}, "" in content.files)
    except FileNotFoundError as error:
        raise DataError(f"there is no file `{path}`") from error
    except MemoryError:
        raise  # it is about this machine, and not about the file
    except Exception as error:  # of the archive, of its compression, of numpy's headers: they have no common root
        raise DataError(
            f"`{path}` cannot be read as `.npz`: {_summarize_error(path, error)}",
            hint="`numpy.savez` writes such a file",
        ) from error


def _read_arrays(path: Path) -> dict[str, Array]:
    """The arrays of a `.npz` by their names; a DataError where it holds anything else."""
    file = _load(path)
    if file.has_unnamed_array:
        raise DataError(f"`{path}` is one array without a name", hint="`numpy.savez` writes arrays with names")
    arrays = {}
    for name, array in file.members.items():
        if not isinstance(array, np.ndarray):
            raise DataError(
                f"`{name}` of `{path}` is no array", hint="`numpy.savez` writes archives of arrays and nothing else"
            )
        arrays[name] = array
    return arrays


def _summarize_error(path: Path, error: Exception) -> str:
    """The first line of an error, or that the file is no archive: numpy takes such a file for a pickle, and says how to open it."""
    if path.is_file() and not zipfile.is_zipfile(path):
        return "it is no archive of arrays"
    return (str(error).strip().partition("\n")[0] or type(error).__name__)[:200]


def _to_arrow(array: Array) -> pa.Array:
    """An array with its rows first as nested Arrow lists of fixed sizes."""
    dtype = np.float32 if array.dtype == np.float16 else array.dtype.newbyteorder("=")
    values = pa.array(np.ascontiguousarray(array, dtype).ravel())
    for length in reversed(array.shape[1:]):
        values = pa.FixedSizeListArray.from_arrays(values, length)
    return values
