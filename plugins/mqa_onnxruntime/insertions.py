"""Nodes that no exporter tells the origin of: what other tools have put into a graph, between its modules or inside one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mqa_onnxruntime.parts import Reading


@dataclass(frozen=True)
class Insertion:
    """Some nodes in a row, from one value to another, by their names with their operators.

    `before` is the innermost module that makes the first value, `after` the one that reads the last; empty where that is
    none, such as an input or an output of the graph.
    """

    nodes: tuple[tuple[str, str], ...]
    start: str
    end: str
    before: str
    after: str


def insertions(reading: Reading, piece: Any) -> Iterator[Insertion]:
    """Those in a piece of a graph: every node by itself, then with those in front of it that nobody knows either."""
    chains = [_chain(reading, piece, node) for node in piece.graph.node if _is_inserted(reading, node)]
    chains = [chain for chain in chains if chain]
    for chain in [*(chain[-1:] for chain in chains), *(chain for chain in chains if len(chain) > 1)]:
        start, end = _read(piece, chain[0]), str(chain[-1].output[0])
        names = tuple((str(node.name or node.output[0]), str(node.op_type)) for node in chain)
        yield Insertion(names, start, end, _maker(reading, start), _reader(reading, end))


def _is_inserted(reading: Reading, node: Any) -> bool:
    place = reading.places.get(node.output[0])
    return place is not None and not reading.origins[place].own and node.op_type != "Constant" and len(node.output) == 1


def _chain(reading: Reading, piece: Any, node: Any) -> list[Any]:
    """A node and those before it of the same kind, the first in front."""
    makers = {node.output[0]: node for node in piece.graph.node}
    chain = [node] if _read(piece, node) else []
    while chain:
        before = makers.get(_read(piece, chain[0]))
        if before is None or not _is_inserted(reading, before) or not _read(piece, before):
            break
        chain.insert(0, before)
    return chain


def _read(piece: Any, node: Any) -> str:
    """The first value that a node reads and that is not constant; empty where there is none."""
    constant = {tensor.name for tensor in piece.graph.initializer}
    constant |= {node.output[0] for node in piece.graph.node if node.op_type == "Constant"}
    return next((str(name) for name in node.input if name and name not in constant), "")


def _maker(reading: Reading, value: str) -> str:
    place = reading.places.get(value)
    modules = reading.origins[place].modules if place is not None else ()
    return modules[-1] if modules else ""


def _reader(reading: Reading, value: str) -> str:
    """The innermost module of the first node that reads a value and that an exporter tells of."""
    waiting, seen = [value], set[str]()
    while waiting:
        name = waiting.pop(0)
        seen.add(name)
        for place in reading.readers.get(name, ()):
            if reading.origins[place].own:
                return reading.origins[place].modules[-1] if reading.origins[place].modules else ""
            waiting += [one for one in reading.nodes[place].output if one not in seen]
    return ""
