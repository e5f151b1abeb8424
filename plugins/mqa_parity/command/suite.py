"""The suite that holds one ONNX file against its model, or against another file."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqa_parity.command.file_interface import FileInterface

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mqa_registry import ResolvedModel

ONNX_FILE = "onnx/file"
TENSORS, FLIPS, INVARIANCE = "parity/tensors", "parity/flip-rate", "parity/invariance"
CANDIDATE = "onnx"  # the name of the backend that runs the file
MAX_FLIP_RATE = 0.01
MAX_RATIO = 10.0  # of the file's error to that of PyTorch, both against float64
# How predictions may move with the batch that a row is in, which is for a person to judge: int8's scale is made of all
# rows of a batch, and some models see padding. Sound exports of 26 architectures move by 9 roundings at most.
BATCH_INVARIANCE = {
    "name": "invariance",
    "measure": {"use": INVARIANCE, "rows": 4},
    "expect": {"max": 200},
    "critical": False,
}


@dataclass(frozen=True)
class Pair:
    """A model and the file that is to be as good as it, and what they are held against each other on.

    `data` is a file of rows, whose `columns` are mapped to fields as in a suite, `inputs` one of arrays; without either
    there are a few sentences. `interface` says what the file calls its inputs and outputs, and which of these it must
    have. `repro` keeps what shows a difference without mqa. `tolerance`, `atol` and `rtol` of a fixed one, takes the
    place of the ratio. Where the task's predictions are such as can flip, `decides`.
    """

    model: ResolvedModel
    file: Path
    data: Path | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    inputs: Path | None = None
    interface: FileInterface = field(default_factory=FileInterface)
    tolerance: tuple[float, float] | None = None
    repro: bool = False
    decides: bool = False

    @property
    def reference(self) -> str:
        """The name of the backend that the file is held against."""
        return "reference" if self.model.source == ONNX_FILE else "torch"

    def suite(self, criteria: Criteria) -> dict[str, Any]:
        """The tables of the suite that holds them against each other by some criteria."""
        return {
            "format": 1,
            "name": f"parity of {self.file.name}",
            "model": self.model.table,
            "data": {"rows": self._rows()},
            "backends": {
                self.reference: self._reference(),
                CANDIDATE: {"use": "onnxruntime/session", "path": str(self.file), **self.interface.options()},
            },
            "check": self._checks(criteria),
        }

    def _reference(self) -> dict[str, Any]:
        """PyTorch, or the other file, which is taken to call its inputs as this one does where it has such."""
        if self.model.source == ONNX_FILE:
            return {"use": "onnxruntime/session", **self.interface.options()}
        return {"use": "transformers/torch"}

    def _rows(self) -> dict[str, Any]:
        if self.inputs is not None:
            return {"use": "datasets/arrays", "path": str(self.inputs)}
        if self.data is not None:
            mapped = {"columns": dict(self.columns)} if self.columns else {}
            return {"use": "datasets/file", "path": str(self.data), **mapped}
        return {"use": "datasets/sentences"}

    def _checks(self, criteria: Criteria) -> list[dict[str, Any]]:
        tensors: dict[str, Any] = {"use": TENSORS} | ({"repro": True} if self.repro else {})
        tensors |= {} if self.decides else {"screen": True}  # no predictions would tell which rows differ
        tensors |= {"including": list(criteria.including)} if criteria.including else {}
        tensors |= {"outputs": list(self.interface.required)} if self.interface.required else {}
        expect: dict[str, Any] = {"mismatches": {"max": 0}, "ratio": {"max": MAX_RATIO}}
        if self.tolerance is not None:
            atol, rtol = self.tolerance
            tensors |= {"atol": atol, "rtol": rtol}
            expect = {"mismatches": {"max": 0}, "outside": {"max": 0}}
        elif criteria.by_decisions:
            expect = {"mismatches": {"max": 0}}
        checks: list[dict[str, Any]] = [{"name": "tensors", "measure": tensors, "expect": expect}]
        if self.decides:
            flips = {"measure": FLIPS, "expect": {"max": MAX_FLIP_RATE}}
            checks.append({"name": "flips", **flips, "critical": criteria.by_decisions or criteria.by_predictions})
        both = {"on": [self.reference, CANDIDATE], "critical": criteria.by_invariance}
        return [*checks, BATCH_INVARIANCE | both]


@dataclass(frozen=True)
class Criteria:
    """What a file is held by beside its tensors, as a first run shows.

    `by_decisions`: the task's decisions may hardly flip, which takes the place of the ratio. `by_predictions`: the file
    must predict every row. `by_invariance`: outputs that nothing is held against may not move with the batch that a row
    is in. `including` are ids of rows whose tensors are looked at in any case.
    """

    by_decisions: bool = False
    by_predictions: bool = False
    by_invariance: bool = False
    including: tuple[str, ...] = ()
