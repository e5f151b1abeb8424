"""How much a file differs from its model by a measure of our own, which knows nothing of mqa's."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime as ort
import torch

from tests.benchmarks.faults.architectures import EFFECT_BATCHES, LOGITS, LONGEST
from tests.benchmarks.faults.exporting import Wrapper, silence

if TYPE_CHECKING:
    from pathlib import Path
    from typing import TypeAlias

    import numpy.typing as npt
    from torch import nn

    from tests.benchmarks.faults.architectures import Architecture, Arrays

    Array: TypeAlias = npt.NDArray[Any]

TYPES = {"tensor(float16)": np.float16, "tensor(float)": np.float32}


@dataclass(frozen=True)
class Effect:
    """The largest change of a probability, where an output is logits, and of a number over its channel's spread.

    Both are infinite where the file crashes, or gives what is no number or has another shape.
    """

    probability: float
    channel: float

    @property
    def large(self) -> bool:
        """By more than a hundredth: such a fault may not pass."""
        return self.probability > 0.01 or self.channel > 0.01

    def counts(self, sound: Effect) -> bool:
        """Whether it is more than rounding: the sound file's own effect tells how much that is."""
        return self.channel > max(1e-4, 5 * sound.channel) or self.probability > max(1e-4, 5 * sound.probability)


NO_EFFECT = Effect(0.0, 0.0)
BROKEN = Effect(inf, inf)


@dataclass(frozen=True)
class ExpectedOutputs:
    """What a model gives in float64 for some batches, and which of its outputs are logits along their last axis."""

    batches: tuple[Arrays, ...]
    outputs: tuple[tuple[Array, ...], ...]
    logits: tuple[bool, ...]


def compute_expected_outputs(module: nn.Module, architecture: Architecture, seed: int) -> ExpectedOutputs:
    """By PyTorch in float64, of random rows of other seeds than the command's, one batch of them as long as any."""
    batches = [architecture.rows(seed + 1 + index) for index in range(EFFECT_BATCHES)]
    if architecture.tiny and architecture.reads_text:
        batches[-1] = architecture.rows(seed + EFFECT_BATCHES, length=LONGEST)
    wide = module.double()
    with torch.no_grad(), silence():
        outputs = [_run_in_float64(wide, batch) for batch in batches]
    module.float()
    return ExpectedOutputs(tuple(batches), tuple(outputs), tuple(name in LOGITS for name in architecture.outputs))


def _run_in_float64(module: nn.Module, batch: Arrays) -> tuple[Array, ...]:
    inputs = [torch.from_numpy(array) for array in batch.values()]
    found = Wrapper(module, tuple(batch))(*[one.double() if one.is_floating_point() else one for one in inputs])
    return tuple(one.numpy() for one in (found if isinstance(found, tuple) else (found,)))


def measure_effect(file: Path, expected: ExpectedOutputs) -> Effect:
    """The largest effect over all batches."""
    options = ort.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 4, 1
    try:
        session = ort.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        found = [_run(session, batch) for batch in expected.batches]
    except Exception:  # a file that cannot be run is as far off as one can be
        return BROKEN
    worst = NO_EFFECT
    for index in range(len(expected.outputs[0])):
        pairs = [
            _select_channels(batch, right[index], outputs[index])
            for batch, right, outputs in zip(expected.batches, expected.outputs, found, strict=True)
        ]
        if any(right.shape != given.shape for right, given in pairs):
            return BROKEN
        right, given = (np.concatenate(some) for some in zip(*pairs, strict=True))
        one = _measure_output(right, given, logits=expected.logits[index])
        worst = Effect(max(worst.probability, one.probability), max(worst.channel, one.channel))
    return worst


def _run(session: Any, batch: Arrays) -> list[Array]:
    inputs = {one.name: TYPES.get(one.type) for one in session.get_inputs()}
    given = {name: batch[name].astype(kind) if kind else batch[name] for name, kind in inputs.items()}
    return [np.asarray(one) for one in session.run(None, given)]


def _select_channels(batch: Arrays, right: Array, given: Array) -> tuple[Array, Array]:
    """Both as rows of channels, without padding."""
    if right.shape != given.shape:
        return right, given
    mask = batch.get("attention_mask")
    if mask is not None and right.ndim == 3 and right.shape[:2] == mask.shape:
        return right[mask > 0].astype(np.float64), given[mask > 0].astype(np.float64)
    return _rows(right), _rows(given)


def _rows(array: Array) -> Array:
    """Its last axis as channels; an output of whole numbers is one channel."""
    width = array.shape[-1] if array.dtype.kind == "f" else 1
    return array.reshape(-1, width).astype(np.float64)


def _measure_output(right: Array, given: Array, *, logits: bool) -> Effect:
    if not np.isfinite(given).all():
        return BROKEN
    spread = right.std(0)
    spread = np.where(spread > 0, spread, 1.0)
    channel = float((np.abs(given - right).max(0) / spread).max())
    probability = float(np.abs(_softmax(given) - _softmax(right)).max()) if logits else 0.0
    return Effect(probability, channel)


def _softmax(logits: Array) -> Array:
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return np.asarray(powers / powers.sum(-1, keepdims=True))
