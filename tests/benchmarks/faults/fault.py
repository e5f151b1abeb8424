"""What a fault is, what makes one, and where it lies in truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from torch import nn

    from tests.benchmarks.faults.finishing import Finish
    from tests.benchmarks.faults.graph import Graph


@dataclass(frozen=True)
class Truth:
    """Where a fault lies: `kinds` of blame that say what it is, and the `modules` and `nodes` of which any is right.

    `near` are modules that stand next to it, which lead a reader there as well. Where `anywhere`, no place is wrong, as
    with another checkpoint.
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

    Either gives the truth of the fault that it has put in, or None where there is no place for one. `finish` is what is
    done to the file afterwards. Where `traced`, only `dynamo=False` lets the fault through.
    """

    kind: str
    in_graph: Callable[[Graph, np.random.Generator], Truth | None] | None = None
    in_module: Callable[[nn.Module, np.random.Generator], Truth | None] | None = None
    finish: Finish = ""
    traced: bool = False


def pick(rng: np.random.Generator, of: Any) -> Any:
    """One of several, by chance."""
    some = list(of)
    return some[int(rng.integers(len(some)))]
