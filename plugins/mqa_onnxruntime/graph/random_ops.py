"""Nodes that draw random numbers, and nodes in training mode."""

from __future__ import annotations

from typing import Any

from mqa_onnxruntime.graph.protobuf import all_nodes

# These operators always draw. A `seed` makes them repeat from session to session, and not from run to run.
RANDOM_OPERATORS = frozenset(
    {"Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"}
)
TRAINING_MODE = 2  # the position of the input of Dropout that switches it on


def random_nodes(model: Any) -> list[Any]:
    """The nodes that draw random numbers: random operators, and each `Dropout` in training mode."""
    constants = _constants(model)
    return [node for node in all_nodes(model) if node.op_type in RANDOM_OPERATORS or _drops(node, constants)]


def training_nodes(model: Any) -> list[str]:
    """The nodes in training mode, as `name (operator)`: dropout, and batch normalization by the statistics of the batch."""
    dropouts = [node for node in random_nodes(model) if node.op_type == "Dropout"]
    nodes = (*dropouts, *filter(_normalizes_by_batch, all_nodes(model)))
    return [f"{node.name or node.output[0]} ({node.op_type})" for node in nodes]


def without_dropout(model: Any) -> Any:
    """Switch off the dropouts that ONNX Runtime removes at every optimization level but `disabled`; changes the model.

    It removes those whose mode is a constant, whose mask no node reads, and that stand between two nodes.
    """
    nodes, constants = model.graph.node, _constants(model)
    computed = {name for node in nodes for name in node.output}
    outputs = {value.name for value in model.graph.output}
    read = {name for node in all_nodes(model) for name in node.input} | outputs
    for node in (node for node in nodes if _drops(node, constants)):
        hidden = node.input[0] in computed and node.output[0] not in outputs and not read & set(node.output[1:])
        if hidden and node.input[TRAINING_MODE] in constants:
            del node.input[TRAINING_MODE:]
    return model


def _constants(model: Any) -> dict[str, Any]:
    nodes = [node for node in all_nodes(model) if node.op_type == "Constant" and node.attribute[0].HasField("t")]
    initializers = {tensor.name: tensor for tensor in model.graph.initializer}
    return initializers | {node.output[0]: node.attribute[0].t for node in nodes}


def _normalizes_by_batch(node: Any) -> bool:
    training = any(attribute.name == "training_mode" and attribute.i for attribute in node.attribute)
    return node.op_type == "BatchNormalization" and training


def _drops(node: Any, constants: dict[str, Any]) -> bool:
    """Whether a node is a dropout whose ratio is not 0, in training mode or in one that is no constant."""
    if node.op_type != "Dropout" or len(node.input) <= TRAINING_MODE or not node.input[TRAINING_MODE]:
        return False
    from onnx import numpy_helper

    ratio, training = (constants.get(name) for name in node.input[1 : TRAINING_MODE + 1])
    if ratio is not None and not numpy_helper.to_array(ratio).any():
        return False
    return training is None or bool(numpy_helper.to_array(training).any())
