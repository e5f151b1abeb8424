"""Predictions made elsewhere, by a service, a device or another engine, read from files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mqa_registry import Replay, hookimpl
from mqa_replay.file import FileReplay

if TYPE_CHECKING:
    from collections.abc import Iterable


@hookimpl
def mqa_backends() -> Iterable[Replay[Any]]:
    return [FileReplay()]
