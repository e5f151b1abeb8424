"""The audit of an ONNX file against its reference: what was requested, what came out, and findings.

The reference is the PyTorch model, or the float32 export that the file was converted from.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, replace
from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_onnxruntime.audit_findings import review
from mqa_onnxruntime.execution_providers import cpu_request
from mqa_onnxruntime.export.decoder_cache import nest_cache
from mqa_onnxruntime.export.exporters import named_outputs
from mqa_onnxruntime.graph.onnx_file import ValueInfo, file_sha256, parse_model, read_onnx_file, value_info
from mqa_onnxruntime.graph.protobuf import type_name
from mqa_onnxruntime.graph.provenance import read_metadata, trace_file
from mqa_onnxruntime.session.execution import fixed_batch_size, run_in_fixed_batches, run_session
from mqa_onnxruntime.session.factory import open_session
from mqa_onnxruntime.session.input_types import input_types
from mqa_onnxruntime.shape_sweep import sweep_shapes, takes_another_size
from mqa_onnxruntime.weights.comparison import compare_weights
from mqa_registry import Finding, MqaError, batch_invariance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import TypeAlias

    import numpy.typing as npt

    from mqa_onnxruntime.export.conversion import Precision
    from mqa_onnxruntime.export.exporters import Arrays
    from mqa_onnxruntime.shape_sweep import ShapeResult
    from mqa_onnxruntime.weights.comparison import WeightComparison
    from mqa_registry import ModelUnderTest

    Array: TypeAlias = npt.NDArray[Any]

# How far outputs may be off, relative to the largest of them. This finds what is broken; whether a smaller difference
# matters, the checks of a suite decide.
TOLERANCES: Mapping[str, float] = {"float32": 1e-3, "float16": 0.05, "bfloat16": 0.2}

PARAMETRIZATIONS = "parametrizations"  # where a module of PyTorch keeps what a weight is computed of, such as its norm
QUANTIZED = frozenset({"QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "MatMulInteger", "ConvInteger"})


@dataclass(frozen=True)
class AuditRequest:
    """The requested opset and precision; None where any will do."""

    opset: int | None = None
    precision: Precision | None = None


NO_REQUEST = AuditRequest()


@dataclass(frozen=True)
class Audit:
    """What an ONNX file is, and what was requested.

    `domains` are its opsets by domain. `custom_operators` are those that ONNX Runtime does not bring. `element_types`
    counts the numbers in its weights by element type; `cast_nodes` and `quantized_nodes` are how many nodes change the
    precision. `nodes_with_metadata` is how many nodes the trace file knows, None without such a file. `files` are its
    sizes in bytes and sha256 by name. `weights` is None where the file was converted from another export, or by a converter of the model's library.
    `specialized_inputs` have a fixed axis behind the first, along which the model itself takes other lengths.
    `session_error` is why ONNX Runtime cannot run the file; then no `shapes` were tried.
    """

    requested_opset: int | None
    opset: int
    ir_version: int
    producer: str
    domains: Mapping[str, int]
    custom_operators: tuple[str, ...]
    nodes: int
    requested_precision: Precision | None
    precision: str
    element_types: Mapping[str, int]
    cast_nodes: int
    quantized_nodes: int
    nodes_with_metadata: int | None
    inputs: tuple[ValueInfo, ...]
    outputs: tuple[ValueInfo, ...]
    files: Mapping[str, Mapping[str, Any]]
    weights: WeightComparison | None
    shapes: tuple[ShapeResult, ...]
    session_error: str
    specialized_inputs: tuple[ValueInfo, ...] = ()
    findings: tuple[Finding, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As plain values, without the numbers that a weight should have."""
        table = asdict(self)
        for difference in (table["weights"] or {}).get("differences", ()):
            del difference["expected"]
        return table


def audit_file(
    path: Path,
    model_under_test: ModelUnderTest,
    rows: Sequence[Arrays],
    reference: Reference,
    request: AuditRequest = NO_REQUEST,
) -> Audit:
    """Compare an ONNX file with its model, on a few encoded rows and on batches of other shapes made of them.

    Raises a DataError where the file is none, or is not whole; everything else is a finding.
    """
    file, model = read_onnx_file(path), parse_model(path)
    operators = Counter(node.op_type for node in model.graph.node)
    tolerance = TOLERANCES.get(request.precision or file.precision)
    inputs = tuple(value_info(value) for value in model.graph.input)
    shapes, session_error = _try_shapes(path, model_under_test, rows, reference, tolerance)
    audit = Audit(
        requested_opset=request.opset,
        opset=file.opset,
        ir_version=model.ir_version,
        producer=f"{model.producer_name} {model.producer_version}".strip(),
        domains={entry.domain or "ai.onnx": entry.version for entry in model.opset_import},
        custom_operators=file.custom_operators,
        nodes=len(model.graph.node),
        requested_precision=request.precision,
        precision=file.precision,
        element_types=_count_element_types(model),
        cast_nodes=operators["Cast"],
        quantized_nodes=sum(operators[name] for name in QUANTIZED),
        nodes_with_metadata=len(read_metadata(path)) if trace_file(path).is_file() else None,
        inputs=inputs,
        outputs=tuple(value_info(value) for value in model.graph.output),
        files={name: _describe_file(path.parent / name) for name in file.files},
        weights=compare_weights(path, reference.weights) if reference.weights else None,
        shapes=shapes,
        session_error=session_error,
        specialized_inputs=_specialized_inputs(inputs, model_under_test, rows, reference),
    )
    return replace(audit, findings=(*review(audit, reference.name), *_review_model(model_under_test, rows, reference)))


