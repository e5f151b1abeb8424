"""Inputs of a model as a caller names or passes them: a file of rows, a table, texts, or the arrays of its arguments."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqa_registry.errors import DataError, UsageError, summarize_error
from mqa_registry.naming import counted

if TYPE_CHECKING:
    import numpy.typing as npt

    from mqa_registry.run_options import RunOptions

    Arrays = Mapping[str, npt.NDArray[Any]]

ARRAY_SUFFIX = ".npz"
ID, TEXT = "id", "text"  # columns of rows that are made of texts or arrays
FORMS = (
    "pass an array or a tensor, a tuple or a dict of them by the model's arguments, a list of texts or of dicts, a table, "
    "or the path of a file"
)


@dataclass(frozen=True, kw_only=True)
class RowSources:
    """The data sets, as a suite names them, of rows that a caller has not: `sample`, or names: `table`, `arrays` and `folder`."""

    sample: str
    table: str
    arrays: str
    folder: str


@dataclass(frozen=True)
class ResolvedRows:
    """Rows as a suite has them: the `table` of their data set, and the objects in memory that it names by their digests.

    `are_arrays` says that they are a model's inputs as they are.
    """

    table: Mapping[str, Any]
    objects: Mapping[str, Any] = field(default_factory=dict, repr=False)
    are_arrays: bool = False


def resolve_rows(
    inputs: object, model: object, options: RunOptions, *, columns: Mapping[str, str], sources: RowSources
) -> ResolvedRows:
    """The rows of inputs that a caller of a function names or passes; None stands for rows that need no data.

    `model` is the name or the object that they are for: of a module, positional inputs are those of its `forward`.
    `columns` maps columns to fields as in a suite. Raises a UsageError where there are no such rows.
    """
    if inputs is None or isinstance(inputs, str | os.PathLike):
        return _resolve_named(inputs, columns, sources)
    from mqa_registry import plugins
    from mqa_registry.suite.live_objects import DIGEST, take_table
    from mqa_registry.types.digests import digest_table

    value, are_arrays = _normalize(inputs, model)
    if are_arrays:
        _check_columns(columns)
    use, table = take_table("inputs", value, plugins.load_all(files=options.plugin_files))
    if not len(table):
        raise UsageError("`inputs` has no rows", hint="a comparison needs at least one")
    digest = digest_table(table)
    return ResolvedRows({"use": use, DIGEST: digest, **_column_table(columns)}, {digest: table}, are_arrays)


def _resolve_named(
    path: str | os.PathLike[str] | None, columns: Mapping[str, str], sources: RowSources
) -> ResolvedRows:
    if path is None:
        _check_columns(columns)
        return ResolvedRows({"use": sources.sample})
    name = os.fspath(path)
    if Path(name).is_dir():
        return ResolvedRows({"use": sources.folder, "path": name, **_column_table(columns)})
    if not Path(name).is_file():
        is_text = isinstance(path, str)
        hint = (
            "a text alone is taken for a path: pass texts as a list" if is_text else "name a file of rows that is there"
        )
        raise UsageError(f"there is no file `{name}`", hint=hint)
    if Path(name).suffix != ARRAY_SUFFIX:
        return ResolvedRows({"use": sources.table, "path": name, **_column_table(columns)})
    _check_columns(columns)
    return ResolvedRows({"use": sources.arrays, "path": name}, are_arrays=True)


def _check_columns(columns: Mapping[str, str]) -> None:
    """A UsageError where columns are mapped of rows that have none."""
    if columns:
        raise UsageError("`columns` maps the columns of rows, and these have none", hint="leave `columns` out")


def _column_table(columns: Mapping[str, str]) -> dict[str, Any]:
    return {"columns": dict(columns)} if columns else {}


def _normalize(inputs: object, model: object) -> tuple[object, bool]:
    """The inputs as a table, or as what a data set in memory takes for one; and whether they are arrays."""
    if _is_call(inputs):
        return _with_ids(_name_arguments(inputs, model)), True
    if not isinstance(inputs, Sequence) or isinstance(inputs, bytes):
        return inputs, False
    if not inputs:
        raise UsageError("`inputs` is empty", hint=FORMS)
    if all(isinstance(one, str) for one in inputs):
        return [{ID: f"row-{number}", TEXT: text} for number, text in enumerate(inputs)], False
    if all(map(_is_call, inputs)):
        return _with_ids(_join_calls([_name_arguments(one, model) for one in inputs])), True
    if all(isinstance(one, Mapping) for one in inputs):
        return inputs, False
    kinds = sorted({type(one).__name__ for one in inputs})
    raise UsageError(f"`inputs` is a list of {' and '.join(f'`{kind}`' for kind in kinds)}", hint=FORMS)


def _is_array(value: object) -> bool:
    """Whether a value is an array or a tensor, of whatever library, and no data frame."""
    return hasattr(value, "__array__") and hasattr(value, "shape") and not hasattr(value, "columns")


def _is_call(value: object) -> bool:
    """Whether a value has the inputs of one call of a model: an array, or arrays by the position or the name of arguments."""
    values = value.values() if isinstance(value, Mapping) else value if isinstance(value, tuple) else ()
    return _is_array(value) or (bool(values) and all(map(_is_array, values)))


def _name_arguments(call: object, model: object) -> Arrays:
    """The arrays of one call by the names of the model's arguments; a UsageError where a position has no name."""
    if isinstance(call, Mapping):
        return {str(name): _to_array(value) for name, value in call.items()}
    values = call if isinstance(call, tuple) else (call,)
    names = _list_arguments(model)
    if len(values) > len(names):
        what = f"`{model}`" if isinstance(model, str | os.PathLike) else f"the `{type(model).__name__}`"
        known = f"takes {_join_names(names)}" if names else "does not tell the names of its inputs"
        raise UsageError(
            f"`inputs` has {counted(len(values), 'array')} without a name, and {what} {known}",
            hint='pass a dict by the names of its inputs, as in `inputs={"input_ids": ARRAY}`',
        )
    return {name: _to_array(value) for name, value in zip(names, values, strict=False)}


