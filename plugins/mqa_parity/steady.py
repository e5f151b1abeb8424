"""Whether a runner answers at all, and the same answer twice, and how its outputs are laid out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_parity.layout import layout_of
from mqa_registry import MqaError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import TypeAlias

    import numpy.typing as npt

    from mqa_parity.layout import Layout
    from mqa_parity.sampling import Batch
    from mqa_registry import Runner

    Array: TypeAlias = npt.NDArray[Any]

# A sum whose order is not fixed, as on a GPU, moves by some roundings of its largest number; dropout by far more.
ROUNDINGS = 64
TRACEBACK = "Traceback"  # how a program shows where an error came from; TorchScript does, in the error itself
HALF = 160  # letters of what an error says, at either end


@dataclass(frozen=True)
class Survey:
    """What two runs of the first batches tell: the layout of the outputs, and how far each of them moved."""

    layout: Layout
    rerun: Mapping[str, float]


def surveyed(runner: Runner, backend: str, batches: Sequence[Batch], eps: float) -> Survey:
    """Run some batches twice; an MqaError where the answers differ by more than `ROUNDINGS` roundings.

    An export cannot agree with a model that does not agree with itself, and is not to blame for it.
    """
    first = [(batch, answered(runner, backend, batch)) for batch in batches]
    again = [answered(runner, backend, batch) for batch in batches]
    layout = layout_of(first)
    rerun = {}
    for name, values in first[0][1].items():
        valid = [
            (cut(before[name]), cut(after[name]))
            for (batch, before), after in zip(first, again, strict=True)
            for _, cut in layout.parts(name, batch)
        ]
        rerun[name] = max(distance(one, other) for one, other in valid)
        largest = max(largest_of(one) for one, _ in valid)
        if rerun[name] > ROUNDINGS * (eps if values.dtype.kind == "f" else 0) * largest:
            raise MqaError(
                f"backend `{backend}` does not give the same answer twice: `{name}` moves by {rerun[name]:.2g}",
                hint="nothing can be held against a model that draws random numbers;"
                " is there dropout that `eval()` does not reach?",
            )
    return Survey(layout, rerun)


def answered(runner: Runner, backend: str, batch: Batch) -> Mapping[str, Array]:
    """What the reference makes of a batch; an MqaError where it does not take it."""
    try:
        return runner.run(batch.arrays)
    except MqaError:
        raise
    except Exception as error:
        raise MqaError(
            f"backend `{backend}` cannot run these rows: {reason(error)}",
            hint="do they fit the model, in name, type and size?",
        ) from error


def attempted(candidate: Runner, batch: Batch) -> Mapping[str, Array] | str:
    """What a candidate makes of a batch, or how it crashes on what the reference takes."""
    try:
        return candidate.run(batch.arrays)
    except MqaError:  # it could not run as asked, which says nothing of the file
        raise
    except Exception as error:
        return f"the candidate crashes: {reason(error)}"


def reason(error: Exception) -> str:
    """What an error says, in short."""
    return shortened(str(error)) or type(error).__name__


def shortened(said: str) -> str:
    """The first line of what an error says, of one that shows where it came from the last.

    Of a long line both ends are kept, since runtimes tell what is wrong at the second.
    """
    lines = [line.strip() for line in said.splitlines() if line.strip()] or [""]
    told = lines[-1] if any(line.startswith(TRACEBACK) for line in lines) else lines[0]
    return told if len(told) <= 2 * HALF else f"{told[:HALF].rstrip()} … {told[-HALF:].lstrip()}"


def distance(one: Array, other: Array) -> float:
    """The largest between two elements; NaN equals NaN, and is infinitely far from all else."""
    if one.shape != other.shape:
        return float("inf")
    true, found = one.astype(np.float64), other.astype(np.float64)
    differ = ~((true == found) | (np.isnan(true) & np.isnan(found)))
    distances = np.abs(true[differ] - found[differ])
    return float(np.nan_to_num(distances, nan=np.inf).max(initial=0.0))


def largest_of(values: Array) -> float:
    finite = values[np.isfinite(values)]
    return float(np.abs(finite.astype(np.float64)).max(initial=0.0))
