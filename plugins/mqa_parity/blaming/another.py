"""A file of another model, or of another training step: most of its weights are other numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mqa_parity.blaming.causes import Cause
from mqa_parity.blaming.doors import ComparesWeights, Weighted
from mqa_registry import NotRunError

if TYPE_CHECKING:
    from mqa_parity.blaming.case import Case
    from mqa_parity.blaming.doors import Weights

FEW = 3  # weights: so few may be wrong by themselves
MOST = 0.8  # the share of a file's weights from which on it is another model's


def is_another(different: int, number: int) -> str:
    """What it means that so many of a file's weights are not the model's, in words; empty where it is a few."""
    if different <= FEW or different <= MOST * number:
        return ""
    return f"{different} of {number} weights differ from the model's: another model, or another training step"


def held_weights(case: Case) -> Weights | None:
    """All tensors of the candidate's file held against the model's weights; None where either shows none."""
    reference, candidate = case.truth.reference, case.candidate
    if not isinstance(reference, Weighted) or not isinstance(candidate, ComparesWeights):
        return None
    own = reference.parameters("")
    try:
        return candidate.compare_weights(own.items)
    except NotRunError:
        return None


def find_another(held: Weights | None) -> Cause | None:
    """That the weights are those of another model, where they are."""
    if held is None:
        return None
    strange = len(held.differences) + len(held.unknown)
    told = is_another(strange, strange + held.held)
    return Cause("weights", told, owner="", nodes=(), meaning=told) if told else None
