"""What a deployment fed a model with, kept in a `.npz`: the ids of rows, and the model's inputs for them."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_registry import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

ID = "id"
HINT = "write it with `np.savez(FILE, id=IDS, pixel_values=ARRAY)`, by the names of the model's inputs"


@dataclass(frozen=True)
class DeployedArrays:
    """The inputs of a model by their names, the rows first, and the positions of the parts of each row by its id."""

    arrays: Mapping[str, npt.NDArray[Any]]
    positions: Mapping[str, Sequence[int]]

    def row(self, name: str, mask: str = "") -> list[dict[str, npt.NDArray[Any]]]:
        """The inputs of each part of the row with this id, without the positions where the array `mask` is 0: these are padding."""
        return [self._part(position, mask) for position in self.positions[name]]

    def _part(self, position: int, mask: str) -> dict[str, npt.NDArray[Any]]:
        part = {key: array[position] for key, array in self.arrays.items()}
        if mask not in part:
            return part
        is_valid = part[mask] != 0
        return {key: array[is_valid] if array.shape == is_valid.shape else array for key, array in part.items()}


def read_deployed_arrays(path: Path, *, in_parts: bool = False) -> DeployedArrays:
    """The arrays in a file; a DataError where there are none, none by the ids of rows, or others than one for each row.

    Rows that a model is fed `in_parts`, such as windows, have their id once for each part.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, AttributeError, zipfile.BadZipFile) as error:
        raise DataError(f"`{path}` is no `.npz` that can be read: {error!s:.200}", hint=HINT) from error
    ids = arrays.pop(ID, None)
    if ids is None or ids.ndim != 1:
        raise DataError(f"`{path}` has no array `{ID}` with an id for each row", hint=HINT)
    names = [str(one) for one in ids.tolist()]
    positions: dict[str, list[int]] = {}
    for position, name in enumerate(names):
        positions.setdefault(name, []).append(position)
    if len(positions) < len(names) and not in_parts:
        raise DataError(f"`{path}` has an id twice", hint="each row of the data set stands in it once at most")
    for name, array in arrays.items():
        if array.shape[:1] != ids.shape:
            raise DataError(
                f"`{path}` has {len(names):,} ids and an array `{name}` of the shape {array.shape}",
                hint="the first axis of an input counts the rows",
            )
    return DeployedArrays(arrays, positions)
