"""Where each node of a graph comes from: the PyTorch module, its class, and the line of its code."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from mqa_onnxruntime.lineage import Descent

FRAME = re.compile(r'File "([^"]+)", line (\d+)')
WRAPPERS = 3  # at most, of a model that was exported inside of others
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
    """The origins by the names of a model that was exported inside of another, or whose part was exported.

    `known` are its modules. The names stay as they are where no other prefix makes more of them known.
    """
    names = {name for origin in origins for name in origin.modules}
    outer = sorted({prefix for name in names for prefix in _prefixes(name)})
    inner = sorted({name.partition(".")[0] for name in known} - {""})
    moves = [("", ""), *((prefix, "") for prefix in outer), *(("", prefix) for prefix in inner)]
    best = max(moves, key=lambda move: len({_moved(name, *move) for name in names} & frozenset(known)))
    return [_renamed(origin, *best) for origin in origins] if any(best) else list(origins)


def _prefixes(name: str) -> list[str]:
    """The modules around one, from the outermost in, as many as wrappers go deep."""
    steps = name.split(".")
    return [".".join(steps[:depth]) for depth in range(1, min(len(steps), WRAPPERS) + 1) if name]


def _moved(name: str, off: str, on: str) -> str | None:
    """A name without one prefix and with another; None where it does not have the first."""
    if off and name != off and not name.startswith(f"{off}."):
        return None
    rest = name[len(off) :].removeprefix(".") if off else name
    return ".".join(part for part in (on, rest) if part)


def _renamed(origin: Origin, off: str, on: str) -> Origin:
    names = [(_moved(name, off, on), place) for place, name in enumerate(origin.modules)]
    kept = [(name, place) for name, place in names if name is not None]
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
    return Origin(("", *accumulate(steps[1:-1], lambda path, step: f"{path}.{step}")))


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
