"""How fast images are perturbed and predicted, and in how much memory, beside the script that one would write.

    python -m tests.benchmarks.images [--images 5000] [--rounds 1] [--part mqa]
    python -m tests.benchmarks.images --images 50000 --width 64 --side 32 --severities 1 --part mqa \
        [--flags "--executor ray/cluster"]

Generated photos of about 64 kB under 3 corruptions at 5 severities, and as they are, through a small CNN. The script has a
`DataLoader` with 2 workers, and makes one pass for each corruption and severity. Printed are the ratio of times, the
largest memory of each, all of its processes together, and the share of the time for which mqa's forward pass was busy, from
its first batch to the last. Nothing here passes or fails.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from tests.benchmarks.photos import CLASSES, PASSES, SIDE
from tests.benchmarks.predict import spread

HERE = Path(__file__).parent
PLUGIN, SCRIPT = HERE / "photos.py", HERE / "photo_script.py"
WIDTH = 320  # pixels; the height is three quarters of it
QUALITY = 92
GRAIN = 44.0  # of the noise that makes such a photo 64 kB
CORRUPTIONS = ("noise", "blur", "contrast")
CHECK = """
[[check]]
measure = "metrics/accuracy"
perturb = {{ use = "photos/{name}", severity = {severities} }}
expect = {{ max_drop = 1.0 }}
"""
SUITE = """
format = 1
name = "photos"
seed = 7
[model]
use = "photos/cnn"
task = "photos/classify"
[data.photos]
use = "datasets/file"
path = "photos.parquet"
[backends.torch]
use = "transformers/torch"
"""


@dataclass(frozen=True)
class Measured:
    """What one process took: seconds, and megabytes with all that it started at most."""

    seconds: float
    megabytes: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--part", choices=("mqa", "script"), help="measure this part alone")
    parser.add_argument("--flags", default="", help="further flags of `mqa run`")
    parser.add_argument("--width", type=int, default=WIDTH, help="pixels of a photo's width")
    parser.add_argument("--side", type=int, default=96, help="pixels of a side of what the CNN sees")
    parser.add_argument("--severities", type=int, default=5, help="of each corruption")
    given = parser.parse_args()
    os.environ[SIDE] = str(given.side)
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {given.images:,} images")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print(f"of {write_photos(folder, given.images, given.width) / 1000:.0f} kB on average", flush=True)
        (folder / "suite.toml").write_text(write_suite(given.severities))
        ours, script = [], []
        for number in range(given.rounds):
            if given.part in (None, "mqa"):
                ours.append(run_mqa(folder, folder / f"store-{number}", given.flags.split()))
            if given.part in (None, "script"):
                script.append(run_measured([sys.executable, str(SCRIPT), str(folder / "photos.parquet")]))
                print(f"  script: {script[-1].seconds:.1f} s, {script[-1].megabytes:.0f} MB", flush=True)
        if ours and script:
            print(f"  script / mqa: {spread([one.seconds for one in script], [one.seconds for one in ours])}")


def write_suite(severities: int) -> str:
    """The suite: every corruption at severities from 1 up."""
    levels = list(range(1, severities + 1))
    return SUITE + "".join(CHECK.format(name=name, severities=levels) for name in CORRUPTIONS)


def write_photos(folder: Path, images: int, width: int) -> float:
    """Write photos with a table of their paths and classes; returns their mean size in bytes."""
    height = width * 3 // 4
    (folder / "photos").mkdir()
    rng = np.random.default_rng(7)
    grain = rng.normal(0, GRAIN, (height * 2, width * 2, 3)).astype(np.float32)
    names = [f"photos/{number:06}.jpg" for number in range(images)]
    for name in names:
        coarse = Image.fromarray(rng.integers(0, 256, (6, 8, 3), np.uint8))
        photo = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), np.float32)
        top, left = rng.integers(height), rng.integers(width)
        photo = np.clip(photo + grain[top : top + height, left : left + width], 0, 255)
        Image.fromarray(photo.astype(np.uint8)).save(folder / name, quality=QUALITY)
    labels = [f"class {number}" for number in rng.integers(CLASSES, size=images)]
    pq.write_table(pa.table({"image": names, "label": labels}), folder / "photos.parquet")
    return statistics.mean((folder / name).stat().st_size for name in names)


def run_mqa(folder: Path, store: Path, flags: list[str]) -> Measured:
    """Run the suite, and print what it took, and how busy the forward pass was."""
    suite, passes = folder / "suite.toml", store.with_suffix(".passes")
    command = [sys.executable, "-m", "mqa_registry.cli", "run", str(suite), "--plugin", str(PLUGIN)]
    measured = run_measured([*command, "--store", str(store), "-q", *flags], {PASSES: str(passes)}, (0, 1, 3, 4))
    times = np.loadtxt(passes)[1:]  # without the first, which measures batches
    starts, ends, rows = times.T
    busy = (ends - starts).sum() / (ends[-1] - starts[0])
    print(
        f"  mqa: {measured.seconds:.1f} s, {measured.megabytes:.0f} MB, {rows.sum():,.0f} rows in {len(rows):,} passes,"
    )
    print(f"    forward pass busy for {busy:.0%} of {ends[-1] - starts[0]:.1f} s", flush=True)
    return measured


def run_measured(
    command: list[str], environment: dict[str, str] | None = None, codes: tuple[int, ...] = (0,)
) -> Measured:
    """Run a command to its end, and measure its time and memory."""
    start = time.perf_counter()
    process = subprocess.Popen(command, env=os.environ | (environment or {}))
    memory = _MemoryPeak(process.pid)
    memory.start()
    code = process.wait()
    seconds = time.perf_counter() - start
    memory.end.set()
    memory.join()
    assert code in codes, f"{command[1:4]} ended with {code}"
    return Measured(seconds, memory.peak / 2**20)


class _MemoryPeak(threading.Thread):
    """The largest memory of a process with all that it started, in bytes; pages that they share are counted once."""

    def __init__(self, process: int) -> None:
        super().__init__(daemon=True)
        self.peak = 0
        self.end = threading.Event()
        self._process = process

    def run(self) -> None:
        while not self.end.wait(0.25):
            self.peak = max(self.peak, sum(map(_read_memory, _list_tree(self._process))))


def _list_tree(process: int) -> list[int]:
    """A process with all that it started."""
    try:
        lists = [path.read_text() for path in Path(f"/proc/{process}/task").glob("*/children")]
    except OSError:
        return [process]
    return [process, *(one for words in lists for child in words.split() for one in _list_tree(int(child)))]


def _read_memory(process: int) -> int:
    """The memory of a process in bytes: its own pages, and its share of those of several; 0 where it has ended."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("Pss:")), 0)


if __name__ == "__main__":
    main()
