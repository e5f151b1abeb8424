"""The rows that an export is made with: to trace the model, to calibrate a quantizer, and as files for another process."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_registry import DataError, fingerprint, read_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path
    from typing import TypeAlias

    import numpy.typing as npt

    from mqa_onnxruntime.export.conversion import ExportPrecision
    from mqa_registry import Example, ModelUnderTest

    Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]

CALIBRATION_ROWS = 128  # more add next to nothing to the ranges that are measured


def trace_rows(model_under_test: ModelUnderTest) -> Sequence[Example]:
    """The rows to trace a model with; a DataError where there are none."""
    if rows := model_under_test.samples():
        return rows
    raise DataError(
        f"the task `{model_under_test.task.name}` brings no rows to trace a model with, and there are no data",
        hint="name a file of rows with `--data`",
    )


def calibration_rows(model_under_test: ModelUnderTest, precision: ExportPrecision) -> Sequence[Example]:
    """The rows of the calibration file, else of the suite's own data; a DataError where there are none."""
    if precision.calibration is not None:
        return _rows_of_file(model_under_test, precision.calibration)
    if rows := model_under_test.examples(CALIBRATION_ROWS):
        return rows
    raise DataError(
        f"`{precision.precision}` needs rows to calibrate with, and there are no data",
        hint="name a file of rows as `calibration`, for `mqa export` with `--data`",
    )


def rows_digest(rows: Sequence[Example]) -> str:
    """The sha256 of examples, in their order."""
    return hashlib.sha256(b"".join(fingerprint(row) for row in rows)).hexdigest()


def write_arrays(path: Path, items: Iterable[Arrays]) -> Path:
    """Write mappings of arrays as one `.npz` without pickles, each array under its mapping's number and its own name."""
    arrays: dict[str, Any] = {
        f"{number} {name}": array for number, item in enumerate(items) for name, array in item.items()
    }
    np.savez(path, allow_pickle=False, **arrays)
    return path


def read_arrays(path: Path) -> list[dict[str, npt.NDArray[Any]]]:
    """The mappings of arrays that `write_arrays` wrote."""
    items: dict[int, dict[str, npt.NDArray[Any]]] = {}
    with np.load(path, allow_pickle=False) as arrays:
        for key in arrays.files:
            number, _, name = key.partition(" ")
            items.setdefault(int(number), {})[name] = arrays[key]
    return list(items.values())


def _rows_of_file(model_under_test: ModelUnderTest, path: Path) -> Sequence[Example]:
    """Evenly spaced rows of a table, with the fields that the task reads."""
    table = read_table(path)
    task = model_under_test.task
    missing = [name for name in task.fields if name not in table.column_names and name not in task.optional]
    if missing:
        raise DataError(f"`{path}` has no column `{missing[0]}`, which `{task.name}` reads")
    if not table.num_rows:
        raise DataError(f"`{path}` has no rows to calibrate with")
    indices = np.linspace(0, table.num_rows - 1, min(CALIBRATION_ROWS, table.num_rows)).astype(np.int64)
    names = [name for name in task.fields if name in table.column_names]
    return list(table.select(names).take(indices).to_pylist())
