"""What stands between two modules that should not, and what does not stand there that should."""

from __future__ import annotations

from dataclasses import replace
from itertools import takewhile
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mqa_parity.blaming.causes import Cause
from mqa_parity.blaming.doors import Weighted
from mqa_parity.blaming.noise import narrowed

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from mqa_parity.blaming.doors import Anatomy, Insertion
    from mqa_parity.blaming.suspect import Suspect
    from mqa_parity.blaming.taps import Taps

    Array: TypeAlias = npt.NDArray[Any]

MOST = 16  # insertions that are tried
QUANTIZED = ("int8", "uint8", "int4", "uint4")  # files that are full of nodes which no exporter tells of


def find_gap(anatomy: Anatomy, at: Suspect, taps: Taps) -> Cause | None:
    """What was put into a piece, or is missing before it; None where neither explains the error.

    Either is shown by an experiment: the piece is right without those nodes, or where it is given what its module is given
    in PyTorch, or what a module gives that has no nodes.
    """
    if str(at.case.candidate.facts.get("precision")) not in QUANTIZED:
        for one in list(anatomy.insertions(at.piece))[:MOST]:
            if _heals(at, one):
                return _inserted(one)
    return _lost(at, taps) or _missing(anatomy, at)


def _heals(at: Suspect, one: Insertion) -> bool:
    try:
        return not replace(at, piece=at.piece.bypassing(one.start, one.end)).errs()
    except Exception:  # what it makes may have another shape or type than what it reads
        return False


def _inserted(one: Insertion) -> Cause:
    spelled = " and ".join(f"`{name}` ({operator})" for name, operator in one.nodes)
    are, them = ("is", "it") if len(one.nodes) == 1 else ("are", "them")
    sides = [f"`{side}`" if side else "the edge of the graph" for side in (one.before, one.after)]
    inside = one.before if one.before == one.after else ""
    where = f"inside `{inside}`" if inside else f"between {sides[0]} and {sides[1]}"
    reason = f"{spelled} {are} {where}, and no exporter put {them} there: without {them} the file agrees"
    return Cause("exporter", reason, owner=inside, nodes=tuple(name for name, _ in one.nodes))


def _lost(at: Suspect, taps: Taps) -> Cause | None:
    """What PyTorch does with a value before it gives it to the module, and the file does not."""
    for value in (value for value in at.feeds if value in taps.double):
        for one in at.given:
            if one.double.size != taps.double[value].size or np.array_equal(
                one.double.ravel(), taps.double[value].ravel()
            ):
                continue
            if _agrees(_fed(at, value, one.double)):
                maker = taps.parts[value].module
                if missing := taps.missing(one):
                    return _missed(missing, at)
                around = _around(at.module, maker)
                where = f"`{around}`" if around else "the model"
                what = f"what {where} makes of `{maker}` before it gives it to `{at.module}` is not in the file"
                healed = f"`{at.module}` agrees where it is given that"
                return Cause("exporter", f"{what}: {healed}", owner=around, nodes=(), meaning=what)
    return None


def _missing(anatomy: Anatomy, at: Suspect) -> Cause | None:
    """The module without nodes in the file whose output heals a piece in place of one of the values that it is given."""
    reference, exact = at.case.truth.reference, at.case.truth.exact
    absent = _absent(anatomy, reference.modules(), reference)
    given = exact.tap(at.case.batch, absent) if absent else {}
    for name in absent:
        for array in given[name]:
            for value, fed in at.feeds.items():
                if fed.size == array.size and fed.dtype.kind == "f" and _agrees(_fed(at, value, array)):
                    return _missed(name, at)
    return None


def _missed(name: str, at: Suspect) -> Cause:
    reader = f"`{at.module}`" if at.module else "what follows"
    reason = f"no node of the file is of `{name}`: {reader} agrees where it is given what that gives in the model"
    return Cause("exporter", reason, owner=name, nodes=(), meaning=f"`{name}` is missing in the file")


def _fed(at: Suspect, value: str, array: Array) -> Suspect:
    """The same with other numbers for one of the values that it is given."""
    shape = at.feeds[value].shape
    return replace(at, feeds={**at.feeds, value: narrowed(array).reshape(shape)})


def _around(one: str, other: str) -> str:
    """The innermost module that both of two modules are inside of."""
    steps = [
        pair[0]
        for pair in takewhile(lambda pair: pair[0] == pair[1], zip(one.split("."), other.split("."), strict=False))
    ]
    common = ".".join(steps)
    return common.rpartition(".")[0] if common in {one, other} else common


def _absent(anatomy: Anatomy, modules: Sequence[str], reference: object) -> list[str]:
    """The outermost modules that have weights, and no node in the file."""
    if not isinstance(reference, Weighted):
        return []
    names = [name for name in modules if not anatomy.inside(name)]
    known = frozenset(names)
    outer = [name for name in names if name.rpartition(".")[0] not in known]
    return [name for name in outer if reference.parameters(name)]


def _agrees(at: Suspect) -> bool:
    try:
        return not at.errs()
    except Exception:
        return False
