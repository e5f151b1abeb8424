"""Rows of arrays, such as images and sounds that somebody made ready for a model."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from mqa_registry import DataError

if TYPE_CHECKING:
    import numpy.typing as npt

    from mqa_registry import Conditions

INPUTS = "inputs"
ROLES = ("id", "target", "cluster")  # arrays of these names are columns of their own


def rows_of_arrays(conditions: Conditions, *, path: Path) -> pa.Table:
    """Rows of a numpy `.npz`: every array in it is one input of the model, with the rows along its first axis.

    The inputs of a row are its field `inputs`. Arrays called `id`, `target` or `cluster` are columns of their own.
    Nothing in the file is unpickled.
    """
    arrays = _read(path)
    rows = {name: len(array) if array.ndim else -1 for name, array in arrays.items()}
    if len(set(rows.values())) != 1 or -1 in rows.values():
        told = ", ".join(f"`{name}` {array.shape}" for name, array in arrays.items())
        raise DataError(
            f"the arrays of `{path}` have different numbers of rows: {told}", hint="rows are the first axis"
        )
    inputs = {name: _nested(array) for name, array in arrays.items() if name not in ROLES}
    columns = {name: pa.array(arrays[name].tolist()) for name in ROLES if name in arrays}
    struct = pa.StructArray.from_arrays(list(inputs.values()), names=list(inputs))
    return pa.table({INPUTS: struct} | columns)


def _read(path: Path) -> dict[str, npt.NDArray[Any]]:
    try:
        with path.open("rb") as file:  # numpy leaves one that it opened itself open where it is no archive
            found = np.load(file, allow_pickle=False)
            arrays = {"": found} if isinstance(found, np.ndarray) else {name: found[name] for name in found.files}
    except FileNotFoundError as error:
        raise DataError(f"there is no file `{path}`") from error
    except MemoryError:
        raise  # which says nothing of the file
    except Exception as error:  # of the archive, of its compression, of numpy's headers: they have no common root
        raise DataError(
            f"`{path}` cannot be read as `.npz`: {_reason(path, error)}", hint="`numpy.savez` writes such a file"
        ) from error
    if "" in arrays:
        raise DataError(f"`{path}` is one array without a name", hint="`numpy.savez` writes arrays with names")
    if not arrays.keys() - set(ROLES):
        raise DataError(f"`{path}` has no arrays for a model to read")
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray):  # numpy hands over the bytes of whatever else an archive holds
            raise DataError(
                f"`{name}` of `{path}` is no array", hint="`numpy.savez` writes archives of arrays and nothing else"
            )
        if array.dtype.kind not in ("biuf" if name not in ROLES else "biufU"):
            raise DataError(f"the array `{name}` of `{path}` holds {array.dtype}, and a model reads numbers")
    return arrays


def _reason(path: Path, error: Exception) -> str:
    """In our words where numpy takes anything else for a pickle, and tells how to open it."""
    said = str(error).strip().partition("\n")[0] or type(error).__name__
    return f"{said:.200}" if not path.is_file() or zipfile.is_zipfile(path) else "it is no archive of arrays"


def _nested(array: npt.NDArray[Any]) -> pa.Array:
    """An array with its rows first as Arrow has it: lists of a fixed size in one another."""
    kind = np.float32 if array.dtype == np.float16 else array.dtype.newbyteorder("=")
    values = pa.array(np.ascontiguousarray(array, kind).ravel())
    for length in reversed(array.shape[1:]):
        values = pa.FixedSizeListArray.from_arrays(values, length)
    return values
