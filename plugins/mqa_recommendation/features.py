"""Features: the numbers by which a model knows a user or an item, as arrays by the names of the model's inputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mqa_registry import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]

USER, ITEM = "user", "item"  # fields of a row, and inputs of the model where they are one number or one list
FEATURES = "features"  # their modality: a number, a list of numbers, or an object of either
USER_EMBEDDING, ITEM_EMBEDDING = "user_embedding", "item_embedding"  # outputs of a model with a tower for each

HINT = "a category is its number among those that the model was trained with"
LENGTH_HINT = "fill lists up to one length, as for the training"


def read_features(field: str, value: Any) -> dict[str, npt.NDArray[Any]]:
    """The arrays of a user or an item: of an object one for each of its keys, of anything else one with the field's name.

    Whole numbers are int64, others float32, truth values stay such. A DataError names the feature that is none of these.
    """
    given = value if isinstance(value, Mapping) else {field: value}
    return {str(name): _as_array(str(name), one) for name, one in given.items()}


def stack(rows: Sequence[Arrays]) -> dict[str, npt.NDArray[Any]]:
    """The arrays of several rows by their names, with the rows first; a DataError where a feature has other sizes in some."""
    if other := next((row for row in rows if row.keys() != rows[0].keys()), None):
        name = min(other.keys() ^ rows[0].keys())
        raise DataError(
            f"some rows have the feature `{name}` and others do not", hint="give all rows the same features"
        )
    return {name: _stack_one(name, [row[name] for row in rows]) for name in rows[0]}


def _as_array(name: str, value: Any) -> npt.NDArray[Any]:
    try:
        array = np.asarray(value)
    except ValueError as error:  # lists of several lengths
        raise DataError(f"the feature `{name}` is a list of lists of several lengths", hint=LENGTH_HINT) from error
    if array.dtype.kind not in "biuf":
        raise DataError(f"the feature `{name}` is {value!r:.40}, and the model reads numbers", hint=HINT)
    if array.dtype.kind == "b":
        return array
    if array.dtype.kind != "f":
        return array.astype(np.int64)
    if not np.isfinite(array).all():
        raise DataError(f"the feature `{name}` is {value!r:.40}", hint="fill what is missing as for the training")
    return array.astype(np.float32)


def _stack_one(name: str, arrays: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    if len({array.shape for array in arrays}) > 1:
        sizes = " and ".join(str(size) for size in sorted({array.size for array in arrays})[:2])
        raise DataError(f"the feature `{name}` has {sizes} numbers", hint=LENGTH_HINT)
    return np.array(arrays)  # of numbers and short lists; `np.stack` takes ten times as long for those
