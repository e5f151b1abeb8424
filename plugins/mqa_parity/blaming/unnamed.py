"""A graph that does not tell where its nodes come from, such as one that was optimized: modules known by their numbers."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mqa_parity.blaming.another import find_another, held_weights
from mqa_parity.blaming.causes import find_cause, together, wrong_weight
from mqa_parity.blaming.doors import Weighted
from mqa_parity.blaming.finding import Blame
from mqa_parity.blaming.healing import find_healing
from mqa_parity.blaming.noise import ratio
from mqa_parity.blaming.suspect import of_graph

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy.typing as npt

    from mqa_parity.blaming.case import Case
    from mqa_parity.blaming.doors import Anatomy

    Array: TypeAlias = npt.NDArray[Any]

NUMBER = re.compile(r"\d+")


def blame_unnamed(case: Case, anatomy: Anatomy) -> Blame:
    """At a weight that heals the graph, else at a module that does, else at the first whose numbers are nowhere in it.

    Modules that are nowhere in any layer were fused with others, and say nothing.
    """
    held = held_weights(case)
    if (another := find_another(held)) is not None:
        return Blame(another.kind, another.reason, case.failure, meaning=another.meaning)
    modules, there = _found(case, anatomy) if not case.crash else ([], set[str]())
    module = first_missing(modules, there)
    graph = of_graph(case, anatomy)
    whole = replace(graph, cleared=known_weights(case, graph.piece.weights))
    weight = together(whole, held) or wrong_weight(whole)  # which has its parameter's name, as a rule
    if weight or not module:
        cause = weight or find_cause(whole)
        owner = cause.parameter.rpartition(".")[0]
        return Blame(cause.kind, cause.reason, case.failure, module=owner, weight=cause.weight, meaning=cause.meaning)
    healing = find_healing(graph, anatomy, [name for name in modules if name not in there])
    nodes = (healing.node,) if healing and healing.node else ()
    where = f"by their numbers all before `{module}` are there, and neither it nor any after"
    if healing is not None:
        module = healing.module
        where = f"what PyTorch has there, in the place of what node `{healing.node}` makes, makes the output right"
    cause = find_cause(replace(whole, module=module))
    reason = f"the graph does not tell its modules; {where}: {cause.reason}"
    return Blame(
        cause.kind, reason, case.failure, module=module, nodes=nodes, weight=cause.weight, meaning=cause.meaning
    )


def first_missing(modules: Sequence[str], there: Iterable[str]) -> str:
    """The first module after the last one that is there, of those whose like are there in some layer."""
    known = frozenset(there)
    last = max((place for place, name in enumerate(modules) if name in known), default=-1)
    alike = {NUMBER.sub("#", name) for name in known}
    after = modules[last + 1 :]
    return next((name for name in after if NUMBER.sub("#", name) in alike), after[0] if after else "")


def _found(case: Case, anatomy: Anatomy) -> tuple[list[str], set[str]]:
    """The innermost modules in the order in which they finish, and those whose output is a value of the graph."""
    modules = _leaves(list(case.truth.reference.modules()))
    single, double = case.truth.reference.tap(case.batch, modules), case.truth.exact.tap(case.batch, modules)
    values = list(anatomy.outputs(case.batch, anatomy.values()).values())
    told = [name for name in modules if len(double[name]) == 1 and double[name][0].dtype.kind == "f"]
    return told, {name for name in told if _is_there(case, single[name][0], double[name][0], values)}


def known_weights(case: Case, weights: Mapping[str, Array]) -> frozenset[str]:
    """The weights of a graph that are some parameter of the model, as it is or transposed."""
    if not isinstance(case.truth.reference, Weighted):
        return frozenset()
    learned = list(case.truth.reference.parameters("").values())
    return frozenset(
        name
        for name, weight in weights.items()
        if any(np.array_equal(weight, one) or np.array_equal(weight, one.T) for one in learned)
    )


def _leaves(modules: Sequence[str]) -> list[str]:
    """Those without modules inside: what is around others may give what one of the first of them gave."""
    around = {name[:place] for name in modules for place, letter in enumerate(name) if letter == "."}
    return [name for name in modules if name not in around]


def _is_there(case: Case, single: Array, double: Array, values: Sequence[Array]) -> bool:
    alike = (value.reshape(double.shape) for value in values if value.size == double.size)
    return any(ratio(value, single, double, case.truth.real) <= case.limit for value in alike)
