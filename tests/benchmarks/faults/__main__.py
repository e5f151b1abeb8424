"""Whether faults that were put into exports on purpose are caught and rightly blamed, and sound exports pass.

    python -m tests.benchmarks.faults [--faults N] [--sound N] [--seed N] [--only KIND ...] [--architecture NAME ...]
                                     [--exporter NAME ...] [--keep DIR]

Models of several architectures with random weights are exported by both of PyTorch's exporters. Faults of many kinds
are put into the graphs, or into the modules before they are exported. A fault counts where ONNX Runtime's outputs
differ from those of PyTorch in float64 on random rows by more than rounding; it is held against its model as `mqa
parity` does, on other rows. The command ends with 1 where fewer than 98 % are caught, one passes that moves a
probability or a channel by more than a hundredth, fewer than 85 % are blamed on the module or node, one is blamed on a
wrong kind, or a sound export fails.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from itertools import islice
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tests.benchmarks.faults.architectures import ARCHITECTURES
from tests.benchmarks.faults.drawing import draw
from tests.benchmarks.faults.exporting import EXPORTERS
from tests.benchmarks.faults.generators import GENERATORS
from tests.benchmarks.faults.judging import EXACTLY, OTHER_KIND, command, judge, numbered, score
from tests.benchmarks.faults.sound import vary
from tests.benchmarks.faults.subjects import make

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.benchmarks.faults.drawing import Fault
    from tests.benchmarks.faults.judging import Judged

CAUGHT, BLAMED = 0.98, 0.85  # shares of the faults, at least
NOTE = 220  # characters


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faults", type=int, default=150, metavar="N", help="how many are put in")
    parser.add_argument("--sound", type=int, default=120, metavar="N", help="how many sound files are held, at most")
    parser.add_argument("--seed", type=int, default=7, metavar="N")
    parser.add_argument("--only", nargs="+", choices=GENERATORS, metavar="KIND", help="faults of these kinds")
    parser.add_argument("--architecture", nargs="+", choices=ARCHITECTURES, metavar="NAME", help="these alone")
    parser.add_argument(
        "--exporter", nargs="+", choices=EXPORTERS, default=EXPORTERS, metavar="NAME", help="these alone"
    )
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help="a folder for models and files; exports in it are not made again"
    )
    asked = parser.parse_args()
    generators = [GENERATORS[kind] for kind in asked.only or GENERATORS]
    names = asked.architecture or list(ARCHITECTURES)
    with TemporaryDirectory() as scratch:
        folder = asked.keep or Path(scratch) / "faults"
        subjects = {
            name: make(ARCHITECTURES[name], folder / f"{numbered(name)}-{asked.seed}", asked.seed) for name in names
        }
        drawn = islice(draw(generators, subjects, asked.seed, folder, asked.exporter), asked.faults)
        held = [(fault, shown(fault, folder)) for fault in drawn]
        sound = vary(subjects, folder, asked.sound, asked.exporter) if asked.sound else ()
        verdicts = Counter(sound_shown(name, arguments, folder) for name, arguments in sound)
    sys.exit(not summed(held, verdicts))


def shown(fault: Fault, folder: Path) -> Judged:
    """Hold a file with a fault against its model, and print a line on what came of it."""
    report = folder / "report.json"
    subject = fault.subject
    arguments = command(subject.model, fault.file, subject.rows, folder / "store", report)
    found = judge(arguments, report)
    how = score(fault.truth, found.blame) if found.caught else f"NOT CAUGHT, exit code {found.code}"
    moved = f"probability {fault.effect.probability:.2g}, channel {fault.effect.channel:.2g}"
    print(f"{how}: {fault.name}: {moved}: {found.seconds:.1f} s", flush=True)
    if how != EXACTLY:
        told = {key: found.blame.get(key) for key in ("kind", "module", "node", "reason") if found.blame.get(key)}
        print(
            f"    truth: {sorted(fault.truth.kinds)} {fault.truth.what} {fault.truth.modules[:4]} {fault.truth.nodes[:3]}"
        )
        print(f"    blame: {str(told)[: NOTE * 2]}" if told else f"    {found.note[:NOTE]}")
        print(f"    mqa {' '.join(arguments)}")
    return found


def sound_shown(name: str, arguments: Sequence[str], folder: Path) -> str:
    """Hold a sound file against its model; a line where it does not pass."""
    found = judge([*arguments], folder / "report.json")
    verdict = {0: "PASS", 1: "FAIL", 2: "refused", 4: "INCONCLUSIVE"}.get(found.code, "ERROR")
    if verdict != "PASS":
        print(f"sound, {verdict}: {name}: {found.note[:NOTE]}\n    mqa {' '.join(arguments)}", flush=True)
    return verdict


def summed(held: Sequence[tuple[Fault, Judged]], verdicts: Counter[str]) -> bool:
    """Print the figures; gives whether all are as they should be."""
    caught = [(fault, found) for fault, found in held if found.caught]
    missed = [fault for fault, found in held if not found.caught]
    scores = Counter(score(fault.truth, found.blame) for fault, found in caught)
    kinds, architectures = ({of(fault) for fault, _ in held} for of in (_kind, _architecture))
    print(f"\n{len(held)} faults of {len(kinds)} kinds in {len(architectures)} architectures")
    print(f"caught: {len(caught)}; of those that pass, {sum(one.effect.large for one in missed)} are large")
    print("blamed: " + ", ".join(f"{number} {how}" for how, number in scores.most_common()))
    print(f"sound: {sum(verdicts.values())} files: " + ", ".join(f"{n} {how}" for how, n in verdicts.most_common()))
    if caught:
        seconds = sorted(found.seconds for _, found in caught)
        print(f"a command that blames: {median(seconds):.2f} s, {seconds[-1]:.1f} s at most")
    enough = len(caught) >= CAUGHT * len(held) and scores[EXACTLY] >= BLAMED * len(caught)
    return enough and not any(one.effect.large for one in missed) and not scores[OTHER_KIND] and not verdicts["FAIL"]


def _kind(fault: Fault) -> str:
    return fault.kind


def _architecture(fault: Fault) -> str:
    return fault.subject.architecture.name


if __name__ == "__main__":
    main()
