"""Which nodes and which values of a graph are a PyTorch module's."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from mqa_onnxruntime.origins import NOWHERE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mqa_onnxruntime.origins import Origin

FLOATS = frozenset({0, 1, 10, 11, 16})  # element types in the ONNX standard; 0 where nothing is said


@dataclass(frozen=True)
class Part:
    """One call of a module: its nodes by their places in the graph, and the value that is its output.

    `entries` are the numbers with a fraction that it reads from other nodes, in the graph's order.
    `others` are what else leaves it, the last first: a module may give several things.
    """

    module: str
    call: int
    class_name: str
    source: str
    places: tuple[int, ...]
    value: str
    entries: tuple[str, ...] = ()
    others: tuple[str, ...] = ()

    @property
    def end(self) -> int:
        """The place of the last node, by which parts are put in order."""
        return self.places[-1]


class Reading:
    """A graph with the origins of its nodes, read into tables once."""

    def __init__(self, model: Any, origins: Sequence[Origin]) -> None:
        self.nodes = model.graph.node
        self.origins = origins
        self.results = {value.name for value in model.graph.output}
        self.types = value_types(model)
        self.readers: dict[str, list[int]] = defaultdict(list)
        self.modules: dict[str, list[int]] = defaultdict(list)
        self.places = {name: place for place, node in enumerate(self.nodes) for name in node.output if name}
        for place, node in enumerate(self.nodes):
            for name in read_names(node):
                self.readers[name].append(place)
            for module in origins[place].modules:
                self.modules[module].append(place)

    def parts(self, calls: Mapping[str, int] | None = None) -> tuple[Part, ...]:
        """Every call of every module that left a value in the graph, in its order, inner modules before outer ones.

        `calls` says how often each module is called, where that is known. A module whose calls cannot be told apart is
        left out, and so is one without a value of its own, such as a dropout.
        """
        parts = [part for module in self.modules for part in self._parts(module, (calls or {}).get(module, 0))]
        return tuple(sorted(parts, key=lambda part: (part.end, -part.module.count("."), -len(part.module))))

    def makers(self, part: Part) -> tuple[Part, ...]:
        """What makes the entries of a part, where that is no module's output: the innermost module around its node."""
        return tuple(self._maker(part, entry) for entry in part.entries if self.origins[self.places[entry]].modules)

    def _maker(self, part: Part, entry: str) -> Part:
        place = self.places[entry]
        origin = self.origins[place]
        module = origin.modules[-1]
        return Part(module, part.call, origin.class_of(module), origin.source, (place,), entry)

    def _parts(self, module: str, calls: int) -> list[Part]:
        runs = self._runs(module, calls)
        parts = [self._part(module, call, run) for call, run in enumerate(runs)]
        found = [part for part in parts if part is not None]
        return found if len(found) == len(runs) else []

    def _runs(self, module: str, calls: int) -> list[list[int]]:
        """The nodes of each call; none where there are not as many as calls."""
        places = self.modules[module]
        if calls == 1:
            return [places]
        runs = _split(places, [self._step(module, place) for place in places])
        if calls:
            return runs if len(runs) == calls else []
        return runs if self._alike(runs) else [places]

    def _alike(self, runs: list[list[int]]) -> bool:
        """Whether runs look like calls of one module, rather than one call with something else in between."""
        return len(runs) > 1 and self._kinds(runs[-1]) == self._kinds(runs[-2])

    def _kinds(self, run: list[int]) -> list[str]:
        return [self.nodes[place].op_type for place in run]

    def _step(self, module: str, place: int) -> str:
        """The module directly inside of a module that a node is part of, or nothing."""
        inside = self.origins[place].modules
        position = inside.index(module) + 1
        return inside[position] if position < len(inside) else ""

    def _part(self, module: str, call: int, run: list[int]) -> Part | None:
        values = self._leaving(set(run), run)
        if not values:
            return None
        origin = self._own(module, run)
        return Part(
            module, call, origin.class_of(module), origin.source, tuple(run), values[0], self._entries(run), values[1:]
        )

    def _entries(self, run: list[int]) -> tuple[str, ...]:
        inside = {name for place in run for name in self.nodes[place].output}
        read = {name for place in run for name in read_names(self.nodes[place])}
        entries = [name for name in read - inside if name in self.places and self.types.get(name, 0) in FLOATS]
        return tuple(sorted(entries, key=lambda name: (self.places[name], name)))

    def _own(self, module: str, run: list[int]) -> Origin:
        """Of the last node that is the module's own, else of the last one inside of it."""
        own = [self.origins[place] for place in run if self.origins[place].modules[-1] == module]
        return (own or [self.origins[place] for place in run] or [NOWHERE])[-1]

    def _leaving(self, inside: set[int], run: list[int]) -> tuple[str, ...]:
        """The numbers with a fraction that leave the nodes of a call, the last first."""
        made = [name for place in reversed(run) for name in self.nodes[place].output[:1]]
        return tuple(str(name) for name in made if self.types.get(name, 0) in FLOATS and self._leaves(name, inside))

    def _leaves(self, name: str, inside: set[int]) -> bool:
        return name in self.results or any(place not in inside for place in self.readers[name])


def typed(model: Any) -> Any:
    """A graph that tells the types of its values, as far as they can be concluded where it does not itself."""
    from onnx.shape_inference import infer_shapes

    known = value_types(model)
    if all(known.get(name) for node in model.graph.node for name in node.output if name):
        return model
    try:
        return infer_shapes(model)
    except Exception:  # a graph that contradicts itself, or is too large, stays as it is
        return model


def value_types(model: Any) -> dict[str, int]:
    """The element types of a graph's values, by their numbers in the ONNX standard, as far as it tells them."""
    values = (*model.graph.value_info, *model.graph.output)
    return {value.name: value.type.tensor_type.elem_type for value in values}


def read_names(node: Any) -> list[str]:
    """The values that a node reads, those that graphs inside of it read among them."""
    names = list(node.input)
    for attribute in node.attribute:
        for graph in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
            names += [name for inner in graph.node for name in read_names(inner)]
    return names


def _split(places: list[int], steps: list[str]) -> list[list[int]]:
    """Split where a module begins again: after a gap if it has no parts, else at a part that was there before."""
    if not any(steps):
        starts = [0, *(after for after, (one, next_) in enumerate(pairwise(places), 1) if next_ != one + 1)]
    else:
        starts = _restarts(steps)
    return [places[start:end] for start, end in pairwise([*starts, len(places)])]


def _restarts(steps: list[str]) -> list[int]:
    """Where a step comes that was left before, in a call that is not new."""
    starts, left, last = [0], set[str](), ""
    for place, step in enumerate(steps):
        if not step:
            continue
        if step != last and step in left:
            starts.append(place)
            left = set()
        elif last and step != last:
            left.add(last)
        last = step
    return starts
