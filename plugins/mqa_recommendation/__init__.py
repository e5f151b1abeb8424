"""Recommenders: models that score an item for a user, or give the vectors of both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mqa_recommendation.ranking import Ranking
from mqa_recommendation.two_tower import TwoTower
from mqa_registry import Task, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable


@hookimpl
def mqa_tasks() -> Iterable[Task[Any]]:
    """`recommendation/ranking` and `recommendation/two-tower`."""
    return [Ranking(), TwoTower()]
