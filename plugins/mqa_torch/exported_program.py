"""An exported program as a module whose parts have the names and classes that they had before it was exported."""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING, Any

from mqa_torch.call_tree import Call, build_call_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

PROGRAM = "program"  # the attribute that has the program itself, if no part has this name
UNKNOWN_CLASS = ""  # of a part that was never called, or whose nodes have no metadata


def to_module(program: Any) -> Any:
    """A module that computes what `program.module()` does, takes its inputs by name, and has the modules that it was made of.

    It runs that module, until a part is hooked or it is exported again: then it runs the nodes of the same graph one by
    one, each part called around its nodes, by the metadata of the graph. A part without nodes, as a dropout may be, is
    never called. Without metadata, parts only hold their weights.
    """
    inner = program.module()
    positional, keyword = program.call_spec.in_spec.children()
    positional_names = program.graph_signature.user_inputs[: positional.num_children]
    return _program_class()(inner, build_call_tree(inner.graph), tuple(positional_names), tuple(keyword.context or ()))


@cache
def _program_class() -> Any:
    """The class, made once PyTorch is imported: it derives from one of PyTorch's."""
    import torch

    class Program(torch.nn.Module):
        """The program under one name, its parts under theirs; they share their weights."""

        def __init__(self, program: Any, calls: Call, positional: Sequence[str], keyword: Sequence[str]) -> None:
            super().__init__()
            # Before the parts: a part cannot have a name that is taken.
            self._program_name, self._calls, self._positional, self._keyword = PROGRAM, calls, positional, keyword
            _add_parts(self, program, calls)
            while hasattr(self, self._program_name):
                self._program_name += "_"
            self.add_module(self._program_name, program)

        def forward(self, **inputs: Any) -> Any:
            program = self.get_submodule(self._program_name)
            args = [inputs.pop(name) for name in self._positional]
            if not (torch.compiler.is_exporting() or any(map(_is_hooked, self.modules()))):
                return program(*args, **inputs)
            parts = dict(self.named_modules(remove_duplicate=False))
            interpreter = _interpreter_class()(program, parts)
            return interpreter.run_calls(self._calls, *args, *(inputs[name] for name in self._keyword))

        def named_modules(
            self, memo: set[Any] | None = None, prefix: str = "", remove_duplicate: bool = True
        ) -> Iterator[tuple[str, Any]]:
            """The parts alone: modules inside of the program have no name in the model, and share the parts' weights."""
            program = f"{prefix}.{self._program_name}".removeprefix(".")
            for name, module in super().named_modules(memo, prefix, remove_duplicate):
                if not f"{name}.".startswith(f"{program}."):
                    yield name, module

        def modules(self, remove_duplicate: bool = True) -> Iterator[Any]:
            """All modules, those inside of the program too: they have copies of the buffers, and can be in training."""
            yield from (module for _, module in super().named_modules(remove_duplicate=remove_duplicate))

    return Program


@cache
def _part_class() -> Any:
    """The class of a part, which stands for a module."""
    import torch

    class Part(torch.nn.Module):
        """Has the weights of a module, and is called around the nodes that came of it."""

        def forward(self, *inputs: Any, run_nodes: Callable[[], Any]) -> Any:
            return run_nodes()

    return Part


@cache
def _part_class_named(name: str) -> Any:
    """The class of a part under the name of the module's class."""
    return type(name, (_part_class(),), {})


def _is_hooked(module: Any) -> bool:
    """Whether a module is a part with a forward hook."""
    return isinstance(module, _part_class()) and bool(module._forward_hooks or module._forward_pre_hooks)  # noqa: SLF001 - PyTorch says it nowhere else


def _add_parts(root: Any, program: Any, calls: Call) -> None:
    """Add a part wherever a module was called or has weights, and the weights to it."""
    class_names = {call.module: call.class_name for call in calls.descendants()}
    for name in class_names:
        _get_or_add_part(root, name, class_names)
    for path, parameter in program.named_parameters(remove_duplicate=False):
        module, _, name = path.rpartition(".")
        if (part := _get_or_add_part(root, module, class_names)) is not None:
            part.register_parameter(name, parameter)
    for path, buffer in program.named_buffers(remove_duplicate=False):
        module, _, name = path.rpartition(".")
        if (part := _get_or_add_part(root, module, class_names)) is not None:
            part.register_buffer(name, buffer)


def _get_or_add_part(root: Any, path: str, class_names: Mapping[str, str]) -> Any:
    """The part at a path, added with those around it where there is none yet; None where no module can have such a name."""
    part, prefix = root, ""
    for name in path.split(".") if path else ():
        prefix = f"{prefix}.{name}" if prefix else name
        if name not in dict(part.named_children()):
            if hasattr(part, name) or not name:
                return None
            part.add_module(name, _part_class_named(class_names.get(prefix, UNKNOWN_CLASS))())
        part = part.get_submodule(name)
    return part


@cache
def _interpreter_class() -> Any:
    """The class, made once PyTorch is imported: it derives from one of PyTorch's."""
    import torch

    class CallInterpreter(torch.fx.Interpreter):
        """Runs a graph node by node, each module's part called around its nodes; frees what no later node needs."""

        def __init__(self, program: Any, parts: Mapping[str, Any]) -> None:
            super().__init__(program)
            self.parts = parts
            self.node_of = {node.name: node for node in self.graph.nodes}

        def run_calls(self, calls: Call, *inputs: Any) -> Any:
            """The outputs of the program; its positional inputs come first, then the others in its order."""
            self.args_iter = iter(self.graph.process_inputs(*inputs))
            self._run_call(calls)
            return self.graph.process_outputs(self.env[next(iter(reversed(self.graph.nodes)))])

        def fetch_attr(self, target: str) -> Any:
            """A weight as its part has it: an exporter may have replaced it there."""
            module, _, name = target.rpartition(".")
            weight = getattr(self.parts.get(module), name, None)
            return super().fetch_attr(target) if weight is None else weight

        def _run_call(self, call: Call) -> Sequence[Any]:
            for step in call.steps:
                if isinstance(step, Call):
                    inputs = self._float_tensors(step.inputs)
                    # Which of several was a module's first argument the graph does not say: it then gets none.
                    args = inputs if len(inputs) == 1 else ()
                    part = self.parts.get(step.module, _run_without_part)
                    part(*args, run_nodes=partial(self._run_call, step))
                else:
                    self._run_node(self.node_of[step])
            return self._float_tensors(call.outputs)

        def _run_node(self, node: Any) -> None:
            self.env[node] = self.run_node(node)
            for used in self.user_to_last_uses.get(node, ()):
                del self.env[used]

        def _float_tensors(self, names: Sequence[str]) -> list[Any]:
            values = [self.env[self.node_of[name]] for name in names]
            return [value for value in values if isinstance(value, torch.Tensor) and value.is_floating_point()]

    return CallInterpreter


def _run_without_part(*inputs: Any, run_nodes: Callable[[], Any]) -> Any:
    """What is called instead of a part where no module can have its name."""
    return run_nodes()
