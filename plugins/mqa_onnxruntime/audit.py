"""The audit of an ONNX file: what was asked for, what came out, and what to do about the difference."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, replace
from math import prod
from typing import TYPE_CHECKING, Any

from mqa_onnxruntime.graph import Value, file_sha256, parsed, read_graph, type_name, value_of
from mqa_onnxruntime.lineage import lineage, lineage_file
from mqa_onnxruntime.reference import on_cpu
from mqa_onnxruntime.review import review
from mqa_onnxruntime.sweep import sweep, takes_another_size
from mqa_onnxruntime.weights import weigh
from mqa_registry import Finding, MqaError, batch_invariance

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from mqa_onnxruntime.arrays import Arrays
    from mqa_onnxruntime.reference import Reference
    from mqa_onnxruntime.sweep import Shape
    from mqa_onnxruntime.variant import Precision
    from mqa_onnxruntime.weights import Weights
    from mqa_registry import Subject

# How far answers may be off, over the largest of them. This finds what is broken; whether what is left of a difference
# matters is for the suite's checks to say.
TOLERANCES: Mapping[str, float] = {"float32": 1e-3, "float16": 0.05, "bfloat16": 0.2}

QUANTIZED = frozenset({"QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "MatMulInteger", "ConvInteger"})


@dataclass(frozen=True)
class Asked:
    """What an export was to be; nothing where nobody asked."""

    opset: int | None = None
    precision: Precision | None = None


ANYTHING = Asked()


@dataclass(frozen=True)
class Audit:
    """What an ONNX file is, against what it was to be.

    `files` are its sizes in bytes and sha256 by name, `types` the numbers in its weights by element type, `casts` and
    `quantized` how many of its nodes change the precision. `weights` is None where it was made of another export.
    `traced` is how many nodes tell which module they came from, None where nothing is beside the file to tell it.
    `narrowed` are the inputs with a fixed axis behind the first, which the model itself takes of other lengths too.
    `trouble` is why ONNX Runtime cannot run it, where that is so: then no `shapes` were tried.
    """

    opset_asked: int | None
    opset: int
    ir_version: int
    producer: str
    domains: Mapping[str, int]
    foreign: tuple[str, ...]
    nodes: int
    precision_asked: Precision | None
    precision: str
    types: Mapping[str, int]
    casts: int
    quantized: int
    traced: int | None
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    files: Mapping[str, Mapping[str, Any]]
    weights: Weights | None
    shapes: tuple[Shape, ...]
    trouble: str
    narrowed: tuple[Value, ...] = ()
    findings: tuple[Finding, ...] = ()

    def spelled(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


def audit(path: Path, subject: Subject, rows: Sequence[Arrays], reference: Reference, asked: Asked = ANYTHING) -> Audit:
    """Hold an ONNX file against its model, on a few encoded rows and what can be made of them.

    Raises a DataError where the file is none, or is not whole; everything else is a finding.
    """
    graph, model = read_graph(path), parsed(path)
    kinds = Counter(node.op_type for node in model.graph.node)
    tolerance = TOLERANCES.get(asked.precision or graph.precision)
    inputs = tuple(value_of(value) for value in model.graph.input)
    shapes, trouble = _swept(path, subject, rows, reference, tolerance)
    whole = Audit(
        opset_asked=asked.opset,
        opset=graph.opset,
        ir_version=model.ir_version,
        producer=f"{model.producer_name} {model.producer_version}".strip(),
        domains={entry.domain or "ai.onnx": entry.version for entry in model.opset_import},
        foreign=graph.foreign,
        nodes=len(model.graph.node),
        precision_asked=asked.precision,
        precision=graph.precision,
        types=_types(model),
        casts=kinds["Cast"],
        quantized=sum(kinds[kind] for kind in QUANTIZED),
        traced=len(lineage(path)) if lineage_file(path).is_file() else None,
        inputs=inputs,
        outputs=tuple(value_of(value) for value in model.graph.output),
        files={name: _file(path.parent / name) for name in graph.files},
        weights=weigh(path, reference.weights) if reference.weights else None,
        shapes=shapes,
        trouble=trouble,
        narrowed=_narrowed(inputs, subject, rows, reference),
    )
    return replace(whole, findings=(*review(whole, reference.name), *_batches(subject, rows, reference)))


def _batches(subject: Subject, rows: Sequence[Arrays], reference: Reference) -> Iterator[Finding]:
    """What the task remarks of the model, and that its own predictions depend on the batch, as those of its export will."""
    if reference.weights is None:  # made of another export, which was audited itself
        return
    yield from (Finding("warning", "model", remark) for remark in subject.codec.remarks)
    found = batch_invariance(subject.codec, rows, reference.run)
    if found is None or found.rule == "padded":
        return
    how = "one row at a time" if found.rule == "single" else "in batches of rows of equal length, without padding"
    mend = f"run it {how}, or find out why: `padding_side`, `pad_token_id` and position ids are the usual causes"
    yield Finding("warning", "batches", f"predictions of {reference.name} depend on the batch: {found.reason}", mend)


def _swept(
    path: Path, subject: Subject, rows: Sequence[Arrays], reference: Reference, tolerance: float | None
) -> tuple[tuple[Shape, ...], str]:
    """The shapes that were tried, or why the file cannot be run at all."""
    try:
        run = on_cpu(path, subject.codec.collate(rows))
    except MqaError as error:
        return (), error.message.replace(str(path), path.name)
    return sweep((reference.run, run), subject, rows, tolerance), ""


def _narrowed(
    inputs: Sequence[Value], subject: Subject, rows: Sequence[Arrays], reference: Reference
) -> tuple[Value, ...]:
    batch = subject.codec.collate(rows)
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


def _types(model: Any) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for tensor in model.graph.initializer:
        counts[type_name(tensor.data_type)] += prod(tensor.dims)
    return dict(counts.most_common())


def _file(path: Path) -> dict[str, Any]:
    return {"bytes": path.stat().st_size, "sha256": file_sha256(path)}
