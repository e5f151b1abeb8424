"""TorchScript: copies in another dtype, the arguments that it declares, and the state that it keeps between calls."""

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
    Attribute: TypeAlias = tuple[Any, str]  # the module that has it, and its name

# Kinds of nodes in a graph.
GET_ATTRIBUTE, SET_ATTRIBUTE, CONSTANT, PARAMETER = "prim::GetAttr", "prim::SetAttr", "prim::Constant", "prim::Param"
IN_PLACE = re.compile(r"aten::[a-z]\w*[a-z0-9]_")  # operators that write into their first argument

SCALAR_TYPES = {"int": int, "float": float, "bool": bool, "number": float}  # of arguments that are no tensor


def is_script(module: Any) -> bool:
    """Whether a module is TorchScript."""
    import torch

    return isinstance(module, torch.jit.ScriptModule)


def cast_script(module: Any, device: str | None, dtype: Any) -> Any:
    """A copy in a dtype, on a device (its own if None), with the tensors that stand in its code.

    A frozen script has its weights as constants of its graph, and other attributes than parameters and buffers may be
    tensors: `to` reaches neither. A copy of a script shares its code; one that was saved and loaded does not.
    """
    import torch

    content = io.BytesIO()
    torch.jit.save(module, content)
    content.seek(0)
    copied = torch.jit.load(content, map_location=device).to(dtype=dtype)  # type: ignore[no-untyped-call] # it has no types
    for _, graph in _iter_graphs(copied):
        for node in _iter_nodes(graph):
            if _is_float_constant(node):
                node.t_("value", node.t("value").to(dtype))
                node.output().inferTypeFrom(node.t("value"))
    for owner, name in _read_attributes(copied):
        value = getattr(owner, name, None)
        if isinstance(value, torch.Tensor) and value.is_floating_point() and value.dtype != dtype:
            setattr(owner, name, value.to(dtype))
    return copied


@dataclass(frozen=True)
class Script:
    """A TorchScript module, run with the arguments that it declares and, each time, as if for the first time."""

    module: Any

    def select_arguments(self, batch: Arrays) -> dict[str, Any]:
        """The arrays of a batch that the script takes; for an argument that is a number, that of all rows.

        A DataError where rows have different ones: they are no batch then.
        """
        declared = self._argument_types
        return {
            name: _common_number(name, array, SCALAR_TYPES[declared[name]]) if declared[name] in SCALAR_TYPES else array
            for name, array in batch.items()
            if name in declared
        }

    def unread_inputs(self, batch: Arrays) -> list[str]:
        """The names of the arrays of a batch that the script does not take."""
        return [name for name in batch if name not in self._argument_types]

    @contextmanager
    def restoring_state(self) -> Iterator[None]:
        """After the block, the attributes that a call changes have the values from before."""
        before = [(owner, name, copy.deepcopy(getattr(owner, name))) for owner, name in self._state]
        try:
            yield
        finally:
            for owner, name, value in before:
                setattr(owner, name, value)

    @cached_property
    def _argument_types(self) -> dict[str, str]:
        return {argument.name: str(argument.type) for argument in self.module.forward.schema.arguments}

    @cached_property
    def _state(self) -> set[Attribute]:
        return _written_attributes(self.module)


def _iter_graphs(module: Any) -> Iterator[tuple[Any, Any]]:
    """Every module inside of a script, with the graph of each of its methods."""
    for part in module.modules():
        for name in part._c._method_names():  # noqa: SLF001 - PyTorch shows the graphs of methods nowhere else
            yield part, part._c._get_method(name).graph  # noqa: SLF001 - as above


def _iter_nodes(block: Any) -> Iterator[Any]:
    """Every node of a graph, also in branches and loops."""
    for node in block.nodes():
        yield node
        for inner in node.blocks():
            yield from _iter_nodes(inner)


def _is_float_constant(node: Any) -> bool:
    is_tensor = node.kind() == CONSTANT and node.hasAttribute("value") and node.kindOf("value") == "t"
    return is_tensor and bool(node.t("value").is_floating_point())


def _read_attributes(module: Any) -> set[Attribute]:
    """The attributes that a script's code reads."""
    attributes = {
        _resolve_attribute(part, node)
        for part, graph in _iter_graphs(module)
        for node in _iter_nodes(graph)
        if node.kind() == GET_ATTRIBUTE
    }
    return {attribute for attribute in attributes if attribute is not None}


def _written_attributes(module: Any) -> set[Attribute]:
    """The attributes that a script's code sets, or writes into."""
    written: set[Attribute] = set()
    for part, graph in _iter_graphs(module):
        for node in _iter_nodes(graph):
            target = _write_target(node) if IN_PLACE.fullmatch(node.kind()) else node
            is_written = target.kind() == SET_ATTRIBUTE or (target.kind() == GET_ATTRIBUTE and target is not node)
            if is_written and (attribute := _resolve_attribute(part, target)) is not None:
                written.add(attribute)
    return written


def _write_target(node: Any) -> Any:
    """The node whose tensor an in-place operator writes into; of a slice or another view, that of the whole tensor."""
    while node.kind() not in {GET_ATTRIBUTE, PARAMETER} and (first_input := next(node.inputs(), None)) is not None:
        node = first_input.node()
    return node


def _resolve_attribute(part: Any, node: Any) -> Attribute | None:
    """The attribute that a node in the code of a module reads or sets; None where its owner is unknown."""
    owner = _resolve_module(part, next(node.inputs()))
    return None if owner is None else (owner, node.s("name"))


def _resolve_module(part: Any, value: Any) -> Any:
    """The module that a value is in the code of `part`: itself, which is the first argument, or one inside of it."""
    node = value.node()
    if node.kind() == PARAMETER:
        return part if value.offset() == 0 else None
    outer = _resolve_module(part, next(node.inputs())) if node.kind() == GET_ATTRIBUTE else None
    return None if outer is None else getattr(outer, node.s("name"), None)


def _common_number(name: str, array: npt.NDArray[Any], scalar_type: type) -> Any:
    values = np.unique(array)
    if len(values) != 1:
        raise DataError(
            f"the model takes one `{name}` for a whole batch, and rows have others", hint="give all rows the same"
        )
    return scalar_type(values[0])
