"""What tools make of an export before it ships: float16, fewer names, fused nodes. Each writes over a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import onnx
import onnxruntime as ort

from tests.benchmarks.faults.exporting import quiet

if TYPE_CHECKING:
    from pathlib import Path

Finish = Literal["", "half", "nameless", "optimized"]
LEVELS = {
    "basic": ort.GraphOptimizationLevel.ORT_ENABLE_BASIC,
    "extended": ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
    "all": ort.GraphOptimizationLevel.ORT_ENABLE_ALL,
}


def finish(file: Path, how: Finish) -> None:
    """Do one of these to a file, or nothing."""
    if how == "half":
        to_half(file)
    elif how == "nameless":
        take_names(file)
    elif how == "optimized":
        optimize(file, "extended")


def to_half(file: Path, *, keep_ends: bool = False) -> None:
    """Convert a file to float16, its inputs and outputs too unless they are kept."""
    from onnxruntime.transformers.float16 import convert_float_to_float16

    with quiet():
        onnx.save(convert_float_to_float16(onnx.load(file), keep_io_types=keep_ends), file)


def take_names(file: Path) -> None:
    """As tools leave it that number what they keep: no node has a name, no weight its own, and none tells its module."""
    model = onnx.load(file)
    weights = {one.name: f"w{place}" for place, one in enumerate(model.graph.initializer)}
    for one in model.graph.initializer:
        one.name = weights[one.name]
    for place, node in enumerate(model.graph.node):
        node.name = f"n{place}"
        del node.metadata_props[:]
        for number, name in enumerate(node.input):
            node.input[number] = weights.get(name, name)
    onnx.save(model, file)


def optimize(file: Path, level: str) -> None:
    """As ONNX Runtime writes a file after its own passes of a level."""
    options = ort.SessionOptions()
    options.graph_optimization_level = LEVELS[level]
    options.optimized_model_filepath = str(file)
    options.log_severity_level = 4
    ort.InferenceSession(file.read_bytes(), options, providers=["CPUExecutionProvider"])
