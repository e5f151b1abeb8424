"""ONNX Runtime: runs a model's export, which it makes and keeps, or a given `.onnx` file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mqa_onnxruntime.export.export_command import export_model
from mqa_onnxruntime.export.stamp import write_verdict
from mqa_onnxruntime.providers.compatibility import check_cuda, check_packages
from mqa_onnxruntime.providers.provider_probe import probe_providers
from mqa_onnxruntime.session import backend
from mqa_registry import Backend, Diagnosis, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator


@hookimpl
def mqa_backends() -> Iterator[Backend]:
    """`onnxruntime/session`."""
    yield Backend(
        "session",
        backend.open_runner,
        identity=backend.identity,
        export=export_model,
        stamp=write_verdict,
        fixed_length=backend.fixed_length,
        packages=("onnx", "onnxruntime-gpu", "onnxruntime"),
    )


@hookimpl
def mqa_diagnoses() -> Iterator[Diagnosis]:
    """ONNX Runtime's packages, its CUDA, and the providers that start."""
    yield Diagnosis("packages", check_packages)
    yield Diagnosis("cuda", check_cuda)
    yield Diagnosis("providers", probe_providers)
