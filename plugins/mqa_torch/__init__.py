"""PyTorch models of any origin: TorchScript, exported programs, and whatever a function of one's own builds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mqa_registry import ModelSource, hookimpl
from mqa_torch.model_sources import infer_task, is_factory, is_model_file, of_factory, of_file

if TYPE_CHECKING:
    from collections.abc import Iterable


@hookimpl
def mqa_models() -> Iterable[ModelSource]:
    yield ModelSource("file", of_file, recognizes=is_model_file, tells=infer_task, loads=(), packages=("torch",))
    yield ModelSource("factory", of_factory, recognizes=is_factory, tells=infer_task, loads=(), packages=("torch",))
