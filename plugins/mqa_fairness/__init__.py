"""How rows fall into groups that a model should treat alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mqa_fairness.columns import column
from mqa_fairness.identity import identity_terms
from mqa_fairness.lengths import length
from mqa_registry import Slice, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable


@hookimpl
def mqa_slices() -> Iterable[Slice]:
    yield Slice("column", column)
    yield Slice("identity-terms", identity_terms)
    yield Slice("length", length)
