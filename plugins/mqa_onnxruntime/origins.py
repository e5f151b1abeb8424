"""Where each node of a graph comes from: the PyTorch module, its class, and the line of its code."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise, product
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from mqa_onnxruntime.lineage import Descent

FRAME = re.compile(r'File "([^"]+)", line (\d+)')
WRAPPERS = 3  # at most, of a model that was exported inside of others
SHARE = 10  # one module of so many is inside of a wrapper, at least: a model may be a part of another
LIBRARY = "torch/"  # whose lines are nobody's model code


@dataclass(frozen=True)
class Origin:
    """The modules that a node is part of, from the outermost to the innermost, their classes, and the line of code.

    The second call of a module is written `name@1`, the third `name@2`. `own`: something tells it of the node itself, and
    not of its neighbours alone.
    """

    modules: tuple[str, ...]
    classes: tuple[str, ...] = ()
    source: str = ""
    own: bool = True

    def class_of(self, module: str) -> str:
        """The class of one of the modules, without the package it is in."""
        place = self.modules.index(module)
        return self.classes[place].rpartition(".")[2] if place < len(self.classes) else ""


NOWHERE = Origin((), own=False)


def read_origins(nodes: Sequence[Any], descents: Mapping[str, Descent]) -> list[Origin]:
    """The origin of each node: by what its exporter tells of it, by its name, or by its neighbours."""
    own = [_told(_descent(node.name or node.output[0], descents)) or _from_name(node.name) for node in nodes]
    return _adopted(nodes, own) if any(own) else [NOWHERE] * len(nodes)


def aligned(origins: Sequence[Origin], known: Collection[str]) -> list[Origin]:
    """The origins by the names of a model that was exported inside of others, that is inside of others itself, or both.

    `known` are its modules. The names stay as they are where no other prefix makes more of them known. A module that an
    exporter names without a container around it, which is never called, has the one name that ends so.
    """
    names = {name for origin in origins for name in origin.modules}
    modules = frozenset(known)
    if not modules or names - {""} <= modules:
        return list(origins)
    moves = [("", ""), *product(_wrappers(names), _wrappers(modules))]
    best = max(moves, key=lambda move: len({_moved(name, *move) for name in names} & modules))
    moved = {name: _moved(name, *best) for name in names}
    whole = {name: _contained(one, modules) for name, one in moved.items() if one is not None}
    return [_renamed(origin, whole) for origin in origins]


def _wrappers(names: Collection[str]) -> list[str]:
    """The modules that many of some are inside of, as many levels as wrappers go deep; and none."""
    counts = Counter(prefix for name in names for prefix in _prefixes(name))
    return ["", *(prefix for prefix, count in counts.items() if count * SHARE >= len(names))]


def _prefixes(name: str) -> list[str]:
    """A module and those around it, from the outermost in, as many as wrappers go deep."""
    steps = name.split(".")
    return [".".join(steps[:depth]) for depth in range(1, min(len(steps), WRAPPERS) + 1) if name]


def _contained(name: str, known: Collection[str]) -> str:
    """A name with the containers that stand in it in the model, where one module alone may be meant."""
    if name in known or not name:
        return name
    outer, _, own = name.rpartition(".")
    outer = _contained(outer, known)
    inside = [one for one in known if one.endswith(f".{own}") and (not outer or one.startswith(f"{outer}."))]
    return inside[0] if len(inside) == 1 else f"{outer}.{own}".removeprefix(".")


def _moved(name: str, off: str, on: str) -> str | None:
    """A name without one prefix and with another; None where it does not have the first."""
    if off and name != off and not name.startswith(f"{off}."):
        return None
    rest = name[len(off) :].removeprefix(".") if off else name
    return ".".join(part for part in (on, rest) if part)


def _renamed(origin: Origin, names: Mapping[str, str]) -> Origin:
    kept = [(names[name], place) for place, name in enumerate(origin.modules) if name in names]
    classes = tuple(origin.classes[place] for _, place in kept if place < len(origin.classes))
    return Origin(tuple(name for name, _ in kept), classes, origin.source, origin.own)


def source_line(stack: str) -> str:
    """The innermost line of a stack that is not PyTorch's own, as `package/module.py:123`."""
    frames = [frame for frame in FRAME.findall(stack) if not frame[0].startswith(LIBRARY)]
    return ":".join(frames[-1]) if frames else ""


def _descent(name: str, descents: Mapping[str, Descent]) -> Descent | None:
    """What is told of a node; of one made in another's place, such as `node_linear_MatMul_quant`, what is of that."""
    while name not in descents:
        name, _, part = name.rpartition("_")
        if not name or part.isdecimal():  # another node's number
            return None
    return descents[name]


def _told(descent: Descent | None) -> Origin | None:
    """The last of the scopes and classes is the operation itself."""
    if descent is None or not descent.scopes[:-1]:
        return None
    return Origin(descent.scopes[:-1], descent.classes[:-1], source_line(descent.stack_trace))


def _from_name(name: str) -> Origin | None:
    """Of names such as `/encoder/layer.0/dense/MatMul`, which other exporters give; `/MatMul` is the model's own."""
    steps = name.split("/")
    if steps[0] or len(steps) < 2:
        return None
    return Origin(("", *_paths(steps[1:-1])))


def _paths(steps: Sequence[str]) -> Iterator[str]:
    """The names of modules, each inside of the one before; a numbered one comes with the name of its container."""
    path = ""
    for before, step in pairwise(("", *steps)):
        own = step.removeprefix(f"{before}.") if before else step
        path = f"{path}.{own}".removeprefix(".")
        yield path


def _adopted(nodes: Sequence[Any], own: Sequence[Origin | None]) -> list[Origin]:
    """A node that says nothing belongs where those that read its outputs do; if nobody reads them, where its inputs do.

    Such nodes come from tools that rewrite a graph: quantization, conversion, optimization.
    """
    found = list(own)
    readers: dict[str, list[int]] = {}
    for place, node in enumerate(nodes):
        for name in node.input:
            readers.setdefault(name, []).append(place)
    for place in reversed(range(len(nodes))):
        behind = [found[reader] for name in nodes[place].output for reader in readers.get(name, ())]
        found[place] = found[place] or _shared(behind)
    makers = {name: place for place, node in enumerate(nodes) for name in node.output}
    for place, node in enumerate(nodes):
        before = [found[makers[name]] for name in node.input if name in makers]
        found[place] = found[place] or _shared(before)
    return [origin or NOWHERE for origin in found]


def _shared(origins: Iterable[Origin | None]) -> Origin | None:
    """What some nodes have in common: the modules that all of them are part of."""
    told = [origin for origin in origins if origin is not None]
    if not told:
        return None
    same = next(
        (depth for depth, names in enumerate(zip(*(one.modules for one in told), strict=False)) if len(set(names)) > 1),
        min(len(one.modules) for one in told),
    )
    first = told[0]
    return Origin(first.modules[:same], first.classes[:same], first.source, own=False)
