"""ONNX files as models: a file that is held against another needs no PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mqa_onnx.file import is_onnx_name, of_file, told_task
from mqa_registry import ModelSource, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable


@hookimpl
def mqa_models() -> Iterable[ModelSource]:
    yield ModelSource("file", of_file, recognizes=is_onnx_name, tells=told_task, packages=("onnx",))
