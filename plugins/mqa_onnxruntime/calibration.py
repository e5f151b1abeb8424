"""Real rows for a quantizer, which measures with them how far activations reach."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from mqa_registry import DataError, fingerprint, read_table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mqa_onnxruntime.variant import Variant
    from mqa_registry import Example, Subject

ROWS = 128  # more add next to nothing to the ranges that are found


def samples(subject: Subject) -> Sequence[Example]:
    """The rows to trace a model with; a DataError where there are none."""
    if rows := subject.samples():
        return rows
    raise DataError(
        f"the task `{subject.task.name}` brings no rows to trace a model with, and there are no data",
        hint="name a file of rows with `--data`",
    )


def calibration_rows(subject: Subject, variant: Variant) -> Sequence[Example]:
    """The rows of the variant's file, else of the suite's own data; a DataError where there are none."""
    if variant.calibration is not None:
        return _of_file(subject, variant.calibration)
    if rows := subject.examples(ROWS):
        return rows
    raise DataError(
        f"`{variant.precision}` needs rows to calibrate with, and there are no data",
        hint="name a file of rows as `calibration`, for `mqa export` with `--data`",
    )


def rows_digest(rows: Sequence[Example]) -> str:
    """The sha256 of examples, in their order."""
    return hashlib.sha256(b"".join(fingerprint(row) for row in rows)).hexdigest()


def _of_file(subject: Subject, path: Path) -> Sequence[Example]:
    table = read_table(path)
    task = subject.task
    missing = [name for name in task.fields if name not in table.column_names and name not in task.optional]
    if missing:
        raise DataError(f"`{path}` has no column `{missing[0]}`, which `{task.name}` reads")
    if not table.num_rows:
        raise DataError(f"`{path}` has no rows to calibrate with")
    places = np.linspace(0, table.num_rows - 1, min(ROWS, table.num_rows)).astype(np.int64)
    names = [name for name in task.fields if name in table.column_names]
    return list(table.select(names).take(places).to_pylist())
