"""Batch invariance: whether a model predicts the same for a row whatever batch the row is in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mqa_registry.contributions.backend import RunnerFacts
from mqa_registry.contributions.batching import Batching, shapes
from mqa_registry.errors import ContributionError, OutOfMemoryError, summarize_error

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt

    from mqa_registry.contributions import Codec
    from mqa_registry.contributions.task import Batch, Encoded, Outputs
    from mqa_registry.types import Example

    Values: TypeAlias = Mapping[str, npt.NDArray[Any]]

QUANTILES = (0.0, 0.2, 0.4, 0.6)  # of the rows by size: those that are run; larger ones would cost most
TOGETHER = 3  # rows of equal length in one batch
ROUNDINGS = 200  # sound models of 26 architectures move by 9 roundings at most
WIDEST = 0.25  # of the largest value: 32 roundings of bfloat16
EPS = {"float64": 2.0**-52, "float32": 2.0**-23, "float16": 2.0**-10, "bfloat16": 2.0**-7}
TF32_EPS = 2.0**-10


@dataclass(frozen=True)
class _Invariance:
    """A model that can be run, with what it predicts; `tolerance` is relative to the largest value of an output."""

    codec: Codec
    run: Callable[[Batch], Outputs]
    tolerance: float

    def alone(self, rows: Sequence[Encoded]) -> list[Values]:
        """What each row is predicted in a batch of its own."""
        return [self.together([row])[0] for row in rows]

    def together(self, rows: Sequence[Encoded]) -> list[Values]:
        """What each of these rows is predicted in one batch."""
        outputs = self.run(self.codec.collate(rows))
        decoded = self.codec.decode(outputs, rows).to_pydict()
        return [_values(outputs, decoded, place, len(rows)) for place in range(len(rows))]

    def moves(self, one: Sequence[Values], other: Sequence[Values]) -> float:
        """The largest difference over the largest value of its output; 0 where rounding explains it."""
        found = max((_distance(name, one, other) for name in one[0]), default=0.0)
        return found if found > self.tolerance else 0.0


def batch_invariance(
    codec: Codec, rows: Sequence[Encoded], run: Callable[[Batch], Outputs], facts: RunnerFacts | None = None
) -> Batching | None:
    """How rows have to be batched for their predictions to be those of each row alone, by a few forward passes.

    `rows` are some encoded rows to choose from, `run` maps a batch to outputs, `facts` are the runner's: its precision
    says how large a rounding is. None where it cannot be measured, since there is no row or the model fails on single
    rows too.
    """
    model = _Invariance(codec, run, _tolerance(facts or RunnerFacts()))
    if not rows:
        return None
    chosen = _of_different_sizes(codec, rows)
    try:
        alone = model.alone(chosen)
    except Exception:  # the run itself fails on these rows too, and says so
        return None
    together = _attempted(model, chosen)
    if isinstance(together, OutOfMemoryError):
        return None
    if isinstance(together, list):
        padded = model.moves(alone, together)
        if not padded:
            return Batching()
        moved = f"outputs move by up to {_share(padded)} when a row is padded"
    else:
        moved = f"the model does not take rows of different lengths at once ({summarize_error(together)})"
    if _does_not_repeat(model, chosen, alone):
        return None
    return _without_padding(model, _of_equal_shapes(rows), moved)


def shift_of_padding(
    codec: Codec, padded: Codec, examples: Sequence[Example], run: Callable[[Batch], Outputs], facts: RunnerFacts
) -> str:
    """How far predictions move when rows that fit are padded to the `length` of a codec, in words; empty where by rounding.

    `codec` encodes the same rows as they are.
    """
    try:
        pairs = zip(codec.encode(examples), padded.encode(examples), strict=True)
        fitting = [(row, other) for row, other in pairs if codec.cost(row) < (padded.length or 0)]
        chosen = [fitting[0], fitting[-1]] if fitting else []
        whole, filled = (_Invariance(one, run, _tolerance(facts)) for one in (codec, padded))
        alone = whole.alone([row for row, _ in chosen])
        moved = whole.moves(alone, filled.alone([other for _, other in chosen])) if chosen else 0.0
    except Exception:  # the run itself fails on these rows too, and says so
        return ""
    return f"outputs move by up to {_share(moved)}" if moved else ""


def _without_padding(model: _Invariance, groups: Sequence[Sequence[Encoded]], moved: str) -> Batching:
    """Whether rows of equal lengths can be batched; `moved` is what padding does."""
    for group in groups:
        together = _attempted(model, group)
        if not isinstance(together, list):
            return Batching(
                "single",
                f"the model does not take more than one row ({summarize_error(together)})",
                takes_batches=False,
            )
        if shift := model.moves(model.alone(group), together):
            return Batching("single", f"outputs move by up to {_share(shift)} with the other rows of a batch")
    return Batching("equal length", moved)


def _attempted(model: _Invariance, rows: Sequence[Encoded]) -> list[Values] | Exception:
    try:
        return model.together(rows)
    except ContributionError as error:  # models refuse batches with any kind of error
        return error.__cause__ if isinstance(error.__cause__, Exception) else error
    except Exception as error:
        return error


def _does_not_repeat(model: _Invariance, rows: Sequence[Encoded], alone: Sequence[Values]) -> bool:
    """Whether single rows fail or are predicted otherwise when run again: then batches are not what moves them."""
    try:
        return bool(model.moves(alone, model.alone(rows)))
    except Exception:  # as for the first time
        return True


def _of_different_sizes(codec: Codec, rows: Sequence[Encoded]) -> list[Encoded]:
    """The smallest row and others up to a large one; the largest too where those are all of one size."""
    ordered = sorted(rows, key=codec.cost)
    chosen = [ordered[place] for place in dict.fromkeys(round(share * (len(ordered) - 1)) for share in QUANTILES)]
    if codec.cost(chosen[0]) == codec.cost(chosen[-1]) < codec.cost(ordered[-1]):
        chosen.append(ordered[-1])
    return chosen if len(chosen) > 1 else chosen * 2


def _of_equal_shapes(rows: Sequence[Encoded]) -> list[list[Encoded]]:
    """The two largest groups of different rows with arrays of the same shapes; else the first row with copies of itself."""
    groups: dict[Any, list[Encoded]] = {}
    for row in rows:
        groups.setdefault(shapes(row), []).append(row)
    several = sorted((group for group in groups.values() if len(group) > 1), key=len, reverse=True)
    return [group[:TOGETHER] for group in several[:2]] or [[rows[0]] * TOGETHER]


def _values(outputs: Outputs, decoded: Mapping[str, Sequence[Any]], place: int, rows: int) -> Values:
    """What one row is predicted: its part of every output with rows in front, and of the decoded predictions."""
    raw = {
        f"output {name}": np.asarray(values[place], np.float64)
        for name, values in outputs.items()
        if values.ndim and len(values) == rows and values.dtype.kind == "f"
    }
    return raw | {f"predicted {name}": np.asarray(column[place]) for name, column in decoded.items()}


def _distance(name: str, one: Sequence[Values], other: Sequence[Values]) -> float:
    """How far one output moves at most, over its largest value; infinite where a prediction of no number changes."""
    pairs = [(first[name], second[name]) for first, second in zip(one, other, strict=True) if name in second]
    numeric = [(first, second) for first, second in pairs if first.dtype.kind == "f" and second.dtype.kind == "f"]
    if name.startswith("output"):  # padded positions have no counterpart in the row alone
        numeric = [(first, second) for first, second in numeric if first.shape == second.shape]
    elif not numeric:
        sure = any("predicted probability" in values for values in one)  # labels of a tie change with a rounding
        return np.inf if not sure and any(not np.array_equal(first, second) for first, second in pairs) else 0.0
    if any(first.shape != second.shape for first, second in numeric):
        return np.inf
    largest = max((float(np.abs(first[np.isfinite(first)]).max(initial=0.0)) for first, _ in numeric), default=0.0)
    differences = [float(np.nan_to_num(_difference(first, second), nan=np.inf)) for first, second in numeric]
    shift = max(differences, default=0.0)
    return shift / largest if largest else (np.inf if shift else 0.0)


def _difference(first: npt.NDArray[Any], second: npt.NDArray[Any]) -> float:
    same = (first == second) | (np.isnan(first) & np.isnan(second))
    with np.errstate(invalid="ignore"):
        return float(np.where(same, 0.0, np.abs(first - second)).max(initial=0.0))


def _tolerance(facts: RunnerFacts) -> float:
    eps = EPS.get(facts.precision, EPS["float32"])
    return min(ROUNDINGS * max(eps, TF32_EPS if facts.tf32 else 0.0), WIDEST)


def _share(moved: float) -> str:
    return f"{moved:.2g} of their largest value" if np.isfinite(moved) else "another prediction"
