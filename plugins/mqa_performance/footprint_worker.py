"""A fresh process that opens a backend and runs batches: `python -m mqa_performance.footprint_worker FOLDER`.

The folder has the batches, encoded; standard input has the spec of the view, by which the backend is opened again.
"""

from __future__ import annotations

import json
import pickle
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from mqa_registry import reopen_runner

LIBRARIES = ("torch", "transformers", "tokenizers", "onnx", "onnxruntime")
PROC_STATUS = Path("/proc/self/status")
KIBIBYTE = 1024


def main() -> None:
    """Open the backend, run the batches of the folder, and write into it what that took."""
    folder = Path(sys.argv[1])
    spec = json.loads(sys.stdin.read())
    sample, *batches = map(_read_arrays, (folder / "sample.npz", *sorted(folder.glob("batch-*.npz"))))
    files = {int(file.stem.partition("-")[2]): file for file in folder.glob("given-*.pickle")}
    given = {count: pickle.loads(file.read_bytes()) for count, file in files.items()}  # noqa: S301  # of this run
    before_load, began = peak_memory(), time.perf_counter()
    with reopen_runner(spec, sample=sample, given=given) as runner:
        after_load, ready = peak_memory(), time.perf_counter()
        runner.run(batches[0])
        first = time.perf_counter()
        for batch in batches[1:]:
            runner.run(batch)
        result = {
            "load_seconds": ready - began,
            "first_run_seconds": first - ready,
            "before_load_bytes": before_load,
            "after_load_bytes": after_load,
            "peak_bytes": peak_memory(),
            "libraries": [name for name in LIBRARIES if name in sys.modules],
        }
    (folder / "result.json").write_text(json.dumps(result), encoding="utf-8")


def peak_memory() -> int:
    """The most memory that this process had resident so far, in bytes."""
    # On Linux `getrusage` would not do: there a process begins with the peak of the one that started it.
    if PROC_STATUS.is_file():
        lines = PROC_STATUS.read_text(encoding="ascii", errors="replace").splitlines()
        return next(int(line.split()[1]) * KIBIBYTE for line in lines if line.startswith("VmHWM:"))
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # in bytes on macOS


def _read_arrays(file: Path) -> dict[str, Any]:
    with np.load(file, allow_pickle=False) as arrays:
        names, *values = (arrays[key] for key in arrays.files)
        return dict(zip(names.tolist(), values, strict=True))


if __name__ == "__main__":
    main()
