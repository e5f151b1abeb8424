"""Footprint: the time to load, the memory and the disk space that a backend takes.

This process cannot measure time to load and memory: it has loaded both backends, their libraries and the data. So another
process opens the backend alone, in the way that this one did, and runs batches that were encoded here; it loads no
tokenizer.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pyarrow as pa
from annotated_types import Ge, Gt, Le

from mqa_performance.benchmark import make_batches, sample_rows
from mqa_registry import NotRunError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mqa_performance.benchmark import Arrays
    from mqa_registry import ProbeContext

WORKER = "mqa_performance.footprint_worker"
TIMEOUT = 600.0  # seconds for one process
MEGABYTE = 1e6


def load_time(
    context: ProbeContext,
    *,
    processes: Annotated[int, Ge(1)] = 5,
    timeout: Annotated[float, Gt(0)] = TIMEOUT,
) -> pa.Table:
    """Seconds that a fresh process takes until the model is ready, its libraries loaded, and milliseconds of the first run.

    `processes` is how many are started, one after another; the files are in the system's cache by then. `timeout` is how
    many seconds each may take. What mqa does to be sure of the file, its checksum above all, is in it.
    """
    return _run_workers(context, sample_rows(context, 1), 1, processes, timeout)


def load_time_numbers(observations: pa.Table) -> dict[str, Any]:
    """Of each process, the seconds until the model was ready, and the milliseconds of the first run."""
    return {
        "value": observations.column("load_seconds").to_numpy(),
        "first_ms": 1000 * observations.column("first_seconds").to_numpy(),
    }


def memory(
    context: ProbeContext,
    *,
    batch: Annotated[int, Ge(1), Le(4096)] = 8,
    rows: Annotated[int, Ge(1)] = 64,
    processes: Annotated[int, Ge(1)] = 1,
    timeout: Annotated[float, Gt(0)] = TIMEOUT,
) -> pa.Table:
    """Megabytes that a fresh process has in memory at most, while it loads the model and runs rows of the data.

    It is the whole process's resident memory at its peak, with the interpreter and all libraries, on the CPU's side alone.
    `loaded_mb` is the peak until the model is loaded, `idle_mb` before. `rows` of the data are run in batches of `batch`.
    `processes` is how many are started, one after another, and `timeout` how many seconds each may take.
    """
    return _run_workers(context, sample_rows(context, rows), batch, processes, timeout)


def memory_numbers(observations: pa.Table) -> dict[str, Any]:
    """The largest of any process, in 10^6 bytes."""
    columns = {"value": "peak_bytes", "loaded_mb": "loaded_bytes", "idle_mb": "idle_bytes"}
    return {name: float(observations.column(column).to_numpy().max()) / MEGABYTE for name, column in columns.items()}


def process_evidence(observations: pa.Table) -> dict[str, Any]:
    """The model libraries that the process had loaded."""
    return {"libraries": observations.column("libraries")[0].as_py()}


def size(context: ProbeContext) -> pa.Table:
    """Megabytes on disk of the files that the backend runs: weights, and for ONNX the graph with its external data."""
    n_bytes = context.view.runner.facts.get("bytes")
    if not isinstance(n_bytes, int):
        raise NotRunError(f"backend `{context.view.backend}` does not say how large its files are")
    return pa.table({"bytes": [n_bytes]})


def size_numbers(observations: pa.Table) -> dict[str, float]:
    """One number, of 10^6 bytes."""
    return {"value": observations.column("bytes")[0].as_py() / MEGABYTE}


def _run_workers(
    context: ProbeContext, rows: Sequence[Arrays], batch_size: int, processes: int, timeout: float
) -> pa.Table:
    """What each of several fresh processes measured of itself, one row a process."""
    context.view.runner.facts  # noqa: B018  # it has to run here as asked, and what it exports has to be there
    if context.view.spec is None:
        raise NotRunError(f"nobody knows how to open backend `{context.view.backend}` in another process")
    assert context.model_under_test is not None  # a backend that runs a model has one
    with tempfile.TemporaryDirectory(prefix="mqa-") as name:
        folder = Path(name)
        _write_arrays(folder / "sample.npz", context.model_under_test.sample())
        for count, examples in context.model_under_test.given.items():
            _write_rows(folder / f"given-{count}.arrow", examples)
        for number, batch in enumerate(make_batches(context, rows, batch_size)):
            _write_arrays(folder / f"batch-{number:06}.npz", batch.arrays)
        return pa.Table.from_pylist([_run_worker(context.view.spec, folder, timeout) for _ in range(processes)])


def _write_arrays(path: Path, arrays: Arrays) -> None:
    """The arrays without names, since `.npz` does not allow every name; before them comes the array of their names."""
    np.savez(path, np.array(list(arrays)), *arrays.values())


def _write_rows(path: Path, examples: Sequence[Mapping[str, Any]]) -> None:
    table = pa.Table.from_pylist(list(examples))
    with pa.ipc.new_file(path, table.schema) as file:
        file.write_table(table)


def _run_worker(spec: Mapping[str, Any], folder: Path, timeout: float) -> dict[str, Any]:
    """What one process measured of itself; a NotRunError where it failed or did not end."""
    result, log = folder / "result.json", folder / "log"
    result.unlink(missing_ok=True)
    path = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
    with log.open("wb") as out:
        try:
            done = subprocess.run(  # noqa: S603  # our own interpreter, with our own module
                # `-P`: no module of the current folder passes for a library's.
                (sys.executable, "-P", "-m", WORKER, str(folder)),
                input=json.dumps(spec).encode(),
                stdout=out,
                stderr=subprocess.STDOUT,
                env=os.environ | {"PYTHONPATH": path},
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise NotRunError(f"a fresh process had not run the model after {timeout:g} s, and was stopped") from None
    if done.returncode or not result.is_file():
        last = log.read_text("utf-8", "replace").strip().rpartition("\n")[2]
        raise NotRunError(f"a fresh process that was to run the model ended with {done.returncode}: {last:.300}")
    measured: dict[str, Any] = json.loads(result.read_text("utf-8"))
    return measured
