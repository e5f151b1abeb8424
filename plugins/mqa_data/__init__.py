"""Probes of the data alone, which need no model: duplicates, overlap with other data, label balance, drift, and the profile of texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mqa_data.drift import Drift
from mqa_data.duplicates import Duplicates, Overlap
from mqa_data.label_balance import LabelBalance
from mqa_data.profile import Profile
from mqa_registry import Probe, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable


@hookimpl
def mqa_probes() -> Iterable[Probe[Any]]:
    """`data/overlap`, `data/duplicates`, `data/label-balance`, `data/drift` and `data/profile`."""
    return [Overlap(), Duplicates(), LabelBalance(), Drift(), Profile()]
