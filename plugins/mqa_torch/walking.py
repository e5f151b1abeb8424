"""A walk through the graph of an exported program: node by node, each module called around what came of it."""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING, Any

from mqa_torch.calls import Call

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


@cache
def walker() -> Any:
    """The class, made once PyTorch is there to derive it from."""
    import torch

    class Walker(torch.fx.Interpreter):
        """Runs calls, each inside of the part that it is a call of; what no node needs any more is let go of."""

        def __init__(self, whole: Any, parts: Mapping[str, Any]) -> None:
            super().__init__(whole)
            self.parts = parts
            self.named = {node.name: node for node in self.graph.nodes}

        def through(self, calls: Call, *inputs: Any) -> Any:
            """What the program gives; of its inputs those first that it takes by their places, the others in its order."""
            self.args_iter = iter(self.graph.process_inputs(*inputs))
            self._steps(calls)
            return self.graph.process_outputs(self.env[next(iter(reversed(self.graph.nodes)))])

        def fetch_attr(self, target: str) -> Any:
            """A weight as its part has it: an exporter puts another in its place."""
            owner, _, name = target.rpartition(".")
            found = getattr(self.parts.get(owner), name, None)
            return super().fetch_attr(target) if found is None else found

        def _steps(self, call: Call) -> Sequence[Any]:
            for step in call.steps:
                if isinstance(step, Call):
                    part = self.parts.get(step.module, _nobody)
                    part(*_alone(self._numbers(step.given)), inside=partial(self._steps, step))
                else:
                    self._node(self.named[step])
            return self._numbers(call.gave)

        def _node(self, node: Any) -> None:
            self.env[node] = self.run_node(node)
            for used in self.user_to_last_uses.get(node, ()):
                del self.env[used]

        def _numbers(self, names: Sequence[str]) -> list[Any]:
            values = [self.env[self.named[name]] for name in names]
            return [value for value in values if isinstance(value, torch.Tensor) and value.is_floating_point()]

    return Walker


def _alone(numbers: Sequence[Any]) -> Sequence[Any]:
    """What a module was given, where that is one thing: which of several was its first argument no graph tells."""
    return numbers if len(numbers) == 1 else ()


def _nobody(*given: Any, inside: Callable[[], Any]) -> Any:
    """In the place of a part whose name none can have."""
    return inside()
