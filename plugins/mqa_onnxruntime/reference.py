"""What an export is held against: the PyTorch model, or for a variant the export it was made of."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_onnxruntime.naming import named_outputs
from mqa_onnxruntime.passes import passed
from mqa_onnxruntime.portions import fixed_rows, in_portions
from mqa_onnxruntime.providers import CPU, Asked, open_session
from mqa_onnxruntime.signature import input_types
from mqa_registry import find_device

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from typing import TypeAlias

    import numpy.typing as npt

    from mqa_registry import Subject

    Array: TypeAlias = npt.NDArray[Any]
    Arrays: TypeAlias = Mapping[str, Array]


@dataclass(frozen=True)
class Reference:
    """Answers a batch; `weights` gives its parameters and buffers by name, where it is a PyTorch model."""

    name: str
    run: Callable[[Arrays], Arrays]
    weights: Callable[[], Iterator[tuple[str, Array]]] | None = None


def reference_of(subject: Subject, base: Path | None, sample: Arrays) -> Reference:
    """The model itself, else the export `base`."""
    if base is not None:
        return Reference("the float32 export", on_cpu(base, sample))
    return Reference("the model", lambda batch: _answers(subject, batch), lambda: _weights(subject.model.module))


def on_cpu(path: Path, sample: Arrays) -> Callable[[Arrays], dict[str, Array]]:
    """Runs an ONNX file on the CPU, half precision given as float32.

    Raises a DataError where the file does not take what is in `sample`, a NotRunError where it cannot be run.
    """
    session, _ = open_session(path, Asked((CPU,), find_device("cpu"), binding=True), "all", None)
    types = input_types(session, sample, path)
    names, rows = [node.name for node in session.get_outputs()], fixed_rows(session)

    def run(batch: Arrays) -> dict[str, Array]:
        feed = {name: np.asarray(batch[name], dtype) for name, dtype in types.items()}
        values = in_portions(partial(passed, session), names, feed, rows) if rows else passed(session, names, feed)
        return {name: _whole(np.asarray(value)) for name, value in zip(names, values, strict=True)}

    return run


def _answers(subject: Subject, batch: Arrays) -> dict[str, Array]:
    import torch

    tensors = {name: torch.from_numpy(np.array(values)) for name, values in batch.items()}
    with torch.inference_mode():
        outputs = subject.model.module(**tensors)
    return {name: value.float().numpy() for name, value in named_outputs(outputs).items()}


def _weights(module: Any) -> Iterator[tuple[str, Array]]:
    """Every parameter and buffer, also those that are never saved."""
    for name, tensor in (*module.named_parameters(), *module.named_buffers()):
        yield name, tensor.detach().cpu().numpy()


def _whole(values: Array) -> Array:
    return values.astype(np.float32) if values.dtype == np.float16 else values
