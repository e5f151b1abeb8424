"""Which nodes of a graph draw random numbers, so that no two runs of it agree, and which are in training mode."""

from __future__ import annotations

from typing import Any

from mqa_onnxruntime.protobuf import messages

# The operators of ONNX that always draw. A `seed` makes them repeat from session to session, and not from run to run.
DRAWING = frozenset(
    {"Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"}
)
TRAINING = 2  # the input of Dropout that says whether it drops anything


def drawing(model: Any) -> list[Any]:
    """Those that always draw, and each `Dropout` that is told to drop: in graphs inside of nodes, and functions, too."""
    nodes, constants = _nodes(model), _constants(model)
    return [node for node in nodes if node.op_type in DRAWING or _drops(node, constants)]


def in_training(model: Any) -> list[str]:
    """The nodes that do as in training: dropout that drops, and normalization by the batch that they are given."""
    dropping = [node for node in drawing(model) if node.op_type == "Dropout"]
    found = (*dropping, *filter(_normalizes_by_batch, _nodes(model)))
    return [f"{node.name or node.output[0]} ({node.op_type})" for node in found]


def without_dropout(model: Any) -> Any:
    """The model as ONNX Runtime runs it unless it is told to optimize nothing: without most dropouts of training mode.

    It takes out those whose mode is a constant, whose mask nobody reads, and that stand between two nodes.
    """
    nodes, constants = model.graph.node, _constants(model)
    made = {name for node in nodes for name in node.output}
    results = {value.name for value in model.graph.output}
    read = {name for node in _nodes(model) for name in node.input} | results
    for node in (node for node in nodes if _drops(node, constants)):
        hidden = node.input[0] in made and node.output[0] not in results and not read & set(node.output[1:])
        if hidden and node.input[TRAINING] in constants:
            del node.input[TRAINING:]
    return model


def _nodes(model: Any) -> list[Any]:
    return [one for one in messages(model) if one.DESCRIPTOR.name == "NodeProto"]


def _constants(model: Any) -> dict[str, Any]:
    told = (node for node in _nodes(model) if node.op_type == "Constant" and node.attribute[0].HasField("t"))
    return {one.name: one for one in model.graph.initializer} | {node.output[0]: node.attribute[0].t for node in told}


def _normalizes_by_batch(node: Any) -> bool:
    training = any(one.name == "training_mode" and one.i for one in node.attribute)
    return node.op_type == "BatchNormalization" and training


def _drops(node: Any, constants: dict[str, Any]) -> bool:
    if node.op_type != "Dropout" or len(node.input) <= TRAINING or not node.input[TRAINING]:
        return False
    from onnx import numpy_helper

    share, told = (constants.get(name) for name in node.input[1 : TRAINING + 1])
    if share is not None and not numpy_helper.to_array(share).any():
        return False
    return told is None or bool(numpy_helper.to_array(told).any())
