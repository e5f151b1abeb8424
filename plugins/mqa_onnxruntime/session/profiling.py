"""The time of each PyTorch module on the CPU, from ONNX Runtime's profile of the kernels."""

from __future__ import annotations

import json
import re
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqa_onnxruntime.graph.onnx_file import parse_model
from mqa_onnxruntime.graph.provenance import read_metadata, resolve_provenance
from mqa_onnxruntime.session.execution import run_session
from mqa_onnxruntime.session.factory import OPTIMIZED
from mqa_registry import NotRunError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mqa_onnxruntime.graph.provenance import NodeProvenance
    from mqa_onnxruntime.session.factory import SessionFactory

RUN, KERNEL_SUFFIX = "model_run", "_kernel_time"  # names of events in a profile
FUSED = re.compile(r"^fused |/\w+Fusion/?$")  # what ONNX Runtime puts around the name of a node that took in others
OUTSIDE_MODULES = "_empty_nn_module_stack_from_metadata_hook"  # PyTorch's name for nodes made outside of modules
CALL_SUFFIX = re.compile(r"@\d+")  # of a module's name in its second call and after
MICROSECONDS = 1e6  # in a second


@dataclass(frozen=True)
class ModuleProfiler:
    """Times the modules of a file by the kernels that run it on the CPU."""

    source: SessionFactory

    def time_modules(self, feed: Mapping[str, Any], repetitions: int) -> dict[str, list[float]]:
        """Seconds of each module's kernels in each repetition; those of kernels without a module under an empty name.

        What ONNX Runtime spends between kernels, and on the profile, is not counted.
        """
        with tempfile.TemporaryDirectory(prefix="mqa-") as folder:
            session = self.source.open(profile=Path(folder))
            try:
                for _ in range(repetitions):
                    run_session(session, None, feed)
            finally:
                profile = Path(session.end_profiling())
            runs = kernel_times(json.loads(profile.read_text("utf-8", "replace")))
            modules = self._modules(parse_model(Path(folder, OPTIMIZED)).graph.node)
        if len(runs) != repetitions:
            raise NotRunError(
                f"ONNX Runtime's profile was full after {len(runs)} of {repetitions} runs",
                hint="ask for fewer repetitions",
            )
        times = [_sum_by_module(run, modules) for run in runs]
        return {name: [one.get(name, 0.0) for one in times] for name in sorted({"", *modules.values()})}

    def class_name(self, module: str) -> str:
        """The class of a module; empty where the export has no metadata of it."""
        return self._classes.get(module, "")

    def _modules(self, kernels: Iterable[Any]) -> dict[str, str]:
        """The module of each kernel, by its name: that of the node it is named after, else of the node whose output it gives."""
        makers = {value: node.name for node in self._nodes for value in node.output}
        found = {}
        for kernel in kernels:
            names = (kernel.name, _unfused(kernel.name), *(makers.get(value, "") for value in kernel.output))
            found[kernel.name] = next(
                (_innermost(self._provenance[name]) for name in names if name in self._provenance), ""
            )
        return found

    @cached_property
    def _classes(self) -> dict[str, str]:
        provenance = self._provenance.values()
        return {_without_call(name): one.class_name(name) for one in provenance for name in one.modules}

    @cached_property
    def _nodes(self) -> Sequence[Any]:
        nodes: Sequence[Any] = parse_model(self.source.path).graph.node
        return nodes

    @cached_property
    def _provenance(self) -> dict[str, NodeProvenance]:
        """By the names of nodes; nodes without one are the same to the profile."""
        provenance = resolve_provenance(self._nodes, read_metadata(self.source.path))
        return {node.name: one for node, one in zip(self._nodes, provenance, strict=True) if node.name}


def kernel_times(events: Iterable[Mapping[str, Any]]) -> list[dict[str, float]]:
    """The seconds of each kernel by its node's name, for each run of the model in a profile.

    The time of a kernel that runs a subgraph, such as `If`, includes that of the kernels in it.
    """
    runs: list[dict[str, float]] = []
    end = 0
    for event in sorted(events, key=lambda event: (event["ts"], -event["dur"])):
        if event["name"] == RUN:
            runs.append({})
        elif event["name"].endswith(KERNEL_SUFFIX) and event["ts"] >= end and runs:
            node = event["name"].removesuffix(KERNEL_SUFFIX)
            runs[-1][node] = runs[-1].get(node, 0.0) + event["dur"] / MICROSECONDS
            end = event["ts"] + event["dur"]
    return runs


def _sum_by_module(run: Mapping[str, float], modules: Mapping[str, str]) -> dict[str, float]:
    times: dict[str, float] = {}
    for node, seconds in run.items():
        module = modules.get(node, "")
        times[module] = times.get(module, 0.0) + seconds
    return times


def _innermost(provenance: NodeProvenance) -> str:
    name = provenance.modules[-1] if provenance.modules else ""
    return "" if name == OUTSIDE_MODULES else _without_call(name)


def _unfused(name: str) -> str:
    """The name of the node that others were fused into, which does most of the work."""
    return FUSED.sub("", name)


def _without_call(name: str) -> str:
    """A module's name without the number of its call."""
    return CALL_SUFFIX.sub("", name)
