"""ONNX files as models: a file that is compared with another needs no PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mqa_onnx.file import infer_task, is_onnx_name, load_onnx_model
from mqa_registry import ModelSource, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable


@hookimpl
def mqa_models() -> Iterable[ModelSource]:
    yield ModelSource("file", load_onnx_model, recognizes=is_onnx_name, tells=infer_task, packages=("onnx",))
