"""ONNX Runtime: runs a model's export, which it makes and keeps, or a given `.onnx` file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mqa_onnxruntime import session, shipping
from mqa_registry import Backend, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator


@hookimpl
def mqa_backends() -> Iterator[Backend]:
    """`onnxruntime/session`."""
    yield Backend("session", session.onnxruntime_session, identity=session.identity, export=shipping.export_session)
