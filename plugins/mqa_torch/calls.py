"""The calls of modules that an exported program was made of, as its graph remembers them."""

from __future__ import annotations

import operator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

STACK = "nn_module_stack"  # where a node keeps the modules that it is part of, from the outermost to the innermost
OUTPUT, GUARDS = "output", "call_module"  # kinds of nodes that are no module's, whatever their stack says

Key: TypeAlias = tuple[str, ...]


@dataclass(frozen=True)
class Call:
    """One call of a module: the names of its nodes and the calls inside of it, in the order in which they run.

    `given` are the nodes outside that it reads, weights left out, and `gave` those inside that others read. Which of
    several a module gave first the graph does not tell: the last come first, as where an ONNX graph is taken apart.
    """

    module: str
    class_name: str
    steps: tuple[str | Call, ...]
    given: tuple[str, ...] = ()
    gave: tuple[str, ...] = ()

    def inner(self) -> Iterator[Call]:
        """The calls inside of this one, however deep, in the order in which they begin."""
        for step in self.steps:
            if isinstance(step, Call):
                yield step
                yield from step.inner()


@dataclass
class _Open:
    """A call that is not over yet."""

    key: Key
    module: str
    class_name: str
    steps: list[str | Call] = field(default_factory=list)
    nodes: list[Any] = field(default_factory=list)


def calls_of(graph: Any) -> Call:
    """The whole run of a graph of `torch.fx`, as the call of a module without a name.

    Calls whose nodes do not stand together, as where a pass has moved some, are left out: their nodes are of what is
    around them, and so are all nodes of a graph that remembers nothing.
    """
    torn = _torn(graph)
    opened = [_Open((), "", "")]
    for node in graph.nodes:
        if node.op != OUTPUT:
            stack = [one for one in _stack(node) if one[0] not in torn] if _tells(node) else _stack_of(opened)
            _turn_to(opened, stack)
            opened[-1].steps.append(node.name)
            for one in opened:
                one.nodes.append(node)
    _turn_to(opened, [])
    root = opened[0]
    return Call("", "", (*root.steps, *(node.name for node in graph.nodes if node.op == OUTPUT)))


def _turn_to(opened: list[_Open], stack: list[tuple[Key, str, str]]) -> None:
    """End the calls that a node is no part of, and begin those that it is the first node of."""
    keys = [key for key, _, _ in stack]
    while len(opened) > 1 and opened[-1].key not in keys:
        over = opened.pop()
        opened[-1].steps.append(_closed(over))
    for key, module, class_name in stack[len(opened) - 1 :]:
        opened.append(_Open(key, module, class_name))


def _closed(over: _Open) -> Call:
    inside = set(over.nodes)
    read = dict.fromkeys(one for node in over.nodes for one in node.all_input_nodes if one not in inside)
    given = tuple(node.name for node in read if node.op != "get_attr")
    leaving = [node.name for node in reversed(over.nodes) if set(node.users) - inside and not _further(node)]
    return Call(over.module, over.class_name, tuple(over.steps), given, tuple(leaving) or (over.nodes[-1].name,))


def _further(node: Any) -> bool:
    """Whether it takes another than the first of several things that one operation gives."""
    return node.target is operator.getitem and node.args[1] != 0


def _torn(graph: Any) -> frozenset[Key]:
    """The calls that begin again after they were over."""
    over: set[Key] = set()
    torn: set[Key] = set()
    running: set[Key] = set()
    for node in graph.nodes:
        if _tells(node):
            now = {key for key, _, _ in _stack(node)}
            torn |= now & over
            over |= running - now
            running = now
    return frozenset(torn)


def _tells(node: Any) -> bool:
    """Whether a node has a stack of its own, which begins with the whole model; what passes have made may have none."""
    outermost = next(iter((node.meta.get(STACK) or {}).values()), None)
    return node.op not in {OUTPUT, GUARDS} and outermost is not None and outermost[0] == ""


def _stack_of(opened: list[_Open]) -> list[tuple[Key, str, str]]:
    return [(one.key, one.module, one.class_name) for one in opened[1:]]


def _stack(node: Any) -> list[tuple[Key, str, str]]:
    """The calls that a node is part of, from the outermost in: what each is known by, its module, and that one's class.

    PyTorch writes the second call of a module as `name@1`.
    """
    found: list[tuple[Key, str, str]] = []
    key: Key = ()
    for one, (path, kind) in node.meta[STACK].items():
        if name := str(path).partition("@")[0]:
            key = (*key, str(one))
            found.append((key, name, str(getattr(kind, "__qualname__", kind)).rpartition(".")[2]))
    return found
