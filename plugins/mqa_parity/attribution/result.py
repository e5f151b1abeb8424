"""The result of an attribution: the kind of fault, the module in which it begins, and the reasons; as JSON and in words."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FaultKind = Literal["exporter", "optimizer", "kernel", "precision", "signature", "weights", "reference", "tolerance"]

MEANINGS: dict[FaultKind, str] = {
    "exporter": "the file computes something else than the model, and every runtime would",
    "optimizer": "an optimizer of ONNX Runtime changes what the file computes",
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

    `parameter` is the model's name for that weight inside the module that was tested. `module` is the one at fault, where
    that is another. Where `faulty_nodes` are given, they are at fault, and `module` is theirs, or empty.
    `meaning` replaces that of the kind.
    """

    kind: FaultKind
    reason: str
    weight: str = ""
    parameter: str = ""
    module: str = ""
    meaning: str = ""
    faulty_nodes: tuple[str, ...] | None = None


@dataclass(frozen=True)
class ModuleRatio:
    """How far off a module is, in units of the baseline's error: in the whole graph, and by itself on exact inputs."""

    module: str
    call_index: int
    graph_ratio: float
    local_ratio: float


@dataclass(frozen=True)
class Attribution:
    """The root cause of a difference between a model and its export, and where it begins.

    `module` is PyTorch's name, empty where no single module is at fault, and `call_index` counts its calls from 0.
    `ratio` is the error there in units of the baseline's own, `source` the line of the model's code. `node_names` are
    nodes of the ONNX graph, `output_value` is the module's output there, and `nearby_modules` are the modules around it.
    `meaning` replaces that of the kind.
    """

    kind: FaultKind
    reason: str
    ratio: float
    module: str = ""
    call_index: int = 0
    class_name: str = ""
    source: str = ""
    node_names: tuple[str, ...] = ()
    optimizer: str = ""
    weight: str = ""
    output_value: str = ""
    nearby_modules: tuple[ModuleRatio, ...] = ()
    meaning: str = ""

    def evidence(self) -> dict[str, Any]:
        """As JSON, without what is empty; a ratio is null where the export gives no number to compare."""
        fields = {
            "kind": self.kind,
            "meaning": self.meaning or MEANINGS[self.kind],
            "reason": self.reason,
            "ratio": _finite(self.ratio),
            "module": self.module,
            "call_index": self.call_index,
            "class": self.class_name,
            "source": self.source,
            "node": self.node_names[-1] if self.node_names else "",
            "nodes": list(self.node_names),
            "optimizer": self.optimizer,
            "weight": self.weight,
            "output_value": self.output_value,
            "nearby_modules": [
                {
                    "module": one.module,
                    "graph_ratio": _finite(one.graph_ratio),
                    "local_ratio": _finite(one.local_ratio),
                }
                for one in self.nearby_modules
            ],
        }
        return {name: value for name, value in fields.items() if value not in ("", 0, [])}


def describe_divergence(divergence: Mapping[str, Any], *, has_baseline: bool) -> Iterator[str]:
    """A first divergence in words. Without a baseline every module errs, and the module is the one that errs most."""
    if divergence.get("module"):
        begins = "few bits cost most" if not has_baseline and divergence.get("kind") == "precision" else "it begins"
        node = f"node `{divergence['node']}`" if divergence.get("node") else ""
        details = [one for one in (divergence.get("class"), node) if one]
        yield f"{begins} in `{divergence['module']}`" + (f" ({', '.join(details)})" if details else "")
    elif divergence.get("class"):
        node = f" (node `{divergence['node']}`)" if divergence.get("node") else ""
        yield f"it begins in what `{divergence['class']}` itself makes, in none of its modules{node}"
    elif divergence.get("node"):
        yield f"it begins in node `{divergence['node']}`, which is part of no module"
    kind, meaning, reason = (str(divergence.get(name) or "") for name in ("kind", "meaning", "reason"))
    if kind == "signature" or (kind and reason.startswith(meaning)):  # the reason says it all
        yield f"{kind}: {reason or meaning}"
    elif kind:
        yield from (f"{kind}: {meaning}", *([reason] if reason else []))
    elif divergence:
        yield reason
    if divergence.get("reproduction"):
        yield f"`{divergence['reproduction']}/reproduce.py` shows it without mqa"


def _finite(ratio: float) -> float | None:
    return round(ratio, 2) if isfinite(ratio) else None
