"""What a deployment fed a model with, kept in a `.npz`: the ids of rows, and the model's inputs for them."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_registry import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy.typing as npt

ID = "id"
HINT = "write it with `np.savez(FILE, id=IDS, pixel_values=ARRAY)`, by the names of the model's inputs"


@dataclass(frozen=True)
class DeployedArrays:
    """The inputs of a model by their names, the rows first, and the position of each row by its id."""

    arrays: Mapping[str, npt.NDArray[Any]]
    positions: Mapping[str, int]

    def row(self, name: str, mask: str = "") -> dict[str, npt.NDArray[Any]]:
        """The inputs of the row with this id, without the positions where the array `mask` is 0: these are padding."""
        row = {key: array[self.positions[name]] for key, array in self.arrays.items()}
        if mask not in row:
            return row
        is_valid = row[mask] != 0
        return {key: array[is_valid] if array.shape == is_valid.shape else array for key, array in row.items()}


def read_deployed_arrays(path: Path) -> DeployedArrays:
    """The arrays in a file; a DataError where there are none, none by the ids of rows, or others than one for each row."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, AttributeError, zipfile.BadZipFile) as error:
        raise DataError(f"`{path}` is no `.npz` that can be read: {error!s:.200}", hint=HINT) from error
    ids = arrays.pop(ID, None)
    if ids is None or ids.ndim != 1:
        raise DataError(f"`{path}` has no array `{ID}` with an id for each row", hint=HINT)
    names = [str(one) for one in ids.tolist()]
    if len(set(names)) < len(names):
        raise DataError(f"`{path}` has an id twice", hint="each row of the data set stands in it once at most")
    for name, array in arrays.items():
        if array.shape[:1] != ids.shape:
            raise DataError(
                f"`{path}` has {len(names):,} ids and an array `{name}` of the shape {array.shape}",
                hint="the first axis of an input counts the rows",
            )
    return DeployedArrays(arrays, {name: position for position, name in enumerate(names)})
