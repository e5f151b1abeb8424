"""A file that does not repeat its own answers: it draws random numbers, or a kernel of it is not steady."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mqa_parity.blaming.doors import Dissected, dissected
from mqa_parity.blaming.finding import Blame
from mqa_parity.blaming.noise import allowed, where_real
from mqa_parity.steady import ROUNDINGS, distance, largest_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from mqa_parity.blaming.case import Case
    from mqa_parity.blaming.doors import Anatomy

    Array: TypeAlias = npt.NDArray[Any]

SHOWN = 3  # nodes that are named
EPS = float(np.finfo(np.float32).eps)


def blame_repeating(case: Case) -> Blame | None:
    """At the nodes that draw random numbers, where two runs of one batch differ; None where they do not."""
    again = case.against(case.candidate)
    if case.crash or again.crash:
        return None
    moved = {name: _moved(case, name, case.outputs[one], again.outputs[one]) for one, name in _both(case, again)}
    name = max(moved, key=lambda one: moved[one], default="")
    if not name or moved[name] <= case.limit:
        return None
    reason = f"of the same rows `{name}` moves by {moved[name]:.3g} times PyTorch's noise from run to run"
    if not isinstance(case.candidate, Dissected):
        return Blame("exporter", reason, case.failure, meaning=_meaning([]))
    return _located(case, dissected(case.candidate, case.truth.reference), Blame("exporter", reason, case.failure))


def _both(case: Case, again: Case) -> list[tuple[str, str]]:
    return [(one, name) for one, name in case.paired(case.outputs) if one in again.outputs]


def _moved(case: Case, name: str, first: Array, second: Array) -> float:
    """How far an output moves, in units of PyTorch's own noise, where there is no padding."""
    single, double = (outputs[name] for outputs in case.truth.outputs)
    if first.shape != double.shape or second.shape != double.shape:
        return distance(first, second)
    real = where_real(double, case.truth.real)
    return distance(first[real], second[real]) / allowed(single, double, case.truth.real)


def _located(case: Case, anatomy: Anatomy, found: Blame) -> Blame:
    """By the operators that draw; where the graph has none, by the first value that moves."""
    drawing = anatomy.drawing()
    nodes = tuple(drawing) or _unsteady(case, anatomy)
    module, class_name, source = anatomy.owner(nodes[0]) if nodes else ("", "", "")
    return replace(
        found,
        kind="exporter" if drawing else "kernel",
        module=module,
        class_name=class_name,
        source=source,
        nodes=nodes[:1],
        meaning=_meaning([f"`{name}` ({operator})" for name, operator in drawing.items()]),
    )


def _unsteady(case: Case, anatomy: Anatomy) -> tuple[str, ...]:
    values = anatomy.values()
    first, second = (anatomy.outputs(case.batch, values) for _ in range(2))
    moving = (
        name for name in values if distance(first[name], second[name]) > ROUNDINGS * EPS * largest_of(first[name])
    )
    return tuple(anatomy.node_of(name) for name in [next(moving, "")] if name)


def _meaning(drawing: Sequence[str]) -> str:
    """What is wrong, in words, with the names of the nodes that draw random numbers."""
    more = f" and {len(drawing) - SHOWN} more" if len(drawing) > SHOWN else ""
    why = f": random numbers are drawn by {', '.join(drawing[:SHOWN])}{more}" if drawing else ""
    return f"the file does not repeat its own answers{why}"
