"""A model with its sound exports, kept in a folder so that many faults are put into each."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from tests.benchmarks.faults import graph
from tests.benchmarks.faults.effect import effect, truths
from tests.benchmarks.faults.exporting import export
from tests.benchmarks.faults.finishing import finish

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

    from tests.benchmarks.faults.architectures import Architecture
    from tests.benchmarks.faults.effect import Effect, Truths
    from tests.benchmarks.faults.exporting import Exporter
    from tests.benchmarks.faults.finishing import Finish


@dataclass
class Subject:
    """A model, the rows that the command is given, and what is right of others; exports are made when first asked for."""

    architecture: Architecture
    folder: Path
    module: nn.Module
    model: str
    rows: Path
    known: Truths
    _exports: dict[tuple[Exporter, Finish], tuple[Path, Effect]] = field(default_factory=dict)

    @property
    def modules(self) -> frozenset[str]:
        return frozenset(name for name, _ in self.module.named_modules())

    def sound(self, exporter: Exporter, how: Finish = "") -> tuple[Path, Effect]:
        """The file that an exporter makes of the model, finished in some way, and how far it is from the model."""
        if (exporter, how) not in self._exports:
            file = self.folder / f"{'-'.join(filter(None, (exporter, how)))}.onnx"
            if not file.exists():
                self._export(exporter, file, how)
            self._exports[exporter, how] = file, effect(file, self.known)
        return self._exports[exporter, how]

    def _export(self, exporter: Exporter, file: Path, how: Finish) -> None:
        if not how:
            export(self.module, self.architecture, exporter, file)
            return
        file.write_bytes(self.sound(exporter)[0].read_bytes())
        finish(file, how)

    def graph(self, exporter: Exporter) -> graph.Graph:
        """A copy of the sound graph, to be changed."""
        return graph.load(str(self.sound(exporter)[0]), self.modules)

    def copy(self) -> nn.Module:
        """A copy of the module, to be changed."""
        return copy.deepcopy(self.module)


def make(architecture: Architecture, folder: Path, seed: int) -> Subject:
    """The same each time, so that exports that lie in the folder already are taken as they are."""
    folder.mkdir(parents=True, exist_ok=True)
    module = architecture.build(seed)
    model = architecture.save(module, folder / "model")
    rows = folder / "rows.npz"
    np.savez(rows, allow_pickle=False, **architecture.rows(seed))
    return Subject(architecture, folder, module, model, rows, truths(copy.deepcopy(module), architecture, seed))
