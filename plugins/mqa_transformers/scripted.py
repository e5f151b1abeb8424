"""TorchScript: copies in another precision, the arguments that it declares, and the state that it keeps inside."""

from __future__ import annotations

import copy
import io
import re
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_registry import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import TypeAlias

    import numpy.typing as npt

    Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]

GET, SET, CONSTANT, PARAMETER = "prim::GetAttr", "prim::SetAttr", "prim::Constant", "prim::Param"
IN_PLACE = re.compile(r"aten::[a-z]\w*[a-z0-9]_")  # operations that write into their first argument
SCALARS = {"int": int, "float": float, "bool": bool, "number": float}  # types of arguments that are no tensor


def is_script(module: Any) -> bool:
    """Whether a module is TorchScript."""
    import torch

    return isinstance(module, torch.jit.ScriptModule)


def cast_script(module: Any, device: str | None, dtype: Any) -> Any:
    """A copy in a precision, on a device (its own if None), with all that is in its code, too.

    A frozen script has its weights as constants of its graph, and other attributes than parameters and buffers may be
    tensors: `to` reaches neither. A copy of a script shares its code; one that was saved and loaded does not.
    """
    import torch

    content = io.BytesIO()
    torch.jit.save(module, content)
    content.seek(0)
    copied = torch.jit.load(content, map_location=device).to(dtype=dtype)  # type: ignore[no-untyped-call] # it has no types
    for _, graph in _graphs(copied):
        for node in _nodes(graph):
            if _holds_numbers(node):
                node.t_("value", node.t("value").to(dtype))
                node.output().inferTypeFrom(node.t("value"))
    for part, name in _read(copied):
        value = getattr(part, name, None)
        if isinstance(value, torch.Tensor) and value.is_floating_point() and value.dtype != dtype:
            setattr(part, name, value.to(dtype))
    return copied


@dataclass(frozen=True)
class Script:
    """A script that is run as if it were for the first time, with the arguments that it declares."""

    module: Any

    def arguments(self, batch: Arrays) -> dict[str, Any]:
        """The arrays of a batch that it takes, with one number of all rows for an argument that is one.

        A DataError where rows have different ones: they are no batch then.
        """
        declared = self._declared
        return {
            name: _number(name, array, SCALARS[declared[name]]) if declared[name] in SCALARS else array
            for name, array in batch.items()
            if name in declared
        }

    def unread(self, batch: Arrays) -> list[str]:
        """The arrays of a batch that it does not take."""
        return [name for name in batch if name not in self._declared]

    @contextmanager
    def as_new(self) -> Iterator[None]:
        """What it keeps inside from run to run is afterwards what it was before."""
        before = [(part, name, copy.deepcopy(getattr(part, name))) for part, name in self._state]
        try:
            yield
        finally:
            for part, name, value in before:
                setattr(part, name, value)

    @cached_property
    def _declared(self) -> dict[str, str]:
        """The types of its arguments by their names."""
        return {one.name: str(one.type) for one in self.module.forward.schema.arguments}

    @cached_property
    def _state(self) -> set[tuple[Any, str]]:
        """The attributes that change when it is run."""
        return _written(self.module)


def _graphs(module: Any) -> Iterator[tuple[Any, Any]]:
    """Every module inside of a script, with the graph of each of its methods."""
    for part in module.modules():
        for name in part._c._method_names():  # noqa: SLF001 - PyTorch shows the graphs of methods nowhere else
            yield part, part._c._get_method(name).graph  # noqa: SLF001 - as above


def _nodes(block: Any) -> Iterator[Any]:
    """Every node of a graph, also in branches and loops."""
    for node in block.nodes():
        yield node
        for inner in node.blocks():
            yield from _nodes(inner)


def _holds_numbers(node: Any) -> bool:
    """Whether a node is a tensor of floating-point numbers."""
    tensor = node.kind() == CONSTANT and node.hasAttribute("value") and node.kindOf("value") == "t"
    return tensor and bool(node.t("value").is_floating_point())


def _read(module: Any) -> set[tuple[Any, str]]:
    """The attributes that a script's code reads: the module that has one, and its name."""
    found = (_attribute(part, node) for part, graph in _graphs(module) for node in _nodes(graph) if node.kind() == GET)
    return {one for one in found if one is not None}


def _written(module: Any) -> set[tuple[Any, str]]:
    """The attributes that a script's code sets, or writes into."""
    found: set[tuple[Any, str]] = set()
    for part, graph in _graphs(module):
        for node in _nodes(graph):
            target = _target(node) if IN_PLACE.fullmatch(node.kind()) else node
            written = target.kind() == SET or (target.kind() == GET and target is not node)
            if written and (attribute := _attribute(part, target)) is not None:
                found.add(attribute)
    return found


def _target(node: Any) -> Any:
    """What an operation in place writes into: where that is a slice or another view, the node that its whole comes from."""
    while (node.kind() not in {GET, PARAMETER}) and (given := next(node.inputs(), None)) is not None:
        node = given.node()
    return node


def _attribute(part: Any, node: Any) -> tuple[Any, str] | None:
    """The attribute that a node in the code of a module reads or sets; None where nobody knows which module has it."""
    owner = _owner(part, next(node.inputs()))
    return None if owner is None else (owner, node.s("name"))


def _owner(part: Any, value: Any) -> Any:
    """The module that a value is in the code of one: itself, which is the first argument, or one inside of it."""
    node = value.node()
    if node.kind() == PARAMETER:
        return part if value.offset() == 0 else None
    outer = _owner(part, next(node.inputs())) if node.kind() == GET else None
    return None if outer is None else getattr(outer, node.s("name"), None)


def _number(name: str, array: npt.NDArray[Any], kind: type) -> Any:
    values = np.unique(array)
    if len(values) != 1:
        raise DataError(
            f"the model takes one `{name}` for a whole batch, and rows have others", hint="give all rows the same"
        )
    return kind(values[0])
