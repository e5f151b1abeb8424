"""Blame: where a model and its export part, and whose fault it is."""

from __future__ import annotations

from mqa_parity.blaming.doors import Reference
from mqa_parity.blaming.finding import Blame
from mqa_parity.blaming.inquiry import blame

__all__ = ["Blame", "Reference", "blame"]
