"""Where a graph that does not tell its modules goes wrong: at the first right value that makes right all that comes after.

A module whose numbers are nowhere in a graph may have been fused with the next, or may be wrong. What the model makes of
it is put in the place of the value that is nearest to it: where the output is right then, the fault lies in the module,
or between it and the last whose right numbers do not heal.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mqa_parity.blaming.doors import Watched

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt

    from mqa_parity.blaming.doors import Anatomy, Reference
    from mqa_parity.blaming.suspect import Suspect

    Array: TypeAlias = npt.NDArray[Any]

NEAREST = 3  # values that a module's numbers are put in the place of
MOST = 36  # times that a graph is run so


@dataclass(frozen=True)
class Healing:
    """The module whose right numbers heal, and the node that makes what they are put in the place of.

    `module` is the one around it where the module gives what it is given, such as a dropout, so that the fault is before it.
    """

    module: str
    node: str


def find_healing(graph: Suspect, anatomy: Anatomy, modules: Sequence[str]) -> Healing | None:
    """The first of some modules, in the order in which they finish, that heals a whole graph; None where none does."""
    values = anatomy.outputs(graph.case.batch, anatomy.values())
    trials = (
        (module, value, right)
        for module, right in _right(graph.case.truth.reference, graph.case.batch, modules)
        for value in _nearest(values, right)
        if value != graph.piece.output  # which heals of course
    )
    for module, value, right in islice(trials, MOST):
        if _heals(graph, anatomy, value, right.reshape(values[value].shape).astype(values[value].dtype)):
            around = module.rpartition(".")[0]
            passing = _passes_on(graph.case.truth.reference, graph.case.batch, module)
            return Healing(around if passing else module, anatomy.node_of(value))
    return None


def _right(reference: Reference, batch: Mapping[str, Array], modules: Sequence[str]) -> Iterator[tuple[str, Array]]:
    """What each module gives, where it is called once."""
    found = reference.tap(batch, modules)
    return ((name, found[name][0]) for name in modules if len(found.get(name, ())) == 1)


def _nearest(values: Mapping[str, Array], right: Array) -> list[str]:
    """The values of as many numbers that lie nearest to what is right."""
    with np.errstate(all="ignore"):
        far = {
            name: float(np.abs(value.reshape(-1).astype(np.float64) - right.reshape(-1)).mean())
            for name, value in values.items()
            if value.size == right.size
        }
    near = sorted((name for name in far if np.isfinite(far[name])), key=lambda name: far[name])
    return near[:NEAREST]


def _heals(graph: Suspect, anatomy: Anatomy, value: str, right: Array) -> bool:
    """Whether the output is right with this in a value's place."""
    piece = anatomy.piece([value], graph.piece.output)
    if value not in piece.inputs:
        return False
    feeds = {**anatomy.feed(graph.case.batch), value: right}
    try:
        return graph.ratio(piece.run({name: feeds[name] for name in piece.inputs})) <= graph.case.limit
    except Exception:  # a graph that cannot run so is not healed
        return False


def _passes_on(reference: Reference, batch: Mapping[str, Array], module: str) -> bool:
    """Whether a module gives what it is given."""
    if not isinstance(reference, Watched):
        return False
    given, gave = (calls[module][0] for calls in reference.traffic(batch, [module]))
    return any(np.array_equal(one, gave[0]) for one in given[:1])
