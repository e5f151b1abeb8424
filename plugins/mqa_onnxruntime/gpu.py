"""What a session does otherwise on a GPU than on a CPU, and what a report tells of that."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from mqa_onnxruntime.binding import Binding, Graphs
from mqa_onnxruntime.providers import CUDA, ON_GPU
from mqa_registry import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mqa_onnxruntime.providers import Asked

OVERRIDE = "NVIDIA_TF32_OVERRIDE"  # at 0, CUDA's libraries use no TensorFloat-32, whatever they are told


def tf32_of(asked: Asked) -> bool:
    """Whether products are in TensorFloat-32. TensorRT has no option for that, and uses it unless CUDA forbids it."""
    first = asked.providers[0]
    if first not in ON_GPU or os.environ.get(OVERRIDE) == "0":
        return False
    return asked.tf32 or first != CUDA


def on_gpu(session: Any, asked: Asked, *, bound: bool) -> dict[str, bool]:
    """The facts of a session on a GPU; of another, none."""
    if session.get_providers()[0] not in ON_GPU:
        return {}
    return {"tf32": tf32_of(asked), "io_binding": bound or asked.graph, "cuda_graph": asked.graph}


def check_graph(asked: Asked) -> None:
    """That graphs are asked of the provider that captures them; on a machine without a GPU, of nobody."""
    if asked.graph and asked.binding and asked.providers[0] != CUDA:
        raise DataError(
            f"`cuda_graph` is for `{CUDA}`, and `{asked.providers[0]}` is to run the model",
            hint="leave one of the two out",
        )


def execution(session: Any, asked: Asked, *, bound: bool) -> Callable[..., list[Any]] | None:
    """How a session is run that is on a GPU; None where its own `run` does it."""
    if session.get_providers()[0] not in ON_GPU:
        return None
    binding = Binding(session, asked.device.kind, asked.device.index)
    if asked.graph:
        return Graphs(binding).run
    return binding.run if bound else None


def without_graphs(session: Any) -> Mapping[str, Mapping[str, str]]:
    """A session's providers with their options, for others that are run plainly: a graph captured so reads what is gone."""
    return {
        name: {key: "0" if key == "enable_cuda_graph" else value for key, value in options.items()}
        for name, options in session.get_provider_options().items()
    }
