"""Calls of metrics and comparisons with predictions of the kit: what they give, checked, and the number that it is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mqa_registry.boundary import check_measure_output
from mqa_registry.contributions import Comparison, Metric, Quantile, Scores, Statistic
from mqa_registry.errors import ContributionError
from mqa_registry.judging.measurements import MeasureOutput
from mqa_registry.testing.predictions import has_rows
from mqa_registry.testing.subject import CallError, NotTriedError, RefusalError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt

    from mqa_registry.testing.subject import Subject
    from mqa_registry.types import Predictions

    Pair: TypeAlias = tuple[Predictions, Predictions]

WRITES = "read-only"  # what numpy says where a measure writes into what it was given
ROUNDING = 1e-9  # by which two sums of the same numbers may differ


def list_schemas(subject: Subject) -> Sequence[str]:
    """The schemas that it reads and the kit has predictions of; not tried where there are none."""
    schemas = [name for name in subject.expect((Metric, Comparison)).schemas if has_rows(name)]
    if not schemas:
        raise NotTriedError("the kit has no predictions of its schemas")
    return schemas


def make_groups(rows: int) -> dict[str, npt.NDArray[np.int64]]:
    """Two groups of rows, by turns, whose positions cannot be written to."""
    groups = {name: np.arange(first, rows, 2) for first, name in enumerate(("one", "two"))}
    for positions in groups.values():
        positions.flags.writeable = False
    return groups


def measure(subject: Subject, pair: Pair, groups: Mapping[str, npt.NDArray[np.int64]] | None = None) -> Any:
    """What a measure gives for a pair of predictions, or of predictions and targets, as the judge reads it."""
    one = subject.contribution
    arguments: tuple[Any, ...] = pair
    if isinstance(one, Metric) and one.takes_groups:
        arguments = (*pair, make_groups(len(pair[0])) if groups is None else groups)
    with np.errstate(all="ignore"):
        return check_measure_output(subject.contributor, subject.call(*arguments), len(pair[0]))


def number_of(subject: Subject, pair: Pair) -> float:
    """The number that a measure gives for a pair, NaN where it is undefined."""
    return to_number(measure(subject, pair), len(pair[0]))


def to_number(raw: Any, rows: int) -> float:
    """The number of what a measure gave for so many rows, NaN where it is undefined."""
    if isinstance(raw, Statistic) and raw.undefined:
        return math.nan
    with np.errstate(all="ignore"):
        return MeasureOutput.of(raw).point(rows)


def row_scores(raw: Any) -> npt.NDArray[np.float64] | None:
    """The score of every row; None where the measure gives no such."""
    if isinstance(raw, Quantile | Scores):
        raw = raw.values
    return np.asarray(raw, np.float64) if isinstance(raw, np.ndarray) else None


def are_equal(one: float, other: float) -> bool:
    """Whether two numbers are the same, but for rounding; NaN is NaN."""
    return bool(np.isclose(one, other, rtol=ROUNDING, atol=ROUNDING, equal_nan=True))


def take(pair: Pair, positions: npt.NDArray[np.int64]) -> Pair:
    """The rows at these positions of both."""
    return pair[0].take(positions), pair[1].take(positions)


def find_failure(subject: Subject, make: Callable[[str], Pair]) -> str:
    """What goes wrong with a pair of every schema. Not tried where all are refused, and where an array is written to."""
    return _measure_all(subject, make)[1]


def accepted_pairs(subject: Subject, make: Callable[[str], Pair]) -> list[Pair]:
    """The pair of every schema that the measure does not refuse; not tried where it refuses all, or fails."""
    pairs, failure = _measure_all(subject, make)
    if failure:
        raise NotTriedError(f"{failure}; see the rule `works`")
    return pairs


def _measure_all(subject: Subject, make: Callable[[str], Pair]) -> tuple[list[Pair], str]:
    """The pairs that a measure does not refuse, and what goes wrong with the first that it fails on."""
    pairs: list[Pair] = []
    refusal = ""
    for schema in list_schemas(subject):
        pair = make(schema)
        try:
            measure(subject, pair)
        except RefusalError as error:
            refusal = refusal or str(error)
            continue
        except CallError as error:
            if WRITES in str(error):
                raise NotTriedError("it writes into its input; see the rule `input-kept`") from error
            return pairs, f"it {error}, of predictions of schema `{schema}`"
        except ContributionError as error:
            return pairs, f"it {error.fault}, of predictions of schema `{schema}`"
        pairs.append(pair)
    if not pairs:
        raise NotTriedError(f"it {refusal}")
    return pairs, ""
