"""ONNX Runtime: runs a model's export, which it makes and caches, or a given `.onnx` file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mqa_onnxruntime.diagnoses import check_cuda, check_packages, probe_providers
from mqa_onnxruntime.session.backend import SessionBackend
from mqa_registry import Backend, Diagnosis, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@hookimpl
def mqa_backends() -> Iterable[Backend[Any]]:
    """`onnxruntime/session`."""
    return [SessionBackend()]


@hookimpl
def mqa_diagnoses() -> Iterator[Diagnosis]:
    """ONNX Runtime's packages, its CUDA, and the providers that start."""
    yield Diagnosis("packages", check_packages)
    yield Diagnosis("cuda", check_cuda)
    yield Diagnosis("providers", probe_providers)
