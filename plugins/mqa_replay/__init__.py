"""Predictions that were made elsewhere: on a phone, by another engine, by last month's service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mqa_registry import Replay, hookimpl
from mqa_replay.file import predictions_in

if TYPE_CHECKING:
    from collections.abc import Iterable


@hookimpl
def mqa_backends() -> Iterable[Replay]:
    yield Replay("file", predictions_in)
