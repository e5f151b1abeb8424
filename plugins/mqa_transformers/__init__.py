"""transformers: models from its hub or a folder, its text tasks, and PyTorch to run them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mqa_registry import Backend, Diagnosis, ModelSource, Task, hookimpl
from mqa_transformers import compatibility, forward, loading, model_source, text_classification, torch_backend

if TYPE_CHECKING:
    from collections.abc import Iterator


@hookimpl
def mqa_models() -> Iterator[ModelSource]:
    """`transformers/auto`."""
    yield ModelSource(
        "auto",
        model_source.auto,
        tells=model_source.infer_task,
        loads=tuple(loading.HEADS),
        packages=("torch", "transformers", "tokenizers"),
    )


@hookimpl
def mqa_tasks() -> Iterator[Task]:
    """`transformers/text-classification`, and `transformers/forward` for any model."""
    yield Task(
        "text-classification",
        text_classification.text_classification,
        schema="label",
        fields={"text": "text", "text_pair": "text"},
        optional=("text_pair",),
        sample=text_classification.SAMPLE,
        metric="metrics/accuracy",
        needs=loading.TEXT_CLASSIFICATION,
    )
    yield Task(
        "forward",
        forward.forward,
        schema="vector",
        fields={forward.TEXT: "text", forward.INPUTS: "arrays"},
        optional=(forward.TEXT, forward.INPUTS),
        sample=(),
        metric="parity/cosine",
    )


@hookimpl
def mqa_backends() -> Iterator[Backend]:
    """`transformers/torch`."""
    yield Backend("torch", torch_backend.torch_eager, identity=torch_backend.torch_identity)


@hookimpl
def mqa_diagnoses() -> Iterator[Diagnosis]:
    """PyTorch, and what stands on it."""
    yield Diagnosis("pytorch", compatibility.diagnose_pytorch)
    yield Diagnosis("companions", compatibility.diagnose_companions)
