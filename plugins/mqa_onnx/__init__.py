"""ONNX files as models: a file that is compared with another needs no PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mqa_onnx.file import infer_task, load_onnx_model
from mqa_registry import ModelSource, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable


@hookimpl
def mqa_models() -> Iterable[ModelSource]:
    yield ModelSource("file", load_onnx_model, tells=infer_task)
