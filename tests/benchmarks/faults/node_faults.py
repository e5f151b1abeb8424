"""Faults of one node, or of what it is given: an axis, a mask, a scale, an index, an attribute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tests.benchmarks.faults.fault import STRUCTURE, Generator, Truth, choose
from tests.benchmarks.faults.graph import attribute, node, set_attribute

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.benchmarks.faults.graph import Graph

EPSILONS = 1e-13, 1e-4  # between which a number is taken for one, where a normalization is written out
LARGE = 0.05  # for an epsilon


def truth_at(graph: Graph, *nodes: Any, near: Iterable[Any] = (), what: str = "") -> Truth:
    """The truth of a fault in these nodes."""
    owners = tuple(dict.fromkeys(graph.owner(one) for one in nodes))
    beside = tuple(graph.owner(one) for one in near if one is not None)
    return Truth(STRUCTURE, owners, tuple(one.name for one in nodes), beside, what=what or nodes[0].name)


def change_softmax_axis(graph: Graph, rng: np.random.Generator) -> Truth | None:
    """Over another axis of as many dimensions."""
    found = [one for one in graph.of_type("Softmax") if _is_attention(graph, one)]
    if not found:
        return None
    chosen = choose(rng, found)
    set_attribute(chosen, "axis", 2)
    return truth_at(graph, chosen)


def change_attention_scale(graph: Graph, rng: np.random.Generator) -> Truth | None:
    """The scores of an attention by another factor."""
    found = [one for one in graph.of_type("Softmax") if _is_attention(graph, one)]
    if not found:
        return None
    chosen = choose(rng, found)
    more = graph.constant("another_scale", np.asarray(rng.choice([0.7071, 1.1]), graph.precision))
    made = node("Mul", [chosen.input[0], more], "scaled_scores", like=chosen)
    graph.put_after(chosen.input[0], [made], readers=[chosen])
    return truth_at(graph, made, chosen)


def ignore_mask(graph: Graph, rng: np.random.Generator) -> Truth | None:
    """An attention whose scores are not masked."""
    found = [one for one in graph.of_type("Softmax") if _find_mask_sum(graph, one) is not None]
    if not found:
        return None
    chosen = choose(rng, found)
    sums = _find_mask_sum(graph, chosen)
    assert sums is not None
    scores = next((name for name in sums.input if _is_made_by(graph, name, {"MatMul"})), sums.input[0])
    truth = truth_at(graph, sums, chosen)
    graph.drop(sums, scores)
    return truth


def _find_mask_sum(graph: Graph, softmax: Any) -> Any | None:
    made = graph.maker(softmax.input[0])
    return made if made is not None and made.op_type == "Add" and _is_attention(graph, softmax) else None


def _is_made_by(graph: Graph, value: str, types: set[str], depth: int = 3) -> bool:
    made = graph.maker(value)
    if made is None or depth == 0:
        return False
    return made.op_type in types or (
        made.op_type in {"Mul", "Div"} and _is_made_by(graph, made.input[0], types, depth - 1)
    )


def _is_attention(graph: Graph, softmax: Any, steps: int = 5) -> bool:
    """Whether what a softmax gives is multiplied with values."""
    value = softmax.output[0]
    for _ in range(steps):
        readers = graph.readers(value)
        if any(one.op_type == "MatMul" for one in readers):
            return True
        if not readers:
            return False
        value = readers[0].output[0]
    return False


def change_epsilon(graph: Graph, rng: np.random.Generator) -> Truth | None:
    """Of a normalization, which is one node, or written out with a sum of its own."""
    whole = graph.of_type("LayerNormalization", "BatchNormalization", "RMSNormalization")
    sums = [(one, name) for one in graph.of_type("Add") for name in one.input if _is_epsilon(graph.value(name))]
    if not whole and not sums:
        return None
    chosen = int(rng.integers(len(whole) + len(sums)))
    if chosen < len(whole):
        set_attribute(whole[chosen], "epsilon", LARGE)
        return truth_at(graph, whole[chosen])
    found, name = sums[chosen - len(whole)]
    other = graph.constant("another_epsilon", np.asarray(LARGE, graph.precision))  # others may read the same
    for index, given in enumerate(found.input):
        if given == name:
            found.input[index] = other
    return truth_at(graph, found)


def _is_epsilon(number: Any) -> bool:
    return number is not None and number.size == 1 and EPSILONS[0] < float(number.reshape(-1)[0]) < EPSILONS[1]


def change_activation(graph: Graph, rng: np.random.Generator) -> Truth | None:
    """Another function in place of an activation, close to it."""
    found = [*graph.of_type("Gelu", "Relu", "Tanh", "Sigmoid")]
    if not found:
        return None
    chosen = choose(rng, found)
    if chosen.op_type == "Gelu":
        set_attribute(chosen, "approximate", "none" if attribute(chosen, "approximate") == b"tanh" else "tanh")
    elif chosen.op_type == "Relu":
        chosen.op_type = "LeakyRelu"
        set_attribute(chosen, "alpha", 0.05)
    elif chosen.op_type == "Sigmoid":
        chosen.op_type = "HardSigmoid"
    else:
        chosen.op_type = "Softsign"
    return truth_at(graph, chosen)


def remove_activation(graph: Graph, rng: np.random.Generator) -> Truth | None:
    found = [*graph.of_type("Gelu", "Relu", "Tanh")]
    if not found:
        return None
    chosen = choose(rng, found)
    near = [graph.maker(chosen.input[0]), *graph.readers(chosen.output[0])]
    truth = truth_at(graph, chosen, near=near)
    graph.drop(chosen, chosen.input[0])
    return truth


def pool_another_token(graph: Graph, rng: np.random.Generator) -> Truth | None:
    """Another position's vector than the first is taken for all."""
    for one in graph.of_type("Gather"):
        index = graph.value(one.input[1])
        axis = attribute(one, "axis") or 0
        if index is None or index.size != 1 or axis != 1 or int(index.reshape(-1)[0]) != 0:
            continue
        maker = graph.maker(one.input[0])
        if maker is None or maker.op_type in {"Shape", "Constant"}:
            continue
        other = graph.constant("another_place", np.ones_like(index))
        one.input[1] = other
        return truth_at(graph, one, near=[maker, *graph.readers(one.output[0])])
    return None


