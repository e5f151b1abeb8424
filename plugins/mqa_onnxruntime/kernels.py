"""What ONNX Runtime's profile tells: how long each kernel took, and so the module that it came from."""

from __future__ import annotations

import json
import re
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqa_onnxruntime.graph import parsed
from mqa_onnxruntime.lineage import lineage
from mqa_onnxruntime.origins import read_origins
from mqa_onnxruntime.passes import passed
from mqa_onnxruntime.reopening import OPTIMIZED
from mqa_registry import NotRunError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mqa_onnxruntime.origins import Origin
    from mqa_onnxruntime.reopening import Source

RUN, KERNEL = "model_run", "_kernel_time"  # a run of the model, and what the name of a kernel's time ends with
FUSED = re.compile(r"^fused |/\w+Fusion/?$")  # what ONNX Runtime puts around the name of a node that took in others
OUTSIDE = "_empty_nn_module_stack_from_metadata_hook"  # where PyTorch says of a node that it made it outside of modules
CALL = re.compile(r"@\d+")  # what is behind a module's name in its second call and after
MICRO = 1e6


@dataclass(frozen=True)
class Kernels:
    """The kernels that run a file on the CPU, as its session has fused them."""

    source: Source

    def timed(self, feed: Mapping[str, Any], repetitions: int) -> dict[str, list[float]]:
        """Seconds of each module's kernels in each repetition; those of kernels without a module are under no name.

        What ONNX Runtime spends between kernels, and on the profile, is in none.
        """
        with tempfile.TemporaryDirectory(prefix="mqa-") as folder:
            session = self.source.open(profile=Path(folder))
            try:
                for _ in range(repetitions):
                    passed(session, None, feed)
            finally:
                profile = Path(session.end_profiling())
            runs = by_runs(json.loads(profile.read_text("utf-8", "replace")))
            modules = self._modules(parsed(Path(folder, OPTIMIZED)).graph.node)
        if len(runs) != repetitions:
            raise NotRunError(
                f"ONNX Runtime's profile was full after {len(runs)} of {repetitions} runs",
                hint="ask for fewer repetitions",
            )
        spent = [_by_modules(run, modules) for run in runs]
        return {name: [one.get(name, 0.0) for one in spent] for name in sorted({"", *modules.values()})}

    def class_of(self, module: str) -> str:
        """The class of a module, as far as the export tells it."""
        return self._classes.get(module, "")

    def _modules(self, kernels: Iterable[Any]) -> dict[str, str]:
        """The module of each kernel: of the node that it is named after, else of the one whose output it gives."""
        makers = {value: node.name for node in self._nodes for value in node.output}
        found = {}
        for kernel in kernels:
            names = (kernel.name, _unfused(kernel.name), *(makers.get(value, "") for value in kernel.output))
            found[kernel.name] = next((_innermost(self._origins[name]) for name in names if name in self._origins), "")
        return found

    @cached_property
    def _classes(self) -> dict[str, str]:
        origins = self._origins.values()
        return {_called(name): origin.class_of(name) for origin in origins for name in origin.modules}

    @cached_property
    def _nodes(self) -> Sequence[Any]:
        nodes: Sequence[Any] = parsed(self.source.path).graph.node
        return nodes

    @cached_property
    def _origins(self) -> dict[str, Origin]:
        """By the names of nodes; the profile does not tell apart those that have none."""
        origins = read_origins(self._nodes, lineage(self.source.path))
        return {node.name: origin for node, origin in zip(self._nodes, origins, strict=True) if node.name}


def by_runs(events: Iterable[Mapping[str, Any]]) -> list[dict[str, float]]:
    """Of each run of the model in a profile, the seconds of each kernel by its node's name.

    A kernel that runs a graph of its own, such as `If`, has the time of all in it.
    """
    runs: list[dict[str, float]] = []
    end = 0
    for event in sorted(events, key=lambda event: (event["ts"], -event["dur"])):
        if event["name"] == RUN:
            runs.append({})
        elif event["name"].endswith(KERNEL) and event["ts"] >= end and runs:
            node = event["name"].removesuffix(KERNEL)
            runs[-1][node] = runs[-1].get(node, 0.0) + event["dur"] / MICRO
            end = event["ts"] + event["dur"]
    return runs


def _by_modules(run: Mapping[str, float], modules: Mapping[str, str]) -> dict[str, float]:
    spent: dict[str, float] = {}
    for node, seconds in run.items():
        module = modules.get(node, "")
        spent[module] = spent.get(module, 0.0) + seconds
    return spent


def _innermost(origin: Origin) -> str:
    name = origin.modules[-1] if origin.modules else ""
    return "" if name == OUTSIDE else _called(name)


def _unfused(name: str) -> str:
    """The name of the node that others were fused into: where the work is, rather than what is done to its result."""
    return FUSED.sub("", name)


def _called(name: str) -> str:
    """A module's name, whichever of its calls it is."""
    return CALL.sub("", name)
