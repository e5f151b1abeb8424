"""An exported program as a module whose parts have the names and classes that they had before it was exported."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from mqa_torch.calls import calls_of
from mqa_torch.walking import walker

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mqa_torch.calls import Call

WHOLE = "program"  # what the program itself is called beside its parts, if none of them is
UNKNOWN = ""  # the class of a part that was never called, or not where the graph would remember it


def module_of(program: Any) -> Any:
    """A module that answers as `program.module()` does, takes its inputs by name, and shows the parts that it was made of.

    It runs that module and nothing else, until somebody hooks a part or exports it again: then it runs the nodes of the
    same graph one by one, each part called around those that came of it. The graph remembers which those are; a part
    that left no node there, as a dropout may, is never called. Where it remembers nothing, parts only hold their weights.
    """
    whole = program.module()
    placed, named = program.call_spec.in_spec.children()
    first = program.graph_signature.user_inputs[: placed.num_children]
    return _program()(whole, calls_of(whole.graph), tuple(first), tuple(named.context or ()))


@cache
def _program() -> Any:
    """The class, made once PyTorch is there to derive it from."""
    import torch

    class Program(torch.nn.Module):
        """The program under a name of its own, its parts under theirs; they share their weights."""

        def __init__(self, whole: Any, calls: Call, placed: Sequence[str], named: Sequence[str]) -> None:
            super().__init__()
            _plant(self, whole, calls)
            name = WHOLE
            while hasattr(self, name):
                name += "_"
            self.add_module(name, whole)
            self._form = (name, calls, placed, named)

        def forward(self, **inputs: Any) -> Any:
            name, calls, placed, named = self._form
            whole, first = self.get_submodule(name), [inputs.pop(place) for place in placed]
            if not (torch.compiler.is_exporting() or any(map(_hooked, self.modules()))):
                return whole(*first, **inputs)
            parts = dict(self.named_modules(remove_duplicate=False))
            return walker()(whole, parts).through(calls, *first, *(inputs[name] for name in named))

        def named_modules(
            self, memo: set[Any] | None = None, prefix: str = "", remove_duplicate: bool = True
        ) -> Iterator[tuple[str, Any]]:
            """Of the parts alone: what is inside of the program has no name in the model, and no weight needs a second."""
            whole = f"{prefix}.{self._form[0]}".removeprefix(".")
            for name, module in super().named_modules(memo, prefix, remove_duplicate):
                if not f"{name}.".startswith(f"{whole}."):
                    yield name, module

        def modules(self, remove_duplicate: bool = True) -> Iterator[Any]:
            """All of them, those inside of the program too: they have copies of the buffers, and can be in training."""
            yield from (module for _, module in super().named_modules(remove_duplicate=remove_duplicate))

    return Program


@cache
def _part() -> Any:
    """The class of what stands where a module was."""
    import torch

    class Part(torch.nn.Module):
        """Has the weights of a module, and is called around what came of it."""

        def forward(self, *given: Any, inside: Any) -> Any:
            return inside()

    return Part


@cache
def _called(name: str) -> Any:
    """The same under the name of a module's class."""
    return type(name, (_part(),), {})


def _hooked(module: Any) -> bool:
    """Whether somebody wants to know when a part is called."""
    return isinstance(module, _part()) and bool(module._forward_hooks or module._forward_pre_hooks)  # noqa: SLF001 - PyTorch says it nowhere else


def _plant(root: Any, whole: Any, calls: Call) -> None:
    """Put a part wherever a module was called or has weights, and the weights into it."""
    classes = {call.module: call.class_name for call in calls.inner()}
    for name in classes:
        _reached(root, name, classes)
    for name, weight in whole.named_parameters(remove_duplicate=False):
        if (part := _reached(root, name.rpartition(".")[0], classes)) is not None:
            part.register_parameter(name.rpartition(".")[2], weight)
    for name, buffer in whole.named_buffers(remove_duplicate=False):
        if (part := _reached(root, name.rpartition(".")[0], classes)) is not None:
            part.register_buffer(name.rpartition(".")[2], buffer)


def _reached(root: Any, name: str, classes: Mapping[str, str]) -> Any:
    """The part of a name, planted with those around it where there is none yet; None where no part can be called so."""
    here, path = root, ""
    for own in name.split(".") if name else ():
        path = f"{path}.{own}" if path else own
        if own not in dict(here.named_children()):
            if hasattr(here, own) or not own:
                return None
            here.add_module(own, _called(classes.get(path, UNKNOWN))())
        here = here.get_submodule(own)
    return here