def offset_positions(graph: Graph, rng: np.random.Generator) -> Truth | None:
    """Every position is taken for the next one."""
    return _change_positions(
        graph, lambda value: [node("Add", [value, graph.constant("one", np.asarray(1, np.int64))], "moved")]
    )


def clip_positions(graph: Graph, rng: np.random.Generator) -> Truth | None:
    """Positions end at the eighth: what comes after has the same."""
    return _change_positions(
        graph, lambda value: [node("Min", [value, graph.constant("last", np.asarray(8, np.int64))], "moved")]
    )


def _change_positions(graph: Graph, make: Callable[[str], list[Any]]) -> Truth | None:
    for one in graph.of_type("Gather"):
        owner = graph.owner(one)
        if owner.rpartition(".")[2] not in {"position_embeddings", "wpe", "embed_positions"}:
            continue
        near = [graph.maker(one.input[1])]
        made = make(one.input[1])
        truth = truth_at(graph, one, near=near)
        graph.put_after(one.input[1], made, readers=[one])
        return Truth(truth.kinds, truth.modules, (*truth.nodes, made[-1].name), (*truth.near, ""), what=owner)
    return None


def change_rope_angle(graph: Graph, rng: np.random.Generator) -> Truth | None:
    """The cosines or the sines of rotary positions are another angle's."""
    found = graph.of_type("Cos", "Sin")
    if not found:
        return None
    chosen = choose(rng, found)
    more = graph.constant("angle", np.asarray(1.02, graph.precision))
    made = node("Mul", [chosen.input[0], more], "angles", like=chosen)
    graph.put_after(chosen.input[0], [made], readers=[chosen])
    return truth_at(graph, made, chosen)


