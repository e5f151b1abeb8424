"""ONNX Runtime: runs a model's export, which it makes and keeps, or a given `.onnx` file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mqa_onnxruntime import fitting, fixed_length, session, shipping, stamp, starting
from mqa_registry import Backend, Diagnosis, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator


@hookimpl
def mqa_backends() -> Iterator[Backend]:
    """`onnxruntime/session`."""
    yield Backend(
        "session",
        session.onnxruntime_session,
        identity=session.identity,
        export=shipping.export_session,
        stamp=stamp.write_verdict,
        fixed_length=fixed_length.fixed_length,
        packages=("onnx", "onnxruntime-gpu", "onnxruntime"),
    )


@hookimpl
def mqa_diagnoses() -> Iterator[Diagnosis]:
    """ONNX Runtime's packages, its CUDA, and the providers that start."""
    yield Diagnosis("packages", fitting.packages)
    yield Diagnosis("cuda", fitting.cuda)
    yield Diagnosis("providers", starting.providers)
