"""PyTorch models of any origin: TorchScript, exported programs, and whatever a function of one's own builds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mqa_registry import ModelSource, hookimpl
from mqa_torch.allowed import told_task
from mqa_torch.factory import is_factory, of_factory
from mqa_torch.file import is_model_file, of_file

if TYPE_CHECKING:
    from collections.abc import Iterable


@hookimpl
def mqa_models() -> Iterable[ModelSource]:
    yield ModelSource("file", of_file, recognizes=is_model_file, tells=told_task, loads=(), packages=("torch",))
    yield ModelSource("factory", of_factory, recognizes=is_factory, tells=told_task, loads=(), packages=("torch",))
