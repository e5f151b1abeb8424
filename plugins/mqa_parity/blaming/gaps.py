"""What stands between two modules that should not, and what does not stand there that should."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from mqa_parity.blaming.causes import Cause
from mqa_parity.blaming.doors import Weighted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mqa_parity.blaming.doors import Anatomy, Insertion
    from mqa_parity.blaming.suspect import Suspect

MOST = 16  # insertions that are tried
QUANTIZED = ("int8", "uint8", "int4", "uint4")  # files that are full of nodes which no exporter tells of


def find_gap(anatomy: Anatomy, at: Suspect) -> Cause | None:
    """What was put into a piece, or is missing before it; None where neither explains the error.

    Either is shown by an experiment: the piece is right without those nodes, or where it is given what the missing module
    gives in PyTorch.
    """
    if str(at.case.candidate.facts.get("precision")) not in QUANTIZED:
        for one in list(anatomy.insertions(at.piece))[:MOST]:
            if _heals(at, one):
                return _inserted(one)
    missing = _missing(anatomy, at)
    if not missing:
        return None
    reader = f"`{at.module}`" if at.module else "what follows"
    reason = f"no node of the file is of `{missing}`: {reader} agrees where it is given what that gives in the model"
    return Cause("exporter", reason, owner=missing, nodes=(), meaning=f"`{missing}` is missing in the file")


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


def _missing(anatomy: Anatomy, at: Suspect) -> str:
    """The module without nodes in the file whose output heals a piece in place of one of the values that it is given."""
    reference, exact = at.case.truth.reference, at.case.truth.exact
    absent = _absent(anatomy, reference.modules(), reference)
    given = exact.tap(at.case.batch, absent) if absent else {}
    for name in absent:
        for array in given[name]:
            for value, fed in at.feeds.items():
                if fed.size == array.size and fed.dtype.kind == "f":
                    other = {**at.feeds, value: array.reshape(fed.shape).astype(np.float32)}
                    if _agrees(replace(at, feeds=other)):
                        return name
    return ""


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
