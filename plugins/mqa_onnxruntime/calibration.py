"""Real rows for a quantizer, which measures with them how far activations reach."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_registry import DataError, fingerprint, read_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from mqa_onnxruntime.variant import Variant
    from mqa_registry import Example, Subject

ROWS = 128  # more add next to nothing to the ranges that are found


def calibration_rows(subject: Subject, variant: Variant) -> Sequence[Example]:
    """The rows of the variant's file, else of the suite's own data; a DataError where there are none."""
    if variant.calibration is not None:
        return _of_file(subject, variant.calibration)
    if rows := subject.examples(ROWS):
        return rows
    raise DataError(
        f"`{variant.precision}` needs rows to calibrate with, and there are no data",
        hint="name a file of rows as `calibration`",
    )


def rows_digest(rows: Sequence[Example]) -> str:
    """The sha256 of examples, in their order."""
    return hashlib.sha256(b"".join(fingerprint(row) for row in rows)).hexdigest()


def write_batches(subject: Subject, rows: Sequence[Example], path: Path) -> None:
    """Batches of one row each, so that no padding widens the ranges, as an `.npz`."""
    encoded = subject.codec.encode(rows)
    batches = (subject.codec.collate([row]) for row in encoded)
    arrays = {f"{number} {name}": array for number, batch in enumerate(batches) for name, array in batch.items()}
    np.savez(path, **arrays)  # type: ignore[arg-type]  # numpy's stubs take a name for its option `allow_pickle`


def read_batches(path: Path) -> Iterator[dict[str, npt.NDArray[Any]]]:
    """What `write_batches` wrote."""
    batches: dict[int, dict[str, npt.NDArray[Any]]] = {}
    with np.load(path, allow_pickle=False) as arrays:
        for key in arrays.files:
            number, _, name = key.partition(" ")
            batches.setdefault(int(number), {})[name] = arrays[key]
    yield from batches.values()


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
