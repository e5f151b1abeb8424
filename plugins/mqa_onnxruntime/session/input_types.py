"""The types and shapes of a session's inputs and outputs, checked against what the task gives."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_onnxruntime.session.execution import fixed_batch_size
from mqa_onnxruntime.session.interface import DEFAULT_INTERFACE
from mqa_registry import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path
    from typing import TypeAlias

    import numpy.typing as npt

    from mqa_onnxruntime.session.interface import FileInterface

    Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]

BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")  # a key of TOML that needs no quotes
MISFIT_HINT = "is it an export of this model, and for this task?"
DTYPES: dict[str, type[np.generic]] = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
    "tensor(bool)": np.bool_,
    "tensor(string)": np.object_,
    **{f"tensor({name})": getattr(np, name) for name in ("int8", "int16", "int32", "int64", "uint8", "uint16")},
}


def input_types(
    session: Any, sample: Arrays, path: Path, interface: FileInterface = DEFAULT_INTERFACE
) -> dict[str, type[np.generic]]:
    """The numpy types of a session's inputs, by name.

    Raises a DataError where the task, whose batches look like `sample`, cannot give one of them.
    """
    if not interface.is_default:
        inputs, outputs = ([node.name for node in nodes] for nodes in (session.get_inputs(), session.get_outputs()))
        interface.check_names(inputs, outputs, path)
    fixed = fixed_batch_size(session, interface) is not None  # then rows are run so many at a time
    types = {}
    for node in session.get_inputs():
        if node.name in interface.constants:
            types[node.name] = _constant_type(node, interface.constants[node.name], path)
        else:
            types[node.name] = _input_type(node, sample, path, interface, fixed=fixed)
    if len(interface.constants) == len(types):
        raise DataError(f"every input of `{path}` is a constant", hint="one at least has to come of the data")
    return types


def check_outputs(session: Any, path: Path) -> None:
    """A DataError where an output is a list or a dictionary, which no output of the model can be compared with."""
    for node in session.get_outputs():
        if not node.type.startswith("tensor("):
            raise DataError(
                f"`{path}` gives `{node.name}` as {node.type}, and only tensors can be read",
                hint="export it with an output for each tensor, for a classifier without `ZipMap`",
            )


def _constant_type(node: Any, value: Any, path: Path) -> type[np.generic]:
    dtype = DTYPES.get(node.type)
    kind = _least_dtype(value)
    if dtype is None or kind is None or not np.can_cast(kind, dtype, "same_kind"):
        raise DataError(f"`{path}` takes `{node.name}` as {node.type}, and the constant is {value!r:.40}")
    return dtype


def _least_dtype(value: Any) -> np.dtype[Any] | None:
    """The narrowest type of a constant's kind, so that it casts to every width; None for what is no number."""
    try:
        array = np.asarray(value)
    except ValueError:  # lists of different lengths
        return None
    if array.dtype.kind not in "biuf":
        return None
    narrowest: dict[str, type[np.generic]] = {"i": np.int8, "u": np.int8, "f": np.float16}
    return np.dtype(narrowest.get(array.dtype.kind, array.dtype))


def _input_type(node: Any, sample: Arrays, path: Path, interface: FileInterface, *, fixed: bool) -> type[np.generic]:
    name = interface.task_name(node.name)
    if name not in sample:
        alias = f" as `{name}`" if name != node.name else ""
        raise DataError(
            f"`{path}` takes an input `{node.name}`{alias}, which this task does not give",
            hint=f'the task gives {_listed(sample)}: say which it is, `inputs = {{ {_key(node.name)} = "..." }}`, or a'
            f" value for all rows, `constants = {{ {_key(node.name)} = ... }}`",
        )
    given = sample[name]
    rows = interface.batch_axis_of(node)
    if rows is None and given.ndim == 1:  # one number for all rows
        shape: tuple[int, ...] = ()
    else:
        if len(node.shape) != given.ndim:
            raise DataError(
                f"`{path}` takes `{node.name}` with {len(node.shape)} axes, and this task gives it with {given.ndim}",
                hint=MISFIT_HINT,
            )
        if rows is not None and rows >= given.ndim:
            raise DataError(f"`batch_axis` of `{node.name}` is {rows}, and it has {given.ndim} axes")
        shape = np.moveaxis(given, 0, rows or 0).shape
    dtype = DTYPES.get(node.type)
    if dtype is None or not _can_feed(given.dtype, dtype):
        raise DataError(
            f"`{path}` takes `{node.name}` as {node.type}, and this task gives it as {given.dtype}", hint=MISFIT_HINT
        )
    for axis, length in enumerate(node.shape):
        if not (fixed and axis == rows) and isinstance(length, int) and length != shape[axis]:
            raise DataError(
                f"`{path}` takes `{node.name}` with a length of exactly {length} along axis {axis},"
                f" and this task gives it with {shape[axis]}",
                hint=_length_hint(node, axis, given.shape, rows),
            )
    return dtype


def _can_feed(given: np.dtype[Any], dtype: type[np.generic]) -> bool:
    """Whether an array of the task can be an input of this type; objects are texts, which no number is."""
    return given.kind == "U" if dtype is np.object_ else np.can_cast(given, dtype, "same_kind")


def _length_hint(node: Any, axis: int, given: tuple[int, ...], rows: int | None) -> str:
    """What fixes an axis of another length: to name the batch axis, where that makes all others fit."""
    if axis != rows:
        length = node.shape[axis]
        return f"export it with dynamic axes, or give it rows of {length} as arrays, padding and mask included, in a `.npz`"
    for candidate, length in enumerate(node.shape):
        moved = given[1 : candidate + 1] + given[:1] + given[candidate + 1 :]
        if not isinstance(length, int) and all(
            one == other for one, other in zip(node.shape, moved, strict=True) if isinstance(one, int)
        ):
            return f"if axis {candidate} counts its rows, say `batch_axis = {{ {_key(node.name)} = {candidate} }}`"
    return "export it with dynamic axes"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _key(name: str) -> str:
    """A name as a key of TOML."""
    return name if BARE_KEY.fullmatch(name) else json.dumps(name)
