"""Footprint: the time to load, the memory and the disk space that a backend takes.

This process cannot measure load time and memory: it has loaded both backends, their libraries and the data. So another
process opens only the backend, in the same way, and runs batches that were encoded here; it loads no
tokenizer.
"""

from __future__ import annotations

import json
import math
import os
import pickle
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import numpy as np
import pyarrow as pa
from annotated_types import Ge, Gt, Le

from mqa_performance.benchmark import MAX_BATCH_SIZE, make_batches, sample_rows
from mqa_registry import Evidence, NoOptions, NotRunError, Probe

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mqa_performance.benchmark import Arrays, Batch
    from mqa_registry import ProbeContext

WORKER = "mqa_performance.footprint_worker"
MEGABYTE = 1e6


@dataclass(frozen=True, kw_only=True)
class ProcessOptions:
    """How many processes are measured.

    `processes` is how many are started, one after another. `timeout` is how many seconds each may take.
    """

    processes: Annotated[int, Ge(1)] = 1
    timeout: Annotated[float, Gt(0)] = 600.0


OptionsT = TypeVar("OptionsT", bound=ProcessOptions)


class ProcessProbe(Probe[OptionsT]):
    """What the probes share that measure a fresh process: they observe what it measured of itself, one row a process."""

    inputs = "runner"
    cacheable = False

    def columns(self, options: OptionsT) -> tuple[str, ...]:
        """No columns besides the fields."""
        return ()

    def evidence(self, table: pa.Table) -> Evidence:
        """The model libraries that the process had loaded."""
        return Evidence(details={"libraries": table.column("libraries")[0].as_py()})


@dataclass(frozen=True, kw_only=True)
class LoadTimeOptions(ProcessOptions):
    """How many processes load the model.

    The files are in the system's cache when they do.
    """

    processes: Annotated[int, Ge(1)] = 5


class LoadTime(ProcessProbe[LoadTimeOptions]):
    """Seconds that a fresh process takes until the model is ready, its libraries loaded, and milliseconds of the first run.

    `value` is the mean of the seconds, `first_run_ms` that of the milliseconds. What mqa does to be sure of the file, its
    checksum above all, is in it.
    """

    name = "load-time"
    version = 2
    outputs = ("value", "first_run_ms")
    ranges = dict.fromkeys(outputs, (0.0, math.inf))

    def observe(self, context: ProbeContext, options: LoadTimeOptions) -> pa.Table:
        return _run_workers(context, make_batches(context, sample_rows(context, 1), 1), options)

    def numbers(self, table: pa.Table) -> dict[str, Any]:
        """Of each process, the seconds until the model was ready, and the milliseconds of the first run."""
        return {
            "value": table.column("load_seconds").to_numpy(),
            "first_run_ms": 1000 * table.column("first_run_seconds").to_numpy(),
        }


@dataclass(frozen=True, kw_only=True)
class MemoryOptions(ProcessOptions):
    """What each process runs.

    `rows` is how many rows of the data are sampled. `batch_size` is how many are run at once.
    """

    batch_size: Annotated[int, Ge(1), Le(MAX_BATCH_SIZE)] = 8
    rows: Annotated[int, Ge(1)] = 64


class Memory(ProcessProbe[MemoryOptions]):
    """Megabytes that a fresh process has in memory at most, while it loads the model and runs rows of the data.

    It is the peak of the whole process's resident memory, with the interpreter and all libraries, without a GPU's memory.
    `before_load_mb` is the peak before the model is loaded, `after_load_mb` the peak once it is, before the first run.
    """

    name = "memory"
    version = 2
    outputs = ("value", "after_load_mb", "before_load_mb")
    ranges = dict.fromkeys(outputs, (0.0, math.inf))

    def observe(self, context: ProbeContext, options: MemoryOptions) -> pa.Table:
        return _run_workers(
            context, make_batches(context, sample_rows(context, options.rows), options.batch_size), options
        )

    def numbers(self, table: pa.Table) -> dict[str, Any]:
        """The largest of any process, in 10^6 bytes."""
        columns = {"value": "peak_bytes", "after_load_mb": "after_load_bytes", "before_load_mb": "before_load_bytes"}
        return {name: float(table.column(column).to_numpy().max()) / MEGABYTE for name, column in columns.items()}


class ModelSize(Probe[NoOptions]):
    """Megabytes on disk of the files that the backend runs: weights, and for ONNX the graph with its external data."""

    name = "model-size"
    inputs = "runner"
    outputs = ("value",)
    ranges: Mapping[str, tuple[float, float]] = {"value": (0.0, math.inf)}

    def columns(self, options: NoOptions) -> tuple[str, ...]:
        """No columns besides the fields."""
        return ()

    def observe(self, context: ProbeContext, options: NoOptions) -> pa.Table:
        n_bytes = context.view.runner.facts.bytes
        if n_bytes is None:
            raise NotRunError(f"backend `{context.view.backend}` does not report the size of its files")
        return pa.table({"bytes": [n_bytes]})

    def numbers(self, table: pa.Table) -> dict[str, float]:
        """One number, of 10^6 bytes."""
        return {"value": table.column("bytes")[0].as_py() / MEGABYTE}


def _run_workers(context: ProbeContext, batches: Sequence[Batch], options: ProcessOptions) -> pa.Table:
    """What each of several fresh processes measured of itself, one row a process."""
    context.view.runner.facts  # noqa: B018  # opens it here first, so that what it exports is there
    if context.view.spec is None:
        raise NotRunError(
            f"backend `{context.view.backend}` cannot be opened in another process",
            hint="a model that a Python program has in memory is no other's: save it, and name its files",
        )
    assert context.model_under_test is not None  # a backend that runs a model has one
    with tempfile.TemporaryDirectory(prefix="mqa-") as name:
        folder = Path(name)
        _write_arrays(folder / "sample.npz", context.model_under_test.sample())
        for count, examples in context.model_under_test.given.items():
            # Between two processes of this run: a row may have files, which no table has.
            (folder / f"given-{count}.pickle").write_bytes(pickle.dumps(list(examples)))
        for number, batch in enumerate(batches):
            _write_arrays(folder / f"batch-{number:06}.npz", batch.arrays)
        return pa.Table.from_pylist(
            [_run_worker(context.view.spec, folder, options.timeout) for _ in range(options.processes)]
        )


def _write_arrays(path: Path, arrays: Arrays) -> None:
    """The arrays without names, since `.npz` does not allow every name; before them comes the array of their names."""
    np.savez(path, np.array(list(arrays)), *arrays.values())


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
            raise NotRunError(f"a fresh process did not finish within {timeout:g} s, and was stopped") from None
    if done.returncode or not result.is_file():
        last = log.read_text("utf-8", "replace").strip().rpartition("\n")[2]
        raise NotRunError(f"a fresh process failed to run the model, with exit code {done.returncode}: {last:.300}")
    measured: dict[str, Any] = json.loads(result.read_text("utf-8"))
    return measured
