"""Whether faults that were put into exports on purpose are caught and rightly attributed, and sound exports pass.

    python -m tests.benchmarks.faults [--faults N] [--sound N] [--seed N] [--only KIND ...] [--architecture NAME ...]
                                     [--exporter NAME ...] [--keep DIR]

Models of several architectures with random weights are exported by both of PyTorch's exporters. Faults of many kinds
are put into the graphs, or into the modules before they are exported. A fault counts where ONNX Runtime's outputs
differ from those of PyTorch in float64 on random rows by more than rounding; it is compared with its model by
`mqa parity`, on other rows. The command ends with 1 where fewer than 98 % are caught, one passes that moves a
probability or a channel by more than a hundredth, fewer than 85 % are attributed to the module or node, one is attributed
to a wrong kind, or a sound export fails.
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
from tests.benchmarks.faults.exporting import EXPORTERS
from tests.benchmarks.faults.model_under_test import build_model
from tests.benchmarks.faults.sampling import GENERATORS, sample_faults
from tests.benchmarks.faults.scoring import EXACTLY, OTHER_KIND, make_command, make_file_name, run_command, score
from tests.benchmarks.faults.sound_exports import make_sound_exports

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.benchmarks.faults.sampling import Fault
    from tests.benchmarks.faults.scoring import CommandResult

MIN_CAUGHT, MIN_ATTRIBUTED = 0.98, 0.85  # shares of the faults, at least
MAX_NOTE = 220  # characters


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faults", type=int, default=150, metavar="N", help="how many are put in")
    parser.add_argument(
        "--sound", type=int, default=120, metavar="N", help="how many sound files are compared, at most"
    )
    parser.add_argument("--seed", type=int, default=7, metavar="N")
    parser.add_argument("--only", nargs="+", choices=GENERATORS, metavar="KIND", help="faults of these kinds")
    parser.add_argument("--architecture", nargs="+", choices=ARCHITECTURES, metavar="NAME", help="these alone")
    parser.add_argument(
        "--exporter", nargs="+", choices=EXPORTERS, default=EXPORTERS, metavar="NAME", help="these alone"
    )
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help="a folder for models and files; exports in it are not made again"
    )
    options = parser.parse_args()
    generators = [GENERATORS[kind] for kind in options.only or GENERATORS]
    names = options.architecture or list(ARCHITECTURES)
    with TemporaryDirectory() as scratch:
        folder = options.keep or Path(scratch) / "faults"
        models = {
            name: build_model(ARCHITECTURES[name], folder / f"{make_file_name(name)}-{options.seed}", options.seed)
            for name in names
        }
        drawn = islice(sample_faults(generators, models, options.seed, folder, options.exporter), options.faults)
        results = [(fault, run_fault(fault, folder)) for fault in drawn]
        sound = make_sound_exports(models, folder, options.sound, options.exporter) if options.sound else ()
        verdicts = Counter(run_sound_export(name, arguments, folder) for name, arguments in sound)
    sys.exit(not summarize(results, verdicts))


def run_fault(fault: Fault, folder: Path) -> CommandResult:
    """Compare a file with a fault with its model, and print the result in a line."""
    report = folder / "report.json"
    model = fault.model
    arguments = make_command(model.argument, fault.file, model.rows, folder / "store", report)
    found = run_command(arguments, report)
    how = score(fault.truth, found.divergence) if found.caught else f"NOT CAUGHT, exit code {found.code}"
    moved = f"probability {fault.effect.probability:.2g}, channel {fault.effect.channel:.2g}"
    print(f"{how}: {fault.name}: {moved}: {found.seconds:.1f} s", flush=True)
    if how != EXACTLY:
        attribution = {
            key: found.divergence.get(key) for key in ("kind", "module", "node", "reason") if found.divergence.get(key)
        }
        print(
            f"    truth: {sorted(fault.truth.kinds)} {fault.truth.what} {fault.truth.modules[:4]} {fault.truth.nodes[:3]}"
        )
        print(f"    attribution: {str(attribution)[: MAX_NOTE * 2]}" if attribution else f"    {found.note[:MAX_NOTE]}")
        print(f"    mqa {' '.join(arguments)}")
    return found


def run_sound_export(name: str, arguments: Sequence[str], folder: Path) -> str:
    """The verdict on a sound file; a line is printed where it does not pass."""
    found = run_command([*arguments], folder / "report.json")
    verdict = {0: "PASS", 1: "FAIL", 2: "refused", 4: "INCONCLUSIVE"}.get(found.code, "ERROR")
    if verdict != "PASS":
        print(f"sound, {verdict}: {name}: {found.note[:MAX_NOTE]}\n    mqa {' '.join(arguments)}", flush=True)
    return verdict


def summarize(results: Sequence[tuple[Fault, CommandResult]], verdicts: Counter[str]) -> bool:
    """Print the figures; returns whether all are within their bounds."""
    caught = [(fault, found) for fault, found in results if found.caught]
    missed = [fault for fault, found in results if not found.caught]
    scores = Counter(score(fault.truth, found.divergence) for fault, found in caught)
    kinds, architectures = ({name(fault) for fault, _ in results} for name in (_kind, _architecture))
    print(f"\n{len(results)} faults of {len(kinds)} kinds in {len(architectures)} architectures")
    print(f"caught: {len(caught)}; of those that pass, {sum(one.effect.large for one in missed)} are large")
    print("attributed: " + ", ".join(f"{number} {how}" for how, number in scores.most_common()))
    print(f"sound: {sum(verdicts.values())} files: " + ", ".join(f"{n} {how}" for how, n in verdicts.most_common()))
    if caught:
        seconds = sorted(found.seconds for _, found in caught)
        print(f"a command that attributes: {median(seconds):.2f} s, {seconds[-1]:.1f} s at most")
    enough = len(caught) >= MIN_CAUGHT * len(results) and scores[EXACTLY] >= MIN_ATTRIBUTED * len(caught)
    return enough and not any(one.effect.large for one in missed) and not scores[OTHER_KIND] and not verdicts["FAIL"]


def _kind(fault: Fault) -> str:
    return fault.kind


def _architecture(fault: Fault) -> str:
    return fault.model.architecture.name


if __name__ == "__main__":
    main()
