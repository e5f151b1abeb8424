"""What a fault is, what makes one, and where it lies in truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from torch import nn

    from tests.benchmarks.faults.exporting import Postprocessing
    from tests.benchmarks.faults.graph import Graph


@dataclass(frozen=True)
class Truth:
    """Where a fault lies: the `kinds` that an attribution may give it, the `modules` and `nodes` of which any is right.

    `near` are modules next to it, which lead a reader there as well. Where `anywhere`, no module is wrong, as with
    another checkpoint.
    """

    kinds: frozenset[str]
    modules: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()
    near: tuple[str, ...] = ()
    what: str = ""
    anywhere: bool = False


WEIGHTS = frozenset({"weights"})
STRUCTURE = frozenset({"exporter"})
ORDER = frozenset({"exporter", "signature"})
BITS = frozenset({"exporter", "precision"})


@dataclass(frozen=True)
class Generator:
    """A kind of fault: in a graph that was exported, or in the module before it is.

    Either gives the truth of the fault that it has put in, or None where it takes none. `postprocessing` is what
    is done to the file afterwards. Where `traced`, only `dynamo=False` lets the fault through.
    """

    kind: str
    in_graph: Callable[[Graph, np.random.Generator], Truth | None] | None = None
    in_module: Callable[[nn.Module, np.random.Generator], Truth | None] | None = None
    postprocessing: Postprocessing = ""
    traced: bool = False


def choose(rng: np.random.Generator, choices: Any) -> Any:
    """One of several, at random."""
    listed = list(choices)
    return listed[int(rng.integers(len(listed)))]
