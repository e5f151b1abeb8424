"""Which nodes of a graph draw random numbers, so that no two runs of it agree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mqa_onnxruntime.graph import messages

if TYPE_CHECKING:
    from collections.abc import Iterator

# The operators of ONNX that always draw. A `seed` makes them repeat from session to session, and not from run to run.
DRAWING = frozenset(
    {"Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"}
)
TRAINING = 2  # the input of Dropout that says whether it drops anything


def drawing(model: Any) -> Iterator[Any]:
    """Those that always draw, and each `Dropout` that is told to drop: in graphs inside of nodes, and functions, too."""
    nodes = [one for one in messages(model) if one.DESCRIPTOR.name == "NodeProto"]
    constants = {one.name: one for one in model.graph.initializer}
    constants |= {node.output[0]: node.attribute[0].t for node in nodes if node.op_type == "Constant"}
    return (node for node in nodes if node.op_type in DRAWING or _drops(node, constants))


def _drops(node: Any, constants: dict[str, Any]) -> bool:
    if node.op_type != "Dropout" or len(node.input) <= TRAINING or not node.input[TRAINING]:
        return False
    from onnx import numpy_helper

    told = constants.get(node.input[TRAINING])
    return told is None or bool(numpy_helper.to_array(told).any())