def move_padding(graph: Graph, rng: np.random.Generator) -> Truth | None:
    """A convolution padded at the one end for both."""
    found = [one for one in graph.of_type("Conv") if any(attribute(one, "pads") or [])]
    if not found:
        return None
    chosen = choose(rng, found)
    pads = list(attribute(chosen, "pads"))
    half = len(pads) // 2
    moved = [first + last for first, last in zip(pads[:half], pads[half:], strict=True)]
    set_attribute(chosen, "pads", [*moved, *[0] * half])
    return truth_at(graph, chosen)


def dilate_convolution(graph: Graph, rng: np.random.Generator) -> Truth | None:
    """A convolution of dilation 2, with as much more padding."""
    found = []
    for one in graph.of_type("Conv"):
        kernel = attribute(one, "kernel_shape")
        if kernel and all(size % 2 == 1 and size > 1 for size in kernel) and any(attribute(one, "pads") or []):
            found.append(one)
    if not found:
        return None
    chosen = choose(rng, found)
    kernel = attribute(chosen, "kernel_shape")
    set_attribute(chosen, "dilations", [2] * len(kernel))
    more = [size // 2 for size in kernel]
    set_attribute(chosen, "pads", [pad + add for pad, add in zip(attribute(chosen, "pads"), more * 2, strict=True)])
    return truth_at(graph, chosen)


def change_pooling(graph: Graph, rng: np.random.Generator) -> Truth | None:
    """The largest for the mean."""
    found = graph.of_type("GlobalAveragePool", "AveragePool", "ReduceMean")
    found = [one for one in found if one.op_type != "ReduceMean" or _is_pool(graph, one)]
    if not found:
        return None
    chosen = choose(rng, found)
    chosen.op_type = chosen.op_type.replace("Average", "Max").replace("Mean", "Max")
    if attribute(chosen, "count_include_pad") is not None:
        kept = [one for one in chosen.attribute if one.name != "count_include_pad"]
        del chosen.attribute[:]
        chosen.attribute.extend(kept)
    return truth_at(graph, chosen)


def _is_pool(graph: Graph, found: Any) -> bool:
    maker = graph.maker(found.input[0])
    return "pool" in graph.owner(found) and maker is not None


def swap_lstm_directions(graph: Graph, rng: np.random.Generator) -> Truth | None:
    """The directions of an LSTM, each in the other's place."""
    found = graph.of_type("LSTM")
    if not found:
        return None
    chosen = choose(rng, found)
    indices = [
        index for index in (1, 2, 3) if len(chosen.input) > index and graph.value(chosen.input[index]) is not None
    ]
    if not indices:
        return None
    for index in indices:
        array = graph.value(chosen.input[index])
        assert array is not None
        graph.set_value(chosen.input[index], array[::-1])
    return Truth(frozenset({"weights", "exporter"}), (graph.owner(chosen), "lstm"), (chosen.name,), what=chosen.name)


def change_pixel_factor(graph: Graph, rng: np.random.Generator) -> Truth | None:
    """A large constant factor, as that from shares to pixels, is another."""
    for one in graph.of_type("Mul"):
        for index, name in enumerate(one.input):
            number = graph.value(name)
            if number is not None and number.size == 1 and abs(float(number.reshape(-1)[0])) >= 100:
                one.input[index] = graph.constant("another_factor", np.asarray(number * 0.998, number.dtype))
                return truth_at(graph, one)
    return None


GENERATORS = (
    Generator("another axis of softmax", change_softmax_axis),
    Generator("another scale of attention", change_attention_scale),
    Generator("a mask ignored", ignore_mask),
    Generator("another epsilon", change_epsilon),
    Generator("another activation", change_activation),
    Generator("another activation in a file without names", change_activation, postprocessing="nameless"),
    Generator("another activation in an optimized file", change_activation, postprocessing="optimized"),
    Generator("an activation lost", remove_activation),
    Generator("another token pooled", pool_another_token),
    Generator("positions off by one", offset_positions),
    Generator("positions cut", clip_positions),
    Generator("another angle of RoPE", change_rope_angle),
    Generator("a convolution moved", move_padding),
    Generator("a convolution dilated", dilate_convolution),
    Generator("another pooling", change_pooling),
    Generator("directions of an LSTM swapped", swap_lstm_directions),
    Generator("another factor of pixels", change_pixel_factor),
)
