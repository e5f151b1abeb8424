"""Rows and batches of arrays as files, without a pickle: how they get into another process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path
    from typing import TypeAlias

    import numpy.typing as npt

    Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]


def write_arrays(path: Path, items: Iterable[Arrays]) -> Path:
    """Write mappings of arrays as one `.npz`, each array under its mapping's number and its own name."""
    arrays: dict[str, Any] = {
        f"{number} {name}": array for number, item in enumerate(items) for name, array in item.items()
    }
    np.savez(path, allow_pickle=False, **arrays)
    return path


def read_arrays(path: Path) -> list[dict[str, npt.NDArray[Any]]]:
    """What `write_arrays` wrote."""
    items: dict[int, dict[str, npt.NDArray[Any]]] = {}
    with np.load(path, allow_pickle=False) as arrays:
        for key in arrays.files:
            number, _, name = key.partition(" ")
            items.setdefault(int(number), {})[name] = arrays[key]
    return list(items.values())
