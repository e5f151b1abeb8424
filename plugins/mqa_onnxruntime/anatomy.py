"""A graph by the PyTorch modules that it came from: what each gives, by itself or in its place, and what it is made of."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_onnxruntime.cutting import GIVEN, TAKEN, cut, forced, read_by, taken
from mqa_onnxruntime.drawing import drawing, without_dropout
from mqa_onnxruntime.graph import parsed, shape_of
from mqa_onnxruntime.insertions import insertions
from mqa_onnxruntime.interface import PLAIN
from mqa_onnxruntime.lineage import lineage
from mqa_onnxruntime.origins import NOWHERE, aligned, read_origins
from mqa_onnxruntime.parts import FLOATS, Reading, typed, value_types
from mqa_onnxruntime.passes import passed
from mqa_onnxruntime.piece import whole_piece
from mqa_onnxruntime.stored_tensors import named_tensors

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from typing import TypeAlias

    import numpy.typing as npt

    from mqa_onnxruntime.insertions import Insertion
    from mqa_onnxruntime.interface import Interface
    from mqa_onnxruntime.parts import Part
    from mqa_onnxruntime.piece import Piece
    from mqa_onnxruntime.reopening import Source

    Array: TypeAlias = npt.NDArray[Any]
    Arrays: TypeAlias = Mapping[str, Array]

INTEGERS = (6, 7)  # int32 and int64, by their number in the ONNX standard
SHAPES = 16  # numbers, in the largest tensor that is taken for a shape


@dataclass(frozen=True)
class Anatomy:
    """The graph of a runner's file, as it is in the file: none of ONNX Runtime's optimizers has been at it.

    But for dropout in training mode, which draws random numbers where nothing is optimized, and is not there otherwise.
    `feed` makes a session's inputs of a batch. A value is known by its name in the graph, an output by what `interface`
    calls it.
    """

    source: Source
    feed: Callable[[Arrays], Arrays]
    known: frozenset[str] = frozenset()
    interface: Interface = PLAIN

    def named_by(self, modules: Collection[str]) -> Anatomy:
        """The same by the modules of a model, which may have been exported inside of another."""
        return replace(self, known=frozenset(modules))

    @cached_property
    def model(self) -> Any:
        """The graph, its external data left where they are."""
        model = parsed(self.source.path)
        model = model if self.source.optimization == "disabled" else without_dropout(model)
        return _renamed(typed(model), self.interface.outputs)

    def parts(self, calls: Mapping[str, int] | None = None) -> tuple[Part, ...]:
        """Every call of every module, in the graph's order; `calls` says how often each is called, where it is known."""
        return self._reading.parts(calls)

    def makers(self, part: Part) -> tuple[Part, ...]:
        """What makes the numbers that a part reads, where that is no module's output."""
        return self._reading.makers(part)

    def instead(self, part: Part) -> Part | None:
        """The same with what else it may be that the module gives first, if anything else leaves it."""
        return replace(part, value=part.others[0], others=part.others[1:]) if part.others else None

    def nodes(self, part: Part) -> tuple[str, ...]:
        """The names of a part's nodes."""
        return tuple(self.model.graph.node[place].name for place in part.places)

    def inside(self, module: str) -> frozenset[str]:
        """The names of all nodes that are part of a module, in any of its calls."""
        return frozenset(self.model.graph.node[place].name for place in self._reading.modules.get(module, ()))

    def owner(self, node: str) -> tuple[str, str, str]:
        """The innermost module that a node is part of, with its class and the line of its code."""
        names = [one.name for one in self.model.graph.node]
        origin = self._reading.origins[names.index(node)] if node in names else NOWHERE
        return (origin.modules[-1], origin.class_of(origin.modules[-1]), origin.source) if origin.modules else ("",) * 3

    def outputs(self, batch: Arrays, values: Sequence[str], optimization: str = "disabled") -> dict[str, Array]:
        """Values as they come out, in one session."""
        graph = taken(self.model, values).SerializeToString()
        session = self.source.open(graph=graph, optimization=optimization)
        return self._run(session, values, self.feed(batch))

    def forced(self, batch: Arrays, given: Arrays) -> dict[str, Array]:
        """Each of the given values as it comes out where all the others are as given, in one session."""
        session = self.source.open(graph=forced(self.model, list(given)).SerializeToString(), optimization="disabled")
        outside = {f"{GIVEN}{name}/outside": np.asarray(array, np.float32) for name, array in given.items()}
        needed = {node.name for node in session.get_inputs()}
        feeds = {name: array for name, array in {**self.feed(batch), **outside}.items() if name in needed}
        return self._run(session, list(given), feeds)

    def piece(self, given: Collection[str], value: str) -> Piece:
        """The piece that makes a value of those given and of the graph's inputs."""
        return whole_piece(cut(self.model, given, value), self.source)

    def insertions(self, piece: Piece) -> tuple[Insertion, ...]:
        """What stands in a piece that no exporter tells the origin of."""
        return tuple(insertions(self._reading, piece.model))

    def optimizers(self) -> tuple[str, ...]:
        """The optimizers of ONNX Runtime that change the file's graph, in the order they do."""
        return self.source.optimizers()

    def run_without(self, batch: Arrays, optimizers: Sequence[str]) -> Arrays:
        """The graph's outputs, optimised as ever but without some of the optimizers."""
        session = self.source.open(without=optimizers)
        names = [node.name for node in session.get_outputs()]
        found = self.interface.returned(names, passed(session, names, self.feed(batch)))
        arrays = dict(zip(names, found, strict=True))
        return {called: arrays[name] for name, called in self.interface.named(names).items()}

    def reads(self, given: Collection[str], value: str) -> set[str]:
        """Those of the given values that such a piece reads."""
        return read_by(self.model, given, value)

    def values(self) -> list[str]:
        """Every number with a fraction that a node makes."""
        types = value_types(self.model)
        names = [name for node in self.model.graph.node for name in node.output if name]
        return [name for name in names if types.get(name, 0) in FLOATS - {0}]

    def node_of(self, value: str) -> str:
        """The name of the node that makes a value."""
        return next((node.name for node in self.model.graph.node if value in node.output), "")

    def drawing(self) -> dict[str, str]:
        """The names of the nodes that draw random numbers, with their operators."""
        return {node.name or node.output[0]: node.op_type for node in drawing(self.model)}

    def shapes(self) -> dict[str, tuple[int | str | None, ...]]:
        """The graph's inputs by their names, with a name or None for an axis of no fixed length."""
        return {value.name: shape_of(value) for value in self.model.graph.input}

    def integers(self) -> tuple[int, ...]:
        """The whole numbers in the graph's small tensors, such as shapes are made of, those that come often first."""
        from onnx import numpy_helper

        counts: Counter[int] = Counter()
        for _, tensor in named_tensors(self.model):
            if tensor.data_type in INTEGERS and prod(tensor.dims) <= SHAPES:
                counts.update({int(one) for one in numpy_helper.to_array(tensor, str(self.source.path.parent)).flat})
        return tuple(number for number, _ in counts.most_common())

    def results(self) -> tuple[str, ...]:
        """The values that are the graph's outputs."""
        return tuple(value.name for value in self.model.graph.output)

    @cached_property
    def _reading(self) -> Reading:
        origins = read_origins(self.model.graph.node, lineage(self.source.path))
        return Reading(self.model, aligned(origins, self.known))

    def _run(self, session: Any, values: Sequence[str], feeds: Arrays) -> dict[str, Array]:
        arrays = passed(session, [TAKEN + name for name in values], feeds)
        return dict(zip(values, arrays, strict=True))


def _renamed(model: Any, names: Mapping[str, str]) -> Any:
    """A graph whose outputs have the names that its runner gives them; what had such a name before gets another."""
    if not names:
        return model
    taken = set(names.values()) - set(names)
    known = dict(names) | {name: f"{name}/of the file" for name in taken}
    _rename(model.graph, known)
    return model


def _rename(graph: Any, names: Mapping[str, str]) -> None:
    """Give values other names, in the graphs inside of the graph too."""
    for node in graph.node:
        for values in (node.input, node.output):
            values[:] = [names.get(name, name) for name in values]
        for attribute in node.attribute:
            for inner in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                _rename(inner, names)
    for value in (*graph.input, *graph.output, *graph.value_info, *graph.initializer):
        value.name = names.get(value.name, value.name)
