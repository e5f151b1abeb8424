"""The answer: whose fault a difference is, and where."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Any, Literal

Kind = Literal["exporter", "pass", "kernel", "precision", "signature", "weights", "reference", "tolerance"]

MEANING: dict[Kind, str] = {
    "exporter": "the file computes something else than the model, and every runtime would",
    "pass": "an optimizer of ONNX Runtime changes what the file computes",
    "kernel": "the file is right, and ONNX Runtime computes it wrong",
    "precision": "the file computes in fewer bits than the model",
    "signature": "the numbers are right, and come under other names, in another order, shape or type",
    "weights": "a number that was learned is another in the file",
    "reference": "the model does not agree with itself, and no file can agree with it",
    "tolerance": "nothing errs by itself: rounding adds up to more than was allowed",
}


@dataclass(frozen=True)
class Step:
    """How far off a module is, in units of PyTorch's own noise: as it comes out, and by itself on right inputs."""

    module: str
    call: int
    inherited: float
    local: float


@dataclass(frozen=True)
class Blame:
    """Whose fault a difference between a model and its export is, and the reasons to believe it.

    `module` is PyTorch's name for it, empty where no single module is to blame; `ratio` the error there over PyTorch's
    own noise; `source` the line of the model's code; `nodes` those of the ONNX graph.
    """

    kind: Kind
    reason: str
    ratio: float
    module: str = ""
    call: int = 0
    class_name: str = ""
    source: str = ""
    nodes: tuple[str, ...] = ()
    optimizer: str = ""
    weight: str = ""
    value: str = ""
    trail: tuple[Step, ...] = ()
    meaning: str = ""  # where there is more to say than the kind does

    def evidence(self) -> dict[str, Any]:
        """As JSON; a ratio is null where the export gives no number to compare."""
        found = {
            "kind": self.kind,
            "meaning": self.meaning or MEANING[self.kind],
            "reason": self.reason,
            "ratio": _number(self.ratio),
            "module": self.module,
            "call": self.call,
            "class": self.class_name,
            "source": self.source,
            "node": self.nodes[-1] if self.nodes else "",
            "nodes": list(self.nodes),
            "optimizer": self.optimizer,
            "weight": self.weight,
            "value": self.value,
            "trail": [
                {"module": one.module, "ratio": _number(one.inherited), "local": _number(one.local)}
                for one in self.trail
            ],
        }
        return {name: value for name, value in found.items() if value not in ("", 0, [])}


def _number(ratio: float) -> float | None:
    return round(ratio, 2) if isfinite(ratio) else None
