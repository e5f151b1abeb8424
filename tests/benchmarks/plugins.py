"""What a hundred installed plugins cost those who use two of them: `mqa --help`, and a run of replayed predictions.

    python -m tests.benchmarks.plugins [--rounds 7]

The plugins give a metric each and print where they are imported, which none but the named may be. The time is that of the
processor, of whole commands, with the plugins and without them by turns; of each the least.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

PLUGINS, NAMED = 100, 2
MAX_SECONDS = 0.1  # that they may add to a run
MAX_HELP_SECONDS = 0.03  # that they may add to the help, for finding that they give no command
MODULE = """
import sys
from mqa_registry import Metric, hookimpl

print("{name} is imported", file=sys.stderr)


def right(predictions, targets):
    "The share of right rows."
    return predictions.codes == targets.codes


@hookimpl
def mqa_metrics():
    yield Metric("right", right, schemas=("label",), range=(0.0, 1.0))
"""
SUITE = """
format = 1
[data.reviews]
use = "datasets/file"
path = "reviews.csv"
[backends.model]
use = "replay/file"
path = "reviews.csv"
"""
CHECK = """
[[check]]
measure = "{name}/right"
gate = "point"
expect = {{ min = 0.5 }}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        names = [f"plugin{number:03}" for number in range(PLUGINS)]
        few, many = folder / "few", folder / "many"
        for site, given in ((few, names[:NAMED]), (many, names)):
            site.mkdir()
            for name in given:
                install(site, name)
        write_suite(folder, names[:NAMED])
        bare, full = measure(["--help"], folder, (folder, many), rounds)
        print(f"mqa --help: {bare:.3f} s with mqa's own plugins, {full:.3f} s with {PLUGINS} more")
        print_added(full - bare, MAX_HELP_SECONDS)
        bare, full = measure(["run", "suite.toml", "-q", "--fresh"], folder, (few, many), rounds)
        print(f"a run that names {NAMED}: {bare:.3f} s where those are installed, {full:.3f} s with all {PLUGINS}")
        print_added(full - bare, MAX_SECONDS)


def print_added(added: float, most: float) -> None:
    """Print how many milliseconds the plugins add, and whether that is little enough."""
    print(f"  {1000 * added:.0f} ms more, at most {1000 * most:.0f}: {'yes' if added <= most else 'NO'}")


def install(site: Path, name: str) -> None:
    """Lay a distribution with one plugin out as pip does, with the metadata of a usual length."""
    (site / f"{name}.py").write_text(MODULE.format(name=name), encoding="utf-8")
    info = site / f"{name}-1.0.dist-info"
    info.mkdir()
    described = "A line of the description.\n" * 200
    head = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\nRequires-Dist: mqa-registry>=0.1\n\n"
    (info / "METADATA").write_text(head + described, encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[mqa]\n{name} = {name}\n", encoding="utf-8")


def write_suite(folder: Path, names: list[str]) -> None:
    """A suite with a check of each of these plugins, and its rows."""
    (folder / "suite.toml").write_text(SUITE + "".join(CHECK.format(name=name) for name in names), encoding="utf-8")
    rows = "".join(f"{row},text,{'yes' if row % 2 else 'no'}\n" for row in range(100))
    (folder / "reviews.csv").write_text(f"id,text,label\n{rows}", encoding="utf-8")


def measure(command: list[str], folder: Path, sites: tuple[Path, Path], rounds: int) -> tuple[float, float]:
    """The least time of a command with the distributions of each folder, of rounds that take turns."""
    seconds: dict[Path, list[float]] = {site: [] for site in sites}
    for number in range(rounds + 1):
        for site in sites:
            spent = call(command, folder, site)
            if number:  # the first compiles
                seconds[site].append(spent)
    first, second = (min(seconds[site]) for site in sites)
    return first, second


def call(command: list[str], folder: Path, site: Path) -> float:
    """Run mqa; returns the time that its processes took of the processor."""
    before = spent_by_children()
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")])}
    full = [sys.executable, "-m", "mqa_registry.cli", *command]
    done = subprocess.run(full, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    imported = done.stderr.count("is imported")
    expected = NAMED if command[0] == "run" else 0
    assert imported == expected, f"{imported} plugins were imported, not {expected}"
    return spent_by_children() - before


def spent_by_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
