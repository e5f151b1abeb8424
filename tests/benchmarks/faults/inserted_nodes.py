"""Faults made by inserted or missing nodes: between modules, at the inputs, and at the outputs of a graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import TensorProto

from tests.benchmarks.faults.fault import BITS, ORDER, STRUCTURE, Generator, Truth, choose
from tests.benchmarks.faults.graph import node
from tests.benchmarks.faults.weight_faults import weight_truth

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.benchmarks.faults.graph import Graph

FLOATS = {"MatMul", "Gemm", "Conv", "LayerNormalization", "Softmax", "Relu", "Gelu", "Tanh", "LSTM", "Sigmoid"}
INSERTED = "inserted"


def find_module_boundaries(graph: Graph) -> list[tuple[Any, list[Any]]]:
    """Nodes whose floating-point value another module reads, and what reads it."""
    found = []
    for maker in graph.nodes:
        if maker.op_type == "Constant" or len(maker.output) != 1:
            continue
        readers = graph.readers(maker.output[0])
        is_float = any(one.op_type in FLOATS and one.input[0] == maker.output[0] for one in readers)
        if is_float and any(graph.owner(one) != graph.owner(maker) for one in readers) and _is_computed(graph, maker):
            found.append((maker, readers))
    return found


def _is_computed(graph: Graph, maker: Any, depth: int = 12) -> bool:
    """Whether a value is computed from the inputs, and is no transformed weight."""
    inputs = {one.name for one in graph.proto.graph.input}
    if any(name in inputs for name in maker.input):
        return True
    makers = [found for name in maker.input if (found := graph.maker(name)) is not None]
    return depth > 0 and any(one.op_type != "Constant" and _is_computed(graph, one, depth - 1) for one in makers)


def insert_at_boundary(
    make: Callable[[Graph, str, np.random.Generator], Sequence[Any]],
    kinds: frozenset[str] = STRUCTURE,
    *,
    inside: bool = False,
) -> Callable[[Graph, np.random.Generator], Truth | None]:
    """Nodes between two modules; where `inside`, they have the name of the module before."""

    def fault(graph: Graph, rng: np.random.Generator) -> Truth | None:
        boundaries = find_module_boundaries(graph)
        if not boundaries:
            return None
        maker, readers = choose(rng, boundaries)
        made = list(make(graph, maker.output[0], rng))
        if inside:
            for one in made:
                one.name = f"{maker.name.rpartition('/')[0]}/{one.name}" if "/" in maker.name else one.name
                one.metadata_props.extend(maker.metadata_props)
        before, after = graph.owner(maker), tuple(graph.owner(one) for one in readers)
        graph.put_after(maker.output[0], made)
        names = tuple(one.name for one in made)
        beside = tuple(one.name for one in (maker, *readers))
        own = (before,) if inside else ()
        near = tuple(dict.fromkeys((before, *after)))
        return Truth(kinds, own, names, near, what=f"{made[-1].op_type} after {maker.name} ({beside[0]})")

    return fault


def multiply(graph: Graph, value: str, rng: np.random.Generator) -> list[Any]:
    factor = graph.constant("inserted_factor", np.asarray(rng.choice([0.5, 0.98, 1.05, 2.0]), graph.precision))
    return [node("Mul", [value, factor], INSERTED)]


def add(graph: Graph, value: str, rng: np.random.Generator) -> list[Any]:
    more = graph.constant("inserted_term", np.asarray(rng.choice([-0.2, 0.05, 0.5]), graph.precision))
    return [node("Add", [value, more], INSERTED)]


def clip(graph: Graph, value: str, rng: np.random.Generator) -> list[Any]:
    ends = [
        graph.constant(f"inserted_{name}", np.asarray(end, graph.precision)) for name, end in (("low", -1), ("high", 1))
    ]
    return [node("Clip", [value, *ends], INSERTED)]


def quantize(graph: Graph, value: str, rng: np.random.Generator) -> list[Any]:
    step = graph.constant("inserted_step", np.asarray(0.05, np.float32))
    zero = graph.constant("inserted_zero", np.asarray(0, np.int8))
    return [
        node("QuantizeLinear", [value, step, zero], "inserted_bits"),
        node("DequantizeLinear", ["inserted_bits", step, zero], INSERTED),
    ]


def cast_to_float16(graph: Graph, value: str, rng: np.random.Generator) -> list[Any]:
    return [node("Cast", [value], "inserted_half", to=10), node("Cast", ["inserted_half"], INSERTED, to=1)]


def reverse_rows(graph: Graph, value: str, rng: np.random.Generator) -> list[Any]:
    """The rows of a batch in reverse: each gets another row's numbers."""
    names = {"start": -1, "end": np.iinfo(np.int64).min + 1, "axis": 0, "step": -1}
    given = [graph.constant(f"inserted_{name}", np.asarray([number], np.int64)) for name, number in names.items()]
    return [node("Slice", [value, *given], INSERTED)]


def mix_rows(graph: Graph, value: str, rng: np.random.Generator) -> list[Any]:
    """A hundredth of the mean over the rows is added to each, as batch statistics do."""
    small = graph.constant("inserted_small", np.asarray(0.05, graph.precision))
    if graph.proto.opset_import[0].version >= 18:
        mean = node("ReduceMean", [value, graph.constant("inserted_axis", np.asarray([0], np.int64))], "inserted_mean")
    else:
        mean = node("ReduceMean", [value], "inserted_mean", axes=[0])
    return [
        mean,
        node("Mul", ["inserted_mean", small], "inserted_part"),
        node("Add", [value, "inserted_part"], INSERTED),
    ]


