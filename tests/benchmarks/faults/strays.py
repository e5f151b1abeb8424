"""Faults between modules: nodes that belong to none, or to the one before, and nodes that are lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tests.benchmarks.faults.fault import BITS, STRUCTURE, Generator, Truth, pick
from tests.benchmarks.faults.graph import node

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.benchmarks.faults.graph import Graph

FLOATS = {"MatMul", "Gemm", "Conv", "LayerNormalization", "Softmax", "Relu", "Gelu", "Tanh", "LSTM", "Sigmoid"}
STRAY = "stray"


def edges(graph: Graph) -> list[tuple[Any, list[Any]]]:
    """Nodes whose floating-point value another module reads, and what reads it."""
    found = []
    for maker in graph.nodes:
        if maker.op_type == "Constant" or len(maker.output) != 1:
            continue
        readers = graph.readers(maker.output[0])
        known = any(one.op_type in FLOATS and one.input[0] == maker.output[0] for one in readers)
        if known and any(graph.owner(one) != graph.owner(maker) for one in readers) and _computed(graph, maker):
            found.append((maker, readers))
    return found


def _computed(graph: Graph, maker: Any, depth: int = 12) -> bool:
    """Whether a value comes of the inputs, and is no weight on its way."""
    inputs = {one.name for one in graph.proto.graph.input}
    if any(name in inputs for name in maker.input):
        return True
    makers = [found for name in maker.input if (found := graph.maker(name)) is not None]
    return depth > 0 and any(one.op_type != "Constant" and _computed(graph, one, depth - 1) for one in makers)


def between(
    make: Callable[[Graph, str, np.random.Generator], Sequence[Any]],
    kinds: frozenset[str] = STRUCTURE,
    *,
    inside: bool = False,
) -> Callable[[Graph, np.random.Generator], Truth | None]:
    """Nodes on an edge between two modules; `inside`, they bear the name of the module before."""

    def fault(graph: Graph, rng: np.random.Generator) -> Truth | None:
        places = edges(graph)
        if not places:
            return None
        maker, readers = pick(rng, places)
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


def times(graph: Graph, value: str, rng: np.random.Generator) -> list[Any]:
    factor = graph.constant("stray_factor", np.asarray(rng.choice([0.5, 0.98, 1.05, 2.0]), graph.precision))
    return [node("Mul", [value, factor], STRAY)]


def plus(graph: Graph, value: str, rng: np.random.Generator) -> list[Any]:
    more = graph.constant("stray_term", np.asarray(rng.choice([-0.2, 0.05, 0.5]), graph.precision))
    return [node("Add", [value, more], STRAY)]


def clipped(graph: Graph, value: str, rng: np.random.Generator) -> list[Any]:
    ends = [
        graph.constant(f"stray_{name}", np.asarray(end, graph.precision)) for name, end in (("low", -1), ("high", 1))
    ]
    return [node("Clip", [value, *ends], STRAY)]


def through_eight_bits(graph: Graph, value: str, rng: np.random.Generator) -> list[Any]:
    step = graph.constant("stray_step", np.asarray(0.05, np.float32))
    zero = graph.constant("stray_zero", np.asarray(0, np.int8))
    return [
        node("QuantizeLinear", [value, step, zero], "stray_bits"),
        node("DequantizeLinear", ["stray_bits", step, zero], STRAY),
    ]


def through_half(graph: Graph, value: str, rng: np.random.Generator) -> list[Any]:
    return [node("Cast", [value], "stray_half", to=10), node("Cast", ["stray_half"], STRAY, to=1)]


def rows_turned(graph: Graph, value: str, rng: np.random.Generator) -> list[Any]:
    """The rows of a batch in reverse: every one is answered, and by another's numbers."""
    names = {"start": -1, "end": np.iinfo(np.int64).min + 1, "axis": 0, "step": -1}
    given = [graph.constant(f"stray_{name}", np.asarray([number], np.int64)) for name, number in names.items()]
    return [node("Slice", [value, *given], STRAY)]


def rows_mixed(graph: Graph, value: str, rng: np.random.Generator) -> list[Any]:
    """A hundredth of the mean over the rows is added to each, as batch statistics do."""
    small = graph.constant("stray_small", np.asarray(0.05, graph.precision))
    if graph.proto.opset_import[0].version >= 18:
        mean = node("ReduceMean", [value, graph.constant("stray_axis", np.asarray([0], np.int64))], "stray_mean")
    else:
        mean = node("ReduceMean", [value], "stray_mean", axes=[0])
    return [mean, node("Mul", ["stray_mean", small], "stray_part"), node("Add", [value, "stray_part"], STRAY)]


def residual_lost(graph: Graph, rng: np.random.Generator) -> Truth | None:
    """A sum of two values that were computed gives the later of them alone."""
    sums = [one for one in graph.of_type("Add") if _is_residual(graph, one)]
    if not sums:
        return None
    found = pick(rng, sums)
    order = {output: place for place, one in enumerate(graph.nodes) for output in one.output}
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
        _computed(graph, one) for one in makers
    )


GENERATORS = (
    Generator("a factor between modules", between(times)),
    Generator("a factor at a module's end", between(times, inside=True)),
    Generator("a term between modules", between(plus)),
    Generator("values clipped", between(clipped)),
    Generator("values in eight bits", between(through_eight_bits, BITS)),
    Generator("values through float16", between(through_half, BITS)),
    Generator("rows turned around", between(rows_turned)),
    Generator("rows mixed", between(rows_mixed)),
    Generator("a residual lost", residual_lost),
)
