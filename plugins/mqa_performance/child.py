"""The process that starts cold: `python -m mqa_performance.child FOLDER`, with the origin of a view on its input."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from mqa_registry import reopen

LIBRARIES = ("torch", "transformers", "tokenizers", "onnx", "onnxruntime")
STATUS = Path("/proc/self/status")
KIBI = 1024


def main() -> None:
    """Open the backend, run the batches that lie in the folder, and write down what that took."""
    folder = Path(sys.argv[1])
    origin = json.loads(sys.stdin.read())
    sample, *batches = (_arrays(file) for file in (folder / "sample.npz", *sorted(folder.glob("batch-*.npz"))))
    given = {int(file.stem.partition("-")[2]): _rows(file) for file in folder.glob("given-*.arrow")}
    idle, began = peak(), time.perf_counter()
    with reopen(origin, sample=sample, given=given) as runner:
        loaded, ready = peak(), time.perf_counter()
        runner.run(batches[0])
        first = time.perf_counter()
        for batch in batches[1:]:
            runner.run(batch)
        found = {
            "load_seconds": ready - began,
            "first_seconds": first - ready,
            "idle_bytes": idle,
            "loaded_bytes": loaded,
            "peak_bytes": peak(),
            "libraries": [name for name in LIBRARIES if name in sys.modules],
        }
    (folder / "told.json").write_text(json.dumps(found), encoding="utf-8")


def peak() -> int:
    """The most memory that this process had resident so far, in bytes."""
    # Not by `getrusage`, on Linux: there a process begins with the peak of the one that started it.
    if STATUS.is_file():
        lines = STATUS.read_text(encoding="ascii", errors="replace").splitlines()
        return next(int(line.split()[1]) * KIBI for line in lines if line.startswith("VmHWM:"))
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # in bytes on macOS


def _arrays(file: Path) -> dict[str, Any]:
    with np.load(file, allow_pickle=False) as arrays:
        names, *values = (arrays[key] for key in arrays.files)
        return dict(zip(names.tolist(), values, strict=True))


def _rows(file: Path) -> list[dict[str, Any]]:
    with pa.ipc.open_file(file) as reader:
        rows: list[dict[str, Any]] = reader.read_all().to_pylist()
        return rows


if __name__ == "__main__":
    main()
