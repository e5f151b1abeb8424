"""Runs on a Ray cluster: rows are perturbed and predicted by workers on many machines, or in processes of this one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mqa_ray.cluster import Cluster
from mqa_registry import Executor, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable


@hookimpl
def mqa_executors() -> Iterable[Executor[Any]]:
    return [Cluster()]
