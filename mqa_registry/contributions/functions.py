"""The kinds of contributions for which one function is enough."""

from __future__ import annotations

import inspect
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mqa_registry.contributions.contribution import FunctionContribution

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import numpy.typing as npt

    from mqa_registry.contributions.measure_outputs import Evidence


@dataclass(frozen=True, kw_only=True)
class Dataset(FunctionContribution):
    """`(context, *, options) -> pyarrow.Table`: rows under their own column names; the host maps and samples them."""

    kind = "data set"
    takes_arguments = ("context",)


@dataclass(frozen=True, kw_only=True)
class Metric(FunctionContribution):
    """`(predictions, targets, *, options)` -> per-row scores, a Statistic or Quantile, or a number without an interval.

    Per-row scores are a float or bool array, NaN for a row that is not counted: the metric is the mean of the others. A
    function `(predictions, targets, groups, *, options)` makes one number of all groups of a check's `by` together:
    `groups` has the positions of the rows of each by its name, of those with rows enough to be judged. `schemas` are the
    prediction schemas that it reads. `version` counts up when the same input would give another number.
    """

    kind = "metric"
    takes_arguments = ("predictions", "targets")

    schemas: tuple[str, ...]
    version: int = 1
    range: tuple[float, float] = (-math.inf, math.inf)

    @property
    def takes_groups(self) -> bool:
        """Whether it makes one number of all groups at once, so that it gets them and needs `by`."""
        kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        parameters = inspect.signature(self.function).parameters.values()
        return sum(one.kind in kinds for one in parameters) > len(self.takes_arguments)


@dataclass(frozen=True, kw_only=True)
class Comparison(FunctionContribution):
    """`(reference, candidate, *, options)` -> the same as a metric's function, of two predictions for the same rows.

    `evidence` takes the same two and some of the options, and gives what a person needs to believe the number; of its
    examples, the worst first, mqa adds the row's fields and both predictions. `is_correct` is `(targets, predictions)` ->
    whether each prediction is correct: where the data have targets, mqa tells how many rows only the candidate gets wrong
    and right, and McNemar's exact test. `range` is as for a Metric, but scores a row have intervals by how far they
    really lie apart: the distances of an export are roundings.
    """

    kind = "comparison"
    takes_arguments = ("reference", "candidate")

    schemas: tuple[str, ...]
    evidence: Callable[..., Evidence] | None = None
    is_correct: Callable[..., npt.NDArray[np.bool_]] | None = None
    version: int = 1
    range: tuple[float, float] = (-math.inf, math.inf)


@dataclass(frozen=True, kw_only=True)
class Perturbation(FunctionContribution):
    """`(example, rng, *, options) -> example`, or None to decline the row.

    The example holds the fields of its `modality` alone. An option `severity` must not change what `rng` draws. With
    `edits`, the function gives no fields but the edits of each, and mqa applies them to the text and to spans of it.
    `target` says what becomes of the row's target: it `stays`; it `moves` with the example, so that the function is
    `(example, target, rng, *, options) -> (example, target)`; or it `changes`, nobody knows into which.
    """

    kind = "perturbation"
    takes_arguments = ("example", "rng")

    modality: str
    target_effect: Literal["stays", "moves", "changes"] = "stays"
    edits: bool = False


@dataclass(frozen=True, kw_only=True)
class Slice(FunctionContribution):
    """`(example, *, options)` -> the group the row is in, several groups, or None; it sees every column of the row.

    Where that takes more than the row itself, `inputs` is what the function gets instead, to give a list with such an
    answer for every row: `table` is the whole data set, unperturbed, and `predictions` are those of the reference view
    or, in a check that has none, of its own view.
    """

    kind = "slice"
    takes_arguments = ("example",)

    inputs: Literal["example", "table", "predictions"] = "example"


@dataclass(frozen=True, kw_only=True)
class Diagnosis(FunctionContribution):
    """`() -> iterable of Finding`, each yielded as soon as it is known: what `mqa doctor` says of this machine.

    It runs in a process of its own: it may load whatever it asks about, and where it crashes or hangs, that is a
    finding too, behind those that it yielded before.
    """

    kind = "diagnosis"
    takes_arguments = ()
