"""Draw faults until enough of them have an effect."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice, product
from typing import TYPE_CHECKING

import numpy as np
import onnx

from tests.benchmarks.faults.effect import effect
from tests.benchmarks.faults.exporting import EXPORTERS, export
from tests.benchmarks.faults.finishing import finish

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from tests.benchmarks.faults.effect import Effect
    from tests.benchmarks.faults.exporting import Exporter
    from tests.benchmarks.faults.fault import Generator, Truth
    from tests.benchmarks.faults.subjects import Subject

QUICK = 2  # exports by tracing for each that is not
TRIES = 3  # of one kind in one export, as another place may be one where it tells


@dataclass(frozen=True)
class Fault:
    """A file with a fault in it, the truth of it, and the effect that it has."""

    kind: str
    subject: Subject
    exporter: Exporter
    file: Path
    truth: Truth
    effect: Effect

    @property
    def name(self) -> str:
        return f"{self.kind} ({self.subject.architecture.name}, {self.exporter})"


def draw(
    generators: Sequence[Generator],
    subjects: Mapping[str, Subject],
    seed: int,
    folder: Path,
    exporters: Sequence[Exporter] = EXPORTERS,
) -> Iterator[Fault]:
    """Faults of all kinds by turns, each in the next architecture and exporter that has a place for it."""
    rng = np.random.default_rng(seed)
    orders = {one.kind: _order(one, subjects, exporters, rng) for one in generators}
    number = 0
    while any(orders.values()):
        for one in generators:
            while orders[one.kind]:
                subject, exporter = orders[one.kind].pop(0)
                number += 1
                found = _effective(one, subject, exporter, folder / f"{number:04}.onnx", rng)
                if found is not None:
                    yield found
                    break


def _order(
    generator: Generator, subjects: Mapping[str, Subject], exporters: Sequence[Exporter], rng: np.random.Generator
) -> list[tuple[Subject, Exporter]]:
    """Where a kind of fault is tried, one after the other; where that takes an export each time, with few slow ones."""
    able = [one for one in exporters if one == "script" or not generator.traced]
    pairs = list(product(subjects.values(), able))
    order = [pairs[place] for place in rng.permutation(len(pairs))]
    if generator.in_module is None or len(able) == 1:
        return order
    slow = [pair for pair in order if pair[1] == "dynamo"]
    quick = iter([pair for pair in order if pair[1] != "dynamo"])
    return [pair for one in slow[: len(slow) // QUICK] for pair in (one, *islice(quick, QUICK))]


def _effective(
    generator: Generator, subject: Subject, exporter: Exporter, file: Path, rng: np.random.Generator
) -> Fault | None:
    """A fault that is more than rounding, if one of a few tries is."""
    for _ in range(TRIES):
        truth = _put(generator, subject, exporter, file, rng)
        if truth is None:
            return None
        found = effect(file, subject.known)
        if found.counts(subject.sound(exporter, generator.finish)[1]):
            return Fault(generator.kind, subject, exporter, file, truth, found)
    return None


def _put(
    generator: Generator, subject: Subject, exporter: Exporter, file: Path, rng: np.random.Generator
) -> Truth | None:
    """Write a file with a fault; None where there is no place for one, or no file with it can be made."""
    if generator.in_graph is not None:
        graph = subject.graph(exporter)
        truth = generator.in_graph(graph, rng)
        if truth is not None:
            onnx.save(graph.proto, file)
    else:
        assert generator.in_module is not None
        module = subject.copy()
        truth = generator.in_module(module, rng)
        try:
            if truth is not None:
                export(module, subject.architecture, exporter, file)
        except Exception:  # an exporter that refuses a fault has caught it
            return None
    if truth is not None:
        finish(file, generator.finish)
    return truth
