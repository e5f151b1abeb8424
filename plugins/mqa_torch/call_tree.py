"""The tree of module calls that an exported program was made of, by the metadata of its graph."""

from __future__ import annotations

import operator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

STACK = "nn_module_stack"  # where a node has the modules that it is part of, from the outermost to the innermost
OUTPUT, GUARDS = "output", "call_module"  # kinds of nodes that are no module's, whatever their stack says

CallKey: TypeAlias = tuple[str, ...]  # one call of a module, by the keys of the calls around it and its own


@dataclass(frozen=True)
class Call:
    """One call of a module: the names of its nodes and the calls inside of it, in the order in which they run.

    `inputs` are the nodes outside that it reads, weights left out, and `outputs` those inside that others read. The graph
    does not say which of several outputs came first: here the last do, as for subgraphs of ONNX.
    """

    module: str
    class_name: str
    steps: tuple[str | Call, ...]
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()

    def descendants(self) -> Iterator[Call]:
        """The calls inside of this one, however deep, in the order in which they begin."""
        for step in self.steps:
            if isinstance(step, Call):
                yield step
                yield from step.descendants()


class _Frame(NamedTuple):
    """One entry of a node's stack."""

    key: CallKey
    module: str
    class_name: str


@dataclass
class _OpenCall:
    """A call that has not ended yet, with its steps and all nodes so far, those of inner calls too."""

    frame: _Frame
    steps: list[str | Call] = field(default_factory=list)
    nodes: list[Any] = field(default_factory=list)


def build_call_tree(graph: Any) -> Call:
    """The whole run of a graph of `torch.fx`, as the call of a module without a name.

    Calls whose nodes do not stand together, as where a pass has moved some, are left out: their nodes are of the call
    around them, and so are all nodes of a graph without such metadata.
    """
    split = _split_calls(graph)
    open_calls = [_OpenCall(_Frame((), "", ""))]
    for node in graph.nodes:
        if node.op != OUTPUT:
            if _has_stack(node):
                stack = [frame for frame in _read_stack(node) if frame.key not in split]
            else:
                stack = [call.frame for call in open_calls[1:]]
            _enter(open_calls, stack)
            open_calls[-1].steps.append(node.name)
            for call in open_calls:
                call.nodes.append(node)
    _enter(open_calls, [])
    return Call("", "", (*open_calls[0].steps, *(node.name for node in graph.nodes if node.op == OUTPUT)))


def _enter(open_calls: list[_OpenCall], stack: list[_Frame]) -> None:
    """End the open calls that are not in a node's stack, and begin those that the node is the first of."""
    keys = {frame.key for frame in stack}
    while len(open_calls) > 1 and open_calls[-1].frame.key not in keys:
        ended = open_calls.pop()
        open_calls[-1].steps.append(_close(ended))
    open_calls += [_OpenCall(frame) for frame in stack[len(open_calls) - 1 :]]


def _close(call: _OpenCall) -> Call:
    inside = set(call.nodes)
    read = dict.fromkeys(source for node in call.nodes for source in node.all_input_nodes if source not in inside)
    inputs = tuple(node.name for node in read if node.op != "get_attr")
    outputs = tuple(
        node.name for node in reversed(call.nodes) if set(node.users) - inside and not _takes_later_output(node)
    )
    return Call(call.frame.module, call.frame.class_name, tuple(call.steps), inputs, outputs or (call.nodes[-1].name,))


def _takes_later_output(node: Any) -> bool:
    """Whether a node takes another than the first of several outputs of one operator."""
    return node.target is operator.getitem and node.args[1] != 0


def _split_calls(graph: Any) -> frozenset[CallKey]:
    """The calls that begin again after they ended."""
    ended: set[CallKey] = set()
    split: set[CallKey] = set()
    running: set[CallKey] = set()
    for node in graph.nodes:
        if _has_stack(node):
            keys = {frame.key for frame in _read_stack(node)}
            split |= keys & ended
            ended |= running - keys
            running = keys
    return frozenset(split)


def _has_stack(node: Any) -> bool:
    """Whether a node has a stack that begins with the whole model; nodes that passes added may have none."""
    outermost = next(iter((node.meta.get(STACK) or {}).values()), None)
    return node.op not in {OUTPUT, GUARDS} and outermost is not None and outermost[0] == ""


def _read_stack(node: Any) -> list[_Frame]:
    """The calls that a node is part of, from the outermost in. PyTorch writes the second call of a module as `name@1`."""
    frames: list[_Frame] = []
    key: CallKey = ()
    for entry, (path, kind) in node.meta[STACK].items():
        if module := str(path).partition("@")[0]:
            key = (*key, str(entry))
            class_name = str(getattr(kind, "__qualname__", kind)).rpartition(".")[2]
            frames.append(_Frame(key, module, class_name))
    return frames
