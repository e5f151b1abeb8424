"""The findings of an audit, each with what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mqa_registry import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Literal

    from mqa_onnxruntime.export_audit import Audit
    from mqa_onnxruntime.graph.onnx_file import ValueInfo
    from mqa_onnxruntime.shape_sweep import ShapeResult
    from mqa_onnxruntime.weights.comparison import WeightComparison

MAX_NAMES = 3  # names in one message
HALF_TYPES = frozenset({"float16", "bfloat16"})
NOTABLE_SHARE = 0.01  # of the numbers in the weights that have another type than most, or that the model lacks

# The element types that most weights may have, by the requested precision.
WEIGHT_TYPES = {
    "float32": ("float32",),
    "float16": ("float16",),
    "bfloat16": ("bfloat16",),
    "int8-dynamic": ("int8", "uint8"),
    "int8-static": ("int8", "uint8"),
}


def review(audit: Audit, reference: str) -> Iterator[Finding]:
    """The findings on a file that was compared with `reference`, the worst of each kind first."""
    yield from _review_session(audit)
    yield from _review_request(audit)
    yield from _review_shapes(audit.shapes, reference)
    yield from _review_outputs(audit.shapes, reference)
    yield from _review_axes(audit.inputs, audit.specialized_inputs)
    if audit.weights is not None:
        yield from _review_weights(audit.weights)
    if audit.nodes_with_metadata == 0:
        yield Finding(
            "note",
            "trace",
            "none of its nodes has metadata of the module it came from: where it differs, `mqa parity` may name no module",
            "the converter to older opsets drops them: request a newer opset",
        )


def _review_session(audit: Audit) -> Iterator[Finding]:
    if audit.custom_operators:
        yield Finding(
            "problem",
            "session",
            f"it uses operators that ONNX Runtime does not bring: {_list_names(audit.custom_operators)}",
            "in a suite, give the backend their library as `custom_ops`, and allow it with `--allow-code`",
        )
    elif audit.session_error:
        # ONNX Runtime's CPU has next to no operators for bfloat16; another provider may have them.
        level: Literal["warning", "problem"] = "warning" if audit.precision == "bfloat16" else "problem"
        yield Finding(
            level, "session", f"on the CPU, {audit.session_error}", "no shape was tried; run it where it is to run"
        )


def _review_request(audit: Audit) -> Iterator[Finding]:
    """Opset and precision against those that were requested: exporters may write others, and give no warning."""
    if audit.requested_opset not in {None, audit.opset}:
        yield Finding(
            "problem",
            "opset",
            f"opset {audit.requested_opset} was requested, and it is written in opset {audit.opset}",
            "request an opset that the exporter can write",
        )
    precision = audit.requested_precision
    if precision is not None and audit.precision not in WEIGHT_TYPES[precision]:
        yield Finding(
            "problem",
            "precision",
            f"`{precision}` was requested, and most of its weights are {audit.precision}",
            "few operators of the model can be converted",
        )
    if precision is not None and precision.startswith("int8") and not audit.quantized_nodes:
        yield Finding("problem", "precision", f"`{precision}` was requested, and no operator in it is quantized")
    share = audit.element_types.get("float32", 0) / max(sum(audit.element_types.values()), 1)
    if audit.precision in HALF_TYPES and share > NOTABLE_SHARE:
        yield Finding(
            "note",
            "precision",
            f"{100 * share:.2g} % of the numbers in its weights are float32, the others {audit.precision}",
        )


def _review_shapes(shapes: Sequence[ShapeResult], reference: str) -> Iterator[Finding]:
    for failed in [shape for shape in shapes if shape.outcome == "fails"][:MAX_NAMES]:
        yield Finding(
            "problem",
            "shapes",
            f"it fails on {_describe_shape(failed)}, which {reference} takes: {failed.reason}",
            "export it with dynamic axes, traced with rows of different lengths",
        )
    for other in [shape for shape in shapes if shape.outcome == "differs"][:MAX_NAMES]:
        yield Finding(
            "problem",
            "shapes",
            f"its outputs differ from those of {reference} on {_describe_shape(other)}: {other.reason}",
            "`mqa parity` names the first module that differs",
        )
    if skipped := [shape.name for shape in shapes if shape.outcome == "skipped"]:
        yield Finding("note", "shapes", f"{reference} is too slow to try it on {_list_names(skipped)}")
    unsupported = [shape for shape in shapes if shape.outcome == "unsupported"]
    if unsupported and len(unsupported) == len(shapes):
        message = f"{reference} itself does not run, and no shape was tried: {unsupported[0].reason}"
        yield Finding("warning", "shapes", message, "give it rows that it takes, with `--data`")
    elif unsupported:
        yield Finding(
            "note", "shapes", f"{reference} itself does not take {_list_names([one.name for one in unsupported])}"
        )


def _review_outputs(shapes: Sequence[ShapeResult], reference: str) -> Iterator[Finding]:
    missing = next((shape.missing_outputs for shape in shapes if shape.missing_outputs), ())
    if missing:
        yield Finding(
            "warning",
            "outputs",
            f"it does not give {_list_names(missing)}, which {reference} gives",
            "export it with all outputs",
        )
    extra = next((shape.extra_outputs for shape in shapes if shape.extra_outputs), ())
    if extra:
        yield Finding(
            "note",
            "outputs",
            f"it gives {_list_names(extra)}, which {reference} does not give: they are compared with nothing",
        )


def _review_axes(inputs: Sequence[ValueInfo], specialized: Sequence[ValueInfo]) -> Iterator[Finding]:
    """Fixed axes of inputs; `specialized` have one size in the file, and not in the model."""
    fixed = [value.name for value in inputs if value.shape and isinstance(value.shape[0], int)]
    if fixed:
        yield Finding(
            "warning",
            "axes",
            f"it takes a fixed number of rows as {_list_names(fixed)}",
            "export it with a dynamic first axis",
        )
    if specialized:
        # Whole numbers are tokens more often than not; an image may well have one size.
        yield Finding(
            "warning" if any("int" in value.type for value in specialized) else "note",
            "axes",
            f"it takes rows of one size alone, that of those it was traced with: {', '.join(map(_describe_size, specialized))}",
            "where there are others, trace it with rows of differing sizes: not of a `.npz`, but of a parquet's `inputs`",
        )


def _describe_size(value: ValueInfo) -> str:
    axes = (str(axis) if isinstance(axis, int) else "?" for axis in value.shape[1:])
    return f"`{value.name}` {' x '.join(axes)}"


def _review_weights(weights: WeightComparison) -> Iterator[Finding]:
    if weights.folded:
        yield Finding("note", "weights", f"batch normalization was folded into {_list_names(weights.folded)}")
    if other := [one.weight or one.tensor for one in weights.differences]:
        yield Finding(
            "problem",
            "weights",
            f"it has other values than the model in {_list_names(other)}",
            "it was exported from another checkpoint, or changed since: export the model again",
        )
    elsewhere = [f"{name}` as `{one}" for name, one in weights.changed.items() if name not in other and name != one]
    if elsewhere:
        yield Finding(
            "warning",
            "weights",
            f"it seems to have other values than the model in {_list_names(elsewhere)}",
            "export it again",
        )
    if weights.unknown:
        yield Finding(
            "warning",
            "weights",
            f"it has tensors that are no weights of the model ({len(weights.unknown)}): {_list_names(weights.unknown)}",
            "folded constants are harmless; anything else was not in the model",
        )
    if weights.elements > (1 + NOTABLE_SHARE) * weights.model_elements:
        yield Finding(
            "note",
            "weights",
            f"it has {weights.elements:,} numbers in its weights, and the model {weights.model_elements:,}",
            "a weight that the model uses in two places may be written twice, or a constant be expanded",
        )
    if missing := [name for name in weights.missing if name not in weights.changed]:
        yield Finding(
            "note", "weights", f"it lacks some of the model's weights ({len(missing)}): {_list_names(missing)}"
        )


def _describe_shape(shape: ShapeResult) -> str:
    sizes = ", ".join(f"`{name}` {list(size)}" for name, size in list(shape.input_shapes.items())[:1])
    return f"{shape.name} ({sizes})"


def _list_names(names: Sequence[str]) -> str:
    more = len(names) - MAX_NAMES
    return ", ".join(f"`{name}`" for name in names[:MAX_NAMES]) + (f" and {more} more" if more > 0 else "")
