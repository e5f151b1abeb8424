"""Every kind of fault, and samples of them that have an effect."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice, product
from typing import TYPE_CHECKING

import numpy as np
import onnx

from tests.benchmarks.faults import inserted_nodes, module_faults, node_faults, weight_faults
from tests.benchmarks.faults.effect import measure_effect
from tests.benchmarks.faults.exporting import EXPORTERS, export, postprocess

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from tests.benchmarks.faults.effect import Effect
    from tests.benchmarks.faults.exporting import Exporter
    from tests.benchmarks.faults.fault import Generator, Truth
    from tests.benchmarks.faults.model_under_test import ModelUnderTest

SCRIPTED_PER_DYNAMO = 2  # exports by tracing for each by `dynamo=True`
FAMILIES = (
    weight_faults.GENERATORS,
    inserted_nodes.BOUNDARY_FAULTS,
    node_faults.GENERATORS,
    inserted_nodes.INPUT_AND_OUTPUT_FAULTS,
    module_faults.GENERATORS,
)
GENERATORS = {one.kind: one for family in FAMILIES for one in family}
MAX_TRIALS = 3  # of one kind in one export: a fault in another node may have an effect


@dataclass(frozen=True)
class Fault:
    """A file with a fault in it, where that lies in truth, and the effect that it has."""

    kind: str
    model: ModelUnderTest
    exporter: Exporter
    file: Path
    truth: Truth
    effect: Effect

    @property
    def name(self) -> str:
        return f"{self.kind} ({self.model.architecture.name}, {self.exporter})"


def sample_faults(
    generators: Sequence[Generator],
    models: Mapping[str, ModelUnderTest],
    seed: int,
    folder: Path,
    exporters: Sequence[Exporter] = EXPORTERS,
) -> Iterator[Fault]:
    """One fault of each kind after the other, each in the next architecture and exporter that takes it."""
    rng = np.random.default_rng(seed)
    orders = {one.kind: _order_trials(one, models, exporters, rng) for one in generators}
    number = 0
    while any(orders.values()):
        for one in generators:
            while orders[one.kind]:
                model, exporter = orders[one.kind].pop(0)
                number += 1
                found = _make_effective_fault(one, model, exporter, folder / f"{number:04}.onnx", rng)
                if found is not None:
                    yield found
                    break


def _order_trials(
    generator: Generator,
    models: Mapping[str, ModelUnderTest],
    exporters: Sequence[Exporter],
    rng: np.random.Generator,
) -> list[tuple[ModelUnderTest, Exporter]]:
    """Where a kind of fault is tried, one after the other; where that takes an export each time, with few slow ones."""
    able = [one for one in exporters if one == "script" or not generator.traced]
    pairs = list(product(models.values(), able))
    order = [pairs[index] for index in rng.permutation(len(pairs))]
    if generator.in_module is None or len(able) == 1:
        return order
    slow = [pair for pair in order if pair[1] == "dynamo"]
    quick = iter([pair for pair in order if pair[1] != "dynamo"])
    return [
        pair for one in slow[: len(slow) // SCRIPTED_PER_DYNAMO] for pair in (one, *islice(quick, SCRIPTED_PER_DYNAMO))
    ]


def _make_effective_fault(
    generator: Generator, model: ModelUnderTest, exporter: Exporter, file: Path, rng: np.random.Generator
) -> Fault | None:
    """A fault that is more than rounding, if one of a few tries is."""
    for _ in range(MAX_TRIALS):
        truth = _write_fault(generator, model, exporter, file, rng)
        if truth is None:
            return None
        found = measure_effect(file, model.expected)
        if found.counts(model.sound(exporter, generator.postprocessing)[1]):
            return Fault(generator.kind, model, exporter, file, truth, found)
    return None


def _write_fault(
    generator: Generator, model: ModelUnderTest, exporter: Exporter, file: Path, rng: np.random.Generator
) -> Truth | None:
    """Write a file with a fault; None where the graph takes no such fault, or no file with it can be made."""
    if generator.in_graph is not None:
        graph = model.graph(exporter)
        truth = generator.in_graph(graph, rng)
        if truth is not None:
            onnx.save(graph.proto, file)
    else:
        assert generator.in_module is not None
        module = model.copy()
        truth = generator.in_module(module, rng)
        try:
            if truth is not None:
                export(module, model.architecture, exporter, file)
        except Exception:  # an exporter that refuses a fault has caught it
            return None
    if truth is not None:
        postprocess(file, generator.postprocessing)
    return truth