def _review_model(model_under_test: ModelUnderTest, rows: Sequence[Arrays], reference: Reference) -> Iterator[Finding]:
    """Findings on the model itself: the task's remarks, and predictions that depend on the batch, as the export's will."""
    if reference.weights is None:  # of another export, which was audited itself, or no PyTorch model
        return
    yield from (Finding("warning", "model", remark) for remark in model_under_test.codec.remarks)
    batching = batch_invariance(model_under_test.codec, rows, reference.run)
    if batching is None or batching.rule == "padded":
        return
    how = "one row at a time" if batching.rule == "single" else "in batches of rows of equal length, without padding"
    fix = f"run it {how}, or find out why: `padding_side`, `pad_token_id` and position ids are the usual causes"
    yield Finding("warning", "batches", f"predictions of {reference.name} depend on the batch: {batching.reason}", fix)


def _try_shapes(
    path: Path, model_under_test: ModelUnderTest, rows: Sequence[Arrays], reference: Reference, tolerance: float | None
) -> tuple[tuple[ShapeResult, ...], str]:
    """The results of the shapes, and why the file cannot be run; empty where it can."""
    try:
        run = run_on_cpu(path, model_under_test.codec.collate(rows))
    except MqaError as error:
        return (), error.message.replace(str(path), path.name)
    return sweep_shapes((reference.run, run), model_under_test, rows, tolerance), ""


def _specialized_inputs(
    inputs: Sequence[ValueInfo], model_under_test: ModelUnderTest, rows: Sequence[Arrays], reference: Reference
) -> tuple[ValueInfo, ...]:
    """The inputs with a fixed axis behind the first, along which the model itself takes other lengths."""
    batch = model_under_test.codec.collate(rows)
    fixed = {
        value: [axis for axis, size in enumerate(value.shape) if axis and isinstance(size, int)]
        for value in inputs
        if value.name in batch and batch[value.name].ndim == len(value.shape)
    }
    return tuple(
        value
        for value, axes in fixed.items()
        if any(takes_another_size(reference.run, batch, value.name, axis) for axis in axes)
    )


def _count_element_types(model: Any) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for tensor in model.graph.initializer:
        counts[type_name(tensor.data_type)] += prod(tensor.dims)
    return dict(counts.most_common())


def _describe_file(path: Path) -> dict[str, Any]:
    return {"bytes": path.stat().st_size, "sha256": file_sha256(path)}


@dataclass(frozen=True)
class Reference:
    """A name for messages and a forward pass; `weights` gives parameters and buffers by name, of a PyTorch model alone."""

    name: str
    run: Callable[[Arrays], Arrays]
    weights: Callable[[], Iterator[tuple[str, Array]]] | None = None


def reference_of(model_under_test: ModelUnderTest, base: Path | None, sample: Arrays) -> Reference:
    """The float32 export `base` where there is one, else the model itself; batches look like `sample`."""
    if base is not None:
        return Reference("the float32 export", run_on_cpu(base, sample))
    model = model_under_test.model
    if (converter := model.converter) is not None:
        return Reference("the model", lambda batch: converter.predict(model.module, batch))
    return Reference(
        "the model", lambda batch: _predict(model_under_test, batch), lambda: _weights(model_under_test.model.module)
    )


def run_on_cpu(path: Path, sample: Arrays) -> Callable[[Arrays], dict[str, Array]]:
    """The forward pass of an ONNX file on the CPU; float16 outputs come as float32.

    Raises a DataError where the file does not take what is in `sample`, a NotRunError where it cannot be run.
    """
    session, _ = open_session(path, cpu_request())
    types = input_types(session, sample, path)
    names, rows = [node.name for node in session.get_outputs()], fixed_batch_size(session)

    def run(batch: Arrays) -> dict[str, Array]:
        feed = {name: np.asarray(batch[name], dtype) for name, dtype in types.items()}
        execute = partial(run_session, session)
        values = run_in_fixed_batches(execute, names, feed, rows) if rows else execute(names, feed)
        return {name: _as_float32(np.asarray(value)) for name, value in zip(names, values, strict=True)}

    return run


def _predict(model_under_test: ModelUnderTest, batch: Arrays) -> dict[str, Array]:
    import torch

    tensors = {name: torch.from_numpy(np.array(values)) for name, values in batch.items()}
    with torch.inference_mode():
        outputs = model_under_test.model.module(**nest_cache(tensors))
    return {name: value.float().numpy() for name, value in named_outputs(outputs).items()}


def _weights(module: Any) -> Iterator[tuple[str, Array]]:
    """Every parameter and buffer, also those that are never saved; of a parametrized weight, what is computed."""
    for name, tensor in (*module.named_parameters(), *module.named_buffers()):
        if PARAMETRIZATIONS not in name.split("."):
            yield name, tensor.detach().cpu().numpy()
    for name, part in module.named_modules():
        for weight in getattr(part, PARAMETRIZATIONS, {}):
            yield f"{name}.{weight}".removeprefix("."), getattr(part, weight).detach().cpu().numpy()


def _as_float32(values: Array) -> Array:
    return values.astype(np.float32) if values.dtype == np.float16 else values
