"""Files of a module by both exporters of PyTorch, and what tools make of them before they ship."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from typing import TYPE_CHECKING, Any, Literal

import onnx
import onnxruntime as ort
import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.benchmarks.faults.architectures import Architecture, Arrays

Exporter = Literal["dynamo", "script"]
EXPORTERS: tuple[Exporter, ...] = ("dynamo", "script")
OPSET = {"dynamo": 18, "script": 17}
Postprocessing = Literal["", "float16", "nameless", "optimized"]
LEVELS = {
    "basic": ort.GraphOptimizationLevel.ORT_ENABLE_BASIC,
    "extended": ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
    "all": ort.GraphOptimizationLevel.ORT_ENABLE_ALL,
}


class Wrapper(nn.Module):
    """What teams write around a model for `dynamo=False`: positional arguments, and a tensor instead of a mapping."""

    def __init__(self, model: nn.Module, names: tuple[str, ...]) -> None:
        super().__init__()
        self.model, self.names = model, names

    def forward(self, *inputs: torch.Tensor) -> Any:
        found = self.model(**dict(zip(self.names, inputs, strict=True)))
        return found if isinstance(found, torch.Tensor | tuple) else found["logits"]


class Outer(nn.Module):
    """Another wrapper around that."""

    def __init__(self, wrapped: Wrapper) -> None:
        super().__init__()
        self.wrapped = wrapped

    def forward(self, *inputs: torch.Tensor) -> Any:
        return self.wrapped(*inputs)


def export(
    module: nn.Module,
    architecture: Architecture,
    exporter: Exporter,
    file: Path,
    *,
    rows: Arrays | None = None,
    opset: int | None = None,
    fixed: bool = False,
    external: bool = False,
) -> None:
    """Write a module's ONNX file; `fixed` sizes are those of the rows, `external` weights lie beside it."""
    if rows is None:
        rows = architecture.rows(seed=0)
        rows = {name: array[:2] for name, array in rows.items()}
    inputs = {name: torch.from_numpy(array) for name, array in rows.items()}
    if any(parameter.dtype == torch.float16 for parameter in module.parameters()):
        inputs = {name: one.half() if one.is_floating_point() else one for name, one in inputs.items()}
    version = opset or OPSET[exporter]
    with silence(), torch.no_grad():
        if exporter == "script":
            _script(module, architecture, file, inputs, version, fixed=fixed)
        else:
            _dynamo(module, architecture, file, inputs, version, fixed=fixed, external=external)


def _script(
    module: nn.Module,
    architecture: Architecture,
    file: Path,
    inputs: Mapping[str, torch.Tensor],
    opset: int,
    *,
    fixed: bool,
) -> None:
    axes = {name: architecture.axes(name, one.numpy()) for name, one in inputs.items()}
    axes |= {name: {0: "rows"} for name in architecture.outputs}
    wrapper = Wrapper(module, tuple(inputs))
    whole = Outer(wrapper) if architecture.nested else wrapper
    whole.train(module.training)  # the exporter would leave a model as it finds its wrapper
    torch.onnx.export(
        whole,
        tuple(inputs.values()),
        str(file),
        input_names=list(inputs),
        output_names=list(architecture.outputs),
        dynamic_axes=None if fixed else axes,
        opset_version=opset,
        dynamo=False,
    )


def _dynamo(
    module: nn.Module,
    architecture: Architecture,
    file: Path,
    inputs: Mapping[str, torch.Tensor],
    opset: int,
    *,
    fixed: bool,
    external: bool,
) -> None:
    open_axis = torch.export.Dim.DYNAMIC
    shapes = {name: dict.fromkeys(architecture.axes(name, one.numpy()), open_axis) for name, one in inputs.items()}
    program = torch.onnx.export(
        module,
        kwargs=dict(inputs),
        dynamic_shapes=None if fixed else shapes,
        output_names=list(architecture.outputs),
        opset_version=opset,
        dynamo=True,
        verbose=False,
    )
    assert program is not None
    program.save(str(file), external_data=external)


def postprocess(file: Path, how: Postprocessing) -> None:
    """Convert, strip or optimize a file in place; an empty `how` leaves it as it is."""
    if how == "float16":
        convert_to_float16(file)
    elif how == "nameless":
        strip_names(file)
    elif how == "optimized":
        optimize(file, "extended")


def convert_to_float16(file: Path, *, keep_ends: bool = False) -> None:
    """Convert a file to float16, its inputs and outputs too unless they are kept."""
    from onnxruntime.transformers.float16 import convert_float_to_float16

    with silence():
        onnx.save(convert_float_to_float16(onnx.load(file), keep_io_types=keep_ends), file)


def strip_names(file: Path) -> None:
    """Number the names of nodes and weights, and remove the provenance of nodes, as some tools do."""
    model = onnx.load(file)
    weights = {one.name: f"w{index}" for index, one in enumerate(model.graph.initializer)}
    for one in model.graph.initializer:
        one.name = weights[one.name]
    for index, node in enumerate(model.graph.node):
        node.name = f"n{index}"
        del node.metadata_props[:]
        for number, name in enumerate(node.input):
            node.input[number] = weights.get(name, name)
    onnx.save(model, file)


def optimize(file: Path, level: str) -> None:
    """Write a file as ONNX Runtime optimizes it at some level."""
    options = ort.SessionOptions()
    options.graph_optimization_level = LEVELS[level]
    options.optimized_model_filepath = str(file)
    options.log_severity_level = 4
    ort.InferenceSession(file.read_bytes(), options, providers=["CPUExecutionProvider"])


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Suppress what exporters print and warn of."""
    level = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            with contextlib.redirect_stderr(io.StringIO()):
                yield
    finally:
        logging.disable(level)
