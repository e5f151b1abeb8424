"""The workspace of a run: what it may use of this machine for rows at work. No number depends on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# What three shards at work take at most: their fields, the arrays of two groups of rows, and outputs.
OVERLAP_BYTES = 768 * 2**20


@dataclass(frozen=True)
class Workspace:
    """`scratch` gives the folder for tables that take much memory; without one they stay in memory.

    `memory` is how many bytes shards at work may take.
    """

    scratch: Callable[[], Path] | None = None
    memory: int = OVERLAP_BYTES

    @property
    def overlaps(self) -> bool:
        """Whether a shard is perturbed, another encoded and a third predicted at a time; else one is at work."""
        return self.memory >= OVERLAP_BYTES