def remove_residual(graph: Graph, rng: np.random.Generator) -> Truth | None:
    """A sum of two values that were computed gives the later of them alone."""
    sums = [one for one in graph.of_type("Add") if _is_residual(graph, one)]
    if not sums:
        return None
    found = choose(rng, sums)
    order = {output: index for index, one in enumerate(graph.nodes) for output in one.output}
    first, second = (order.get(name, -1) for name in found.input)
    owner, readers = graph.owner(found), graph.readers(found.output[0])
    near = tuple(graph.owner(one) for one in (*readers, graph.maker(found.input[0]), graph.maker(found.input[1])))
    graph.drop(found, found.input[1] if second > first else found.input[0])
    return Truth(STRUCTURE, (owner,), (found.name,), near, what=f"{found.name} adds nothing")


def _is_residual(graph: Graph, found: Any) -> bool:
    """Whether both terms are made by nodes, and one of them is read by others as well, which need floats."""
    makers = [graph.maker(name) for name in found.input]
    if any(one is None or one.op_type in {"Constant", "Range", "Where", "Unsqueeze", "Cast"} for one in makers):
        return False
    beside = [one for name in found.input for one in graph.readers(name) if one.name != found.name]
    return any(one.op_type in FLOATS | {"Pow", "Add", "Mul"} for one in beside) and all(
        _is_computed(graph, one) for one in makers
    )


def normalize_images(graph: Graph, rng: np.random.Generator) -> Truth | None:
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


def swap_color_channels(graph: Graph, rng: np.random.Generator) -> Truth | None:
    """BGR for RGB."""
    (first, *_) = graph.proto.graph.input
    if first.name != "pixel_values":
        return None
    order = graph.constant("order", np.asarray([2, 1, 0], np.int64))
    readers = graph.readers(first.name)
    graph.put_after(first.name, [node("Gather", [first.name, order], "turned", axis=1)], readers=readers)
    return Truth(STRUCTURE, (), ("turned",), tuple(graph.owner(one) for one in readers), what="the input")


def reorder_output(
    order: Callable[[int, np.random.Generator], list[int]],
) -> Callable[[Graph, np.random.Generator], Truth | None]:
    """The numbers of the first output in another order, by its last axis."""

    def fault(graph: Graph, rng: np.random.Generator) -> Truth | None:
        output = graph.proto.graph.output[0]
        size = _count_channels(graph, output)
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


def shift_one_channel(graph: Graph, rng: np.random.Generator) -> Truth | None:
    """The last number of the first output is off by a hundredth, and no other."""
    output = graph.proto.graph.output[0]
    size, maker = _count_channels(graph, output), graph.maker(output.name)
    if size is None or maker is None:
        return None
    off = np.zeros(size, graph.precision)
    off[-1] = 0.02
    more = graph.constant("off", off)
    near = (graph.owner(maker), "")
    graph.put_after(output.name, [node("Add", [output.name, more], "shifted")])
    return Truth(STRUCTURE, (), ("shifted",), near, what=output.name)


def _count_channels(graph: Graph, output: Any) -> int | None:
    """How many numbers the last axis has."""
    shape = output.type.tensor_type.shape.dim
    if shape and shape[-1].dim_value:
        return int(shape[-1].dim_value)
    return None


def shift_integers(graph: Graph, rng: np.random.Generator) -> Truth | None:
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


def shift_last_bias(graph: Graph, rng: np.random.Generator) -> Truth | None:
    """One class's bias is off by a hundredth, which few bits must not hide."""
    vectors = {name: one for name, one in graph.weights().items() if one.ndim == 1}
    reading = [one for one in graph.nodes[::-1] for name in one.input if name in vectors]
    if not reading:
        return None
    (name,) = [name for name in reading[0].input if name in vectors][:1]
    off = vectors[name].copy()
    off[int(rng.integers(len(off)))] += 0.01
    truth = weight_truth(graph, name)
    graph.set_weight(name, off)
    return truth


BOUNDARY_FAULTS = (
    Generator("a factor between modules", insert_at_boundary(multiply)),
    Generator("a factor at a module's end", insert_at_boundary(multiply, inside=True)),
    Generator("a term between modules", insert_at_boundary(add)),
    Generator("values clipped", insert_at_boundary(clip)),
    Generator("values in eight bits", insert_at_boundary(quantize, BITS)),
    Generator("values through float16", insert_at_boundary(cast_to_float16, BITS)),
    Generator("rows turned around", insert_at_boundary(reverse_rows)),
    Generator("rows mixed", insert_at_boundary(mix_rows)),
    Generator("a residual lost", remove_residual),
)

INPUT_AND_OUTPUT_FAULTS = (
    Generator("images normalized twice", normalize_images),
    Generator("colours turned around", swap_color_channels),
    Generator("classes reversed", reorder_output(reverse)),
    Generator("two classes swapped", reorder_output(swap_last)),
    Generator("one channel off", shift_one_channel),
    Generator("whole numbers off by one", shift_integers),
    Generator("one class's bias off", shift_last_bias),
    Generator("one class's bias off in float16", shift_last_bias, postprocessing="float16"),
    Generator("classes reversed in float16", reorder_output(reverse), postprocessing="float16"),
)
