"""Whether an ONNX file takes what the task gives, and gives what can be read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_onnxruntime.portions import fixed_rows
from mqa_registry import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import TypeAlias

    import numpy.typing as npt

    Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]

FIT = "is it an export of this model, and for this task?"
DTYPES: dict[str, type[np.generic]] = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
    "tensor(bool)": np.bool_,
    **{f"tensor({name})": getattr(np, name) for name in ("int8", "int16", "int32", "int64", "uint8", "uint16")},
}


def input_types(session: Any, sample: Arrays, path: Path) -> dict[str, type[np.generic]]:
    """The session's inputs with the types it takes them in; a DataError where the task cannot give one of them."""
    first = 0 if fixed_rows(session) is None else 1  # a fixed number of rows is met by portions
    return {node.name: _input_type(node, sample, path, first) for node in session.get_inputs()}


def check_outputs(session: Any, path: Path) -> None:
    """A DataError where an output is a list or a dictionary, which no output of the model could be held against."""
    for node in session.get_outputs():
        if not node.type.startswith("tensor("):
            raise DataError(
                f"`{path}` gives `{node.name}` as {node.type}, and only tensors can be read",
                hint="export it with an output for each tensor, for a classifier without `ZipMap`",
            )


def _input_type(node: Any, sample: Arrays, path: Path, first: int) -> type[np.generic]:
    if node.name not in sample:
        raise DataError(
            f"`{path}` takes an input `{node.name}`, which this task does not give",
            hint=f"the task gives {', '.join(f'`{name}`' for name in sample)}",
        )
    given = sample[node.name]
    if len(node.shape) != given.ndim:
        raise DataError(
            f"`{path}` takes `{node.name}` with {len(node.shape)} axes, and this task gives it with {given.ndim}",
            hint=FIT,
        )
    wanted = DTYPES.get(node.type)
    if wanted is None or not np.can_cast(given.dtype, wanted, "same_kind"):
        raise DataError(
            f"`{path}` takes `{node.name}` as {node.type}, and this task gives it as {given.dtype}", hint=FIT
        )
    for axis, length in enumerate(node.shape):
        if axis >= first and isinstance(length, int) and length != given.shape[axis]:
            alone = f", or give it rows of {length} as arrays, padding and mask included, in a `.npz`" if axis else ""
            raise DataError(
                f"`{path}` takes `{node.name}` with a length of exactly {length} along axis {axis},"
                f" and this task gives it with {given.shape[axis]}",
                hint=f"export it with dynamic axes{alone}",
            )
    return wanted
