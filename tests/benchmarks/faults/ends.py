"""Faults at the ends of a graph: how inputs are prepared, and in what order and number outputs come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import TensorProto

from tests.benchmarks.faults.fault import ORDER, STRUCTURE, Generator, Truth
from tests.benchmarks.faults.graph import node
from tests.benchmarks.faults.weights import of_weight

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.benchmarks.faults.graph import Graph


def images_prepared(graph: Graph, rng: np.random.Generator) -> Truth | None:
    """Images are normalized in the file, and were so already."""
    (first, *_) = graph.proto.graph.input
    if first.name != "pixel_values":
        return None
    mean = graph.constant("mean", np.asarray([0.485, 0.456, 0.406], graph.precision).reshape(1, 3, 1, 1))
    deviation = graph.constant("deviation", np.asarray([0.229, 0.224, 0.225], graph.precision).reshape(1, 3, 1, 1))
    readers = graph.readers(first.name)
    made = [node("Sub", [first.name, mean], "centred"), node("Div", ["centred", deviation], "prepared")]
    near = tuple(graph.owner(one) for one in readers)
    graph.put_after(first.name, made, readers=readers)
    return Truth(STRUCTURE, (), ("centred", "prepared"), near, what="the input")


def colours_turned(graph: Graph, rng: np.random.Generator) -> Truth | None:
    """BGR for RGB."""
    (first, *_) = graph.proto.graph.input
    if first.name != "pixel_values":
        return None
    order = graph.constant("order", np.asarray([2, 1, 0], np.int64))
    readers = graph.readers(first.name)
    graph.put_after(first.name, [node("Gather", [first.name, order], "turned", axis=1)], readers=readers)
    return Truth(STRUCTURE, (), ("turned",), tuple(graph.owner(one) for one in readers), what="the input")


def reordered(
    order: Callable[[int, np.random.Generator], list[int]],
) -> Callable[[Graph, np.random.Generator], Truth | None]:
    """The numbers of the first output in another order, by its last axis."""

    def fault(graph: Graph, rng: np.random.Generator) -> Truth | None:
        output = graph.proto.graph.output[0]
        size = _width(graph, output)
        maker = graph.maker(output.name)
        if size is None or maker is None:
            return None
        known = graph.constant("order", np.asarray(order(size, rng), np.int64))
        near = (graph.owner(maker), "")
        graph.put_after(output.name, [node("Gather", [output.name, known], "reordered", axis=-1)])
        return Truth(ORDER, (), ("reordered",), near, what=output.name)

    return fault


def reverse(size: int, rng: np.random.Generator) -> list[int]:
    return list(range(size))[::-1]


def swap_last(size: int, rng: np.random.Generator) -> list[int]:
    """The last two, which are scores where the first are boxes."""
    return [*range(size - 2), size - 1, size - 2]


def one_channel(graph: Graph, rng: np.random.Generator) -> Truth | None:
    """The last number of the first output is off by a hundredth, and no other."""
    output = graph.proto.graph.output[0]
    size, maker = _width(graph, output), graph.maker(output.name)
    if size is None or maker is None:
        return None
    off = np.zeros(size, graph.precision)
    off[-1] = 0.02
    more = graph.constant("off", off)
    near = (graph.owner(maker), "")
    graph.put_after(output.name, [node("Add", [output.name, more], "shifted")])
    return Truth(STRUCTURE, (), ("shifted",), near, what=output.name)


def _width(graph: Graph, output: Any) -> int | None:
    """How many numbers the last axis has."""
    shape = output.type.tensor_type.shape.dim
    if shape and shape[-1].dim_value:
        return int(shape[-1].dim_value)
    return None


def whole_numbers(graph: Graph, rng: np.random.Generator) -> Truth | None:
    """An output of whole numbers that counts from one."""
    for output in graph.proto.graph.output:
        if output.type.tensor_type.elem_type == TensorProto.INT64:
            maker = graph.maker(output.name)
            assert maker is not None
            one = graph.constant("one", np.asarray(1, np.int64))
            near = (graph.owner(maker), "")
            graph.put_after(output.name, [node("Add", [output.name, one], "counted")])
            return Truth(STRUCTURE, (), ("counted",), near, what=output.name)
    return None


def last_bias(graph: Graph, rng: np.random.Generator) -> Truth | None:
    """One class's bias is off by a hundredth, which few bits must not hide."""
    vectors = {name: one for name, one in graph.weights().items() if one.ndim == 1}
    reading = [one for one in graph.nodes[::-1] for name in one.input if name in vectors]
    if not reading:
        return None
    (name,) = [name for name in reading[0].input if name in vectors][:1]
    off = vectors[name].copy()
    off[int(rng.integers(len(off)))] += 0.01
    truth = of_weight(graph, name)
    graph.set_weight(name, off)
    return truth


GENERATORS = (
    Generator("images normalized twice", images_prepared),
    Generator("colours turned around", colours_turned),
    Generator("classes reversed", reordered(reverse)),
    Generator("two classes swapped", reordered(swap_last)),
    Generator("one channel off", one_channel),
    Generator("whole numbers off by one", whole_numbers),
    Generator("one class's bias off", last_bias),
    Generator("one class's bias off in float16", last_bias, finish="half"),
    Generator("classes reversed in float16", reordered(reverse), finish="half"),
)
