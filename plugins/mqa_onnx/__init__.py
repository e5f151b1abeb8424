"""ONNX files as models: a file that is compared with another needs no PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mqa_onnx.model_source import FileSource
from mqa_registry import ModelSource, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable


@hookimpl
def mqa_models() -> Iterable[ModelSource[Any]]:
    return [FileSource()]
