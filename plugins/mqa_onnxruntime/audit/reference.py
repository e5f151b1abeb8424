"""What an export is compared with: the PyTorch model, or the export that it was converted from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_onnxruntime.export.exporters import named_outputs
from mqa_onnxruntime.providers.request import cpu_request
from mqa_onnxruntime.session.execution import fixed_batch_size, run_in_fixed_batches, run_session
from mqa_onnxruntime.session.factory import open_session
from mqa_onnxruntime.session.input_types import input_types

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from typing import TypeAlias

    import numpy.typing as npt

    from mqa_registry import ModelUnderTest

    Array: TypeAlias = npt.NDArray[Any]
    Arrays: TypeAlias = Mapping[str, Array]


@dataclass(frozen=True)
class Reference:
    """A name for messages and a forward pass; `weights` gives parameters and buffers by name, of a PyTorch model alone."""

    name: str
    run: Callable[[Arrays], Arrays]
    weights: Callable[[], Iterator[tuple[str, Array]]] | None = None


def reference_of(model_under_test: ModelUnderTest, base: Path | None, sample: Arrays) -> Reference:
    """The float32 export `base` where there is one, else the model itself; batches look like `sample`."""
    if base is not None:
        return Reference("the float32 export", run_on_cpu(base, sample))
    return Reference(
        "the model", lambda batch: _predict(model_under_test, batch), lambda: _weights(model_under_test.model.module)
    )


def run_on_cpu(path: Path, sample: Arrays) -> Callable[[Arrays], dict[str, Array]]:
    """The forward pass of an ONNX file on the CPU; float16 outputs come as float32.

    Raises a DataError where the file does not take what is in `sample`, a NotRunError where it cannot be run.
    """
    session, _ = open_session(path, cpu_request())
    types = input_types(session, sample, path)
    names, rows = [node.name for node in session.get_outputs()], fixed_batch_size(session)

    def run(batch: Arrays) -> dict[str, Array]:
        feed = {name: np.asarray(batch[name], dtype) for name, dtype in types.items()}
        execute = partial(run_session, session)
        values = run_in_fixed_batches(execute, names, feed, rows) if rows else execute(names, feed)
        return {name: _as_float32(np.asarray(value)) for name, value in zip(names, values, strict=True)}

    return run


def _predict(model_under_test: ModelUnderTest, batch: Arrays) -> dict[str, Array]:
    import torch

    tensors = {name: torch.from_numpy(np.array(values)) for name, values in batch.items()}
    with torch.inference_mode():
        outputs = model_under_test.model.module(**tensors)
    return {name: value.float().numpy() for name, value in named_outputs(outputs).items()}


def _weights(module: Any) -> Iterator[tuple[str, Array]]:
    """Every parameter and buffer, also those that are never saved."""
    for name, tensor in (*module.named_parameters(), *module.named_buffers()):
        yield name, tensor.detach().cpu().numpy()


def _as_float32(values: Array) -> Array:
    return values.astype(np.float32) if values.dtype == np.float16 else values
