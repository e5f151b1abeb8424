"""The result of an attribution: the kind of fault, the module in which it begins, and the reasons to believe it."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Any, Literal

FaultKind = Literal["exporter", "pass", "kernel", "precision", "signature", "weights", "reference", "tolerance"]

MEANINGS: dict[FaultKind, str] = {
    "exporter": "the file computes something else than the model, and every runtime would",
    "pass": "an optimizer of ONNX Runtime changes what the file computes",
    "kernel": "the file is right, and ONNX Runtime computes it wrong",
    "precision": "the file computes in fewer bits than the model",
    "signature": "the numbers are right, and come under other names, in another order, shape or type",
    "weights": "a number that was learned is another in the file",
    "reference": "the model does not agree with itself, and no file can agree with it",
    "tolerance": "nothing errs by itself: rounding adds up to more than was allowed",
}
UNDECIDED = "it could not be found out whether the file or ONNX Runtime is at fault"


@dataclass(frozen=True)
class Cause:
    """Why a subgraph errs: the kind of fault, the reason to think so, and the weight that is wrong, if one is.

    `parameter` is the model's name for that weight inside the module that was tested. `owner` is the module at fault,
    where that is another one. Where `nodes` are given, they are at fault, and `owner` is their module, or empty.
    `meaning` replaces that of the kind.
    """

    kind: FaultKind
    reason: str
    weight: str = ""
    parameter: str = ""
    owner: str = ""
    meaning: str = ""
    nodes: tuple[str, ...] | None = None


@dataclass(frozen=True)
class ModuleRatio:
    """How far off a module is, in units of the baseline's error: in the whole graph, and by itself on exact inputs."""

    module: str
    call: int
    inherited: float
    local: float


@dataclass(frozen=True)
class Attribution:
    """The root cause of a difference between a model and its export, and where it begins.

    `module` is PyTorch's name, empty where no single module is at fault. `ratio` is the error there in units of the
    baseline's own, `source` the line of the model's code, `nodes` are those of the ONNX graph, `value` is the module's
    output there, and `trail` the modules around it. `meaning` replaces that of the kind.
    """

    kind: FaultKind
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
    trail: tuple[ModuleRatio, ...] = ()
    meaning: str = ""

    def evidence(self) -> dict[str, Any]:
        """As JSON, without what is empty; a ratio is null where the export gives no number to compare."""
        found = {
            "kind": self.kind,
            "meaning": self.meaning or MEANINGS[self.kind],
            "reason": self.reason,
            "ratio": _finite(self.ratio),
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
                {"module": one.module, "ratio": _finite(one.inherited), "local": _finite(one.local)}
                for one in self.trail
            ],
        }
        return {name: value for name, value in found.items() if value not in ("", 0, [])}


def _finite(ratio: float) -> float | None:
    return round(ratio, 2) if isfinite(ratio) else None
