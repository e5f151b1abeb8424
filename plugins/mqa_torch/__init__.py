"""PyTorch models of any origin: TorchScript, exported programs, what a function builds, and modules in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mqa_registry import ModelSource, hookimpl
from mqa_torch.memory_source import MemorySource
from mqa_torch.model_sources import FactorySource, FileSource

if TYPE_CHECKING:
    from collections.abc import Iterable


@hookimpl
def mqa_models() -> Iterable[ModelSource[Any]]:
    return [FileSource(), FactorySource(), MemorySource()]