def _list_arguments(model: Any) -> list[str]:
    """The names of the positional arguments of a module's `forward`; none where they are not known."""
    module = getattr(model, "model", model) if not hasattr(model, "named_modules") else model
    if not hasattr(module, "named_modules"):  # the name of a model, say
        return []
    try:
        parameters = inspect.signature(module.forward).parameters.values()
    except (TypeError, ValueError):  # of compiled code, such as a traced module
        return []
    return [one.name for one in parameters if one.kind in {one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD}]


def _join_calls(calls: Sequence[Arrays]) -> Arrays:
    """The rows of several calls as those of one; a UsageError where they have different inputs, or shapes of one row."""
    import numpy as np

    first = calls[0]
    if other := next((one for one in calls if one.keys() != first.keys()), None):
        raise UsageError(
            f"`inputs` has batches of {_join_names(first)} and of {_join_names(other)}", hint="give all the same inputs"
        )
    for name in first:
        shapes = {one[name].shape[1:]: one[name].shape for one in calls}
        if len(shapes) > 1:
            listed = " and ".join(str(shape) for shape in list(shapes.values())[:2])
            raise UsageError(
                f"`inputs` has batches of `{name}` with the shapes {listed}",
                hint="the first axis counts rows; pad the others to one length",
            )
    return {name: np.concatenate([np.atleast_1d(one[name]) for one in calls]) for name in first}


def _join_names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _with_ids(arrays: Arrays) -> Arrays:
    """The arrays with an id for every row, its number, which a report then names it by."""
    import numpy as np

    rows = {len(array) if array.ndim else 0 for array in arrays.values()}
    if ID in arrays or len(rows) != 1:
        return arrays
    return {ID: np.array([f"row-{number}" for number in range(rows.pop())], dtype=np.str_), **arrays}


def _to_array(value: Any) -> npt.NDArray[Any]:
    """An array of numpy; of a tensor its values, on any device, with or without gradients. A DataError where there is none."""
    import numpy as np

    try:
        tensor = value.detach().cpu() if hasattr(value, "detach") else value
        return np.asarray(tensor)
    except (RuntimeError, TypeError, ValueError) as error:
        raise DataError(
            f"an array of `inputs` cannot be read: {summarize_error(error)}", hint="pass arrays of numpy"
        ) from error
