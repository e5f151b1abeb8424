"""Runs of a reference and of a candidate, and whether the reference repeats its own outputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_parity.batching import infer_layout
from mqa_registry import MqaError, summarize_error

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import TypeAlias

    import numpy.typing as npt

    from mqa_parity.batching import Batch, OutputLayout
    from mqa_registry import Runner

    Array: TypeAlias = npt.NDArray[Any]
    Arrays: TypeAlias = Mapping[str, Array]

# Sums in no fixed order, as on a GPU, differ by some roundings of the largest number; dropout differs by far more.
MAX_ROUNDINGS = 64


@dataclass(frozen=True)
class DeterminismCheck:
    """Two runs of the same batches: the layout of the outputs, and the largest difference of each between the runs."""

    layout: OutputLayout
    rerun: Mapping[str, float]


def check_determinism(runner: Runner, backend: str, batches: Sequence[Batch], eps: float) -> DeterminismCheck:
    """Run batches twice; raises MqaError where an output differs by more than `MAX_ROUNDINGS` eps of its largest value.

    An export cannot agree with a model that does not agree with itself.
    """
    first = [(batch, run_reference(runner, backend, batch)) for batch in batches]
    second = [run_reference(runner, backend, batch) for batch in batches]
    layout = infer_layout(first)
    rerun = {}
    for name, values in first[0][1].items():
        pairs = [
            (cut(before[name]), cut(after[name]))
            for (batch, before), after in zip(first, second, strict=True)
            for _, cut in layout.row_slices(name, batch)
        ]
        rerun[name] = max(max_distance(one, other) for one, other in pairs)
        largest = max(max_magnitude(one) for one, _ in pairs)
        if rerun[name] > MAX_ROUNDINGS * (eps if values.dtype.kind == "f" else 0) * largest:
            raise MqaError(
                f"backend `{backend}` does not give the same answer twice: `{name}` moves by {rerun[name]:.2g}",
                hint="no export can agree with a model that draws random numbers;"
                " is there dropout that `eval()` does not reach?",
            )
    return DeterminismCheck(layout, rerun)


def run_reference(runner: Runner, backend: str, batch: Batch) -> Arrays:
    """The reference's outputs; raises MqaError where it does not run."""
    try:
        return runner.run(batch.arrays)
    except MqaError:
        raise
    except Exception as error:
        raise MqaError(
            f"backend `{backend}` cannot run these rows: {summarize_error(error)}",
            hint="do they fit the model, in name, type and size?",
        ) from error


def run_candidate(runner: Runner, batch: Batch) -> Arrays | str:
    """The candidate's outputs, or a message about its crash on a batch that the reference runs."""
    try:
        return runner.run(batch.arrays)
    except MqaError:  # the run was refused, which says nothing about the file
        raise
    except Exception as error:
        return f"the candidate crashes: {summarize_error(error)}"


def max_distance(one: Array, other: Array) -> float:
    """The largest distance of two elements. NaN equals NaN, and is infinitely far from any number."""
    if one.shape != other.shape:
        return float("inf")
    first, second = one.astype(np.float64), other.astype(np.float64)
    differ = ~((first == second) | (np.isnan(first) & np.isnan(second)))
    distances = np.abs(first[differ] - second[differ])
    return float(np.nan_to_num(distances, nan=np.inf).max(initial=0.0))


def max_magnitude(values: Array) -> float:
    """The largest absolute value of the finite elements; 0 if there are none."""
    finite = values[np.isfinite(values)]
    return float(np.abs(finite.astype(np.float64)).max(initial=0.0))
