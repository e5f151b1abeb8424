"""Decoders of transformers with their cache as plain inputs and outputs, `past_key_values.0.key` and `present.0.key`."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mqa_onnxruntime.graph.onnx_file import parse_model
from mqa_registry import split_cache

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mqa_onnxruntime.export.exporters import TraceInput

CACHE = "past_key_values"
NESTED_NAME = re.compile(r"(input|output)\.past_key_values\.layers\.(\d+)\.(key|value)s")
FLAT_PREFIXES = {"input": CACHE, "output": "present"}


def with_nested_cache(trace_input: TraceInput) -> TraceInput:
    """The same with the keys and values of a decoder in a cache of transformers, which its modules take."""
    others, pairs = split_cache(trace_input.shapes)
    if not pairs:
        return trace_input
    axes: Any = [of_side for of_layer in pairs for of_side in of_layer]
    return replace(trace_input, inputs=nest_cache(trace_input.inputs), shapes={**others, CACHE: axes})


def nest_cache(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Tensors by name as the arguments of a decoder of transformers; as they are where there are no keys and values."""
    others, pairs = split_cache(inputs)
    if not pairs:
        return others
    from transformers import DynamicCache

    return {**others, CACHE: DynamicCache(pairs)}


def flatten_cache_names(path: Path) -> None:
    """Rename the keys and values in an ONNX file that the exporter of transformers wrote."""
    model = parse_model(path)
    values = [*model.graph.input, *model.graph.output]
    names = {
        value.name: f"{FLAT_PREFIXES[match[1]]}.{match[2]}.{match[3]}"
        for value in values
        if (match := NESTED_NAME.fullmatch(value.name))
    }
    if not names:
        return
    for value in values:
        value.name = names.get(value.name, value.name)
    for node in model.graph.node:
        for field in (node.input, node.output):
            field[:] = [names.get(name, name) for name in field]
    path.write_bytes(model.SerializeToString())
