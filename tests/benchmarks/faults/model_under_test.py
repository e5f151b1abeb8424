"""A model with its sound exports, kept in a folder so that many faults are put into each."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from tests.benchmarks.faults import graph
from tests.benchmarks.faults.effect import compute_expected_outputs, measure_effect
from tests.benchmarks.faults.exporting import export, postprocess

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

    from tests.benchmarks.faults.architectures import Architecture
    from tests.benchmarks.faults.effect import Effect, ExpectedOutputs
    from tests.benchmarks.faults.exporting import Exporter, Postprocessing


@dataclass
class ModelUnderTest:
    """A model, and the rows that the command is given; exports are made when first used.

    `argument` is the model as the command line names it, `expected` are the right outputs for other rows.
    """

    architecture: Architecture
    folder: Path
    module: nn.Module
    argument: str
    rows: Path
    expected: ExpectedOutputs
    _exports: dict[tuple[Exporter, Postprocessing], tuple[Path, Effect]] = field(default_factory=dict)

    @property
    def modules(self) -> frozenset[str]:
        return frozenset(name for name, _ in self.module.named_modules())

    def sound(self, exporter: Exporter, how: Postprocessing = "") -> tuple[Path, Effect]:
        """The file that an exporter makes of the model, postprocessed in some way, and how far it is from the model."""
        if (exporter, how) not in self._exports:
            file = self.folder / f"{'-'.join(filter(None, (exporter, how)))}.onnx"
            if not file.exists():
                self._export(exporter, file, how)
            self._exports[exporter, how] = file, measure_effect(file, self.expected)
        return self._exports[exporter, how]

    def _export(self, exporter: Exporter, file: Path, how: Postprocessing) -> None:
        if not how:
            export(self.module, self.architecture, exporter, file)
            return
        file.write_bytes(self.sound(exporter)[0].read_bytes())
        postprocess(file, how)

    def graph(self, exporter: Exporter) -> graph.Graph:
        """A copy of the sound graph, to be changed."""
        return graph.load(str(self.sound(exporter)[0]), self.modules)

    def copy(self) -> nn.Module:
        """A copy of the module, to be changed."""
        return copy.deepcopy(self.module)


def build_model(architecture: Architecture, folder: Path, seed: int) -> ModelUnderTest:
    """The model of an architecture and a seed; it is the same each time, so that exports in the folder are reused."""
    folder.mkdir(parents=True, exist_ok=True)
    module = architecture.build(seed)
    argument = architecture.save(module, folder / "model")
    rows = folder / "rows.npz"
    np.savez(rows, allow_pickle=False, **architecture.rows(seed))
    return ModelUnderTest(
        architecture,
        folder,
        module,
        argument,
        rows,
        compute_expected_outputs(copy.deepcopy(module), architecture, seed),
    )
