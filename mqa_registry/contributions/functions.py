"""The kinds of contributions for which one function is enough."""

from __future__ import annotations

import inspect
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from mqa_registry.contributions.contribution import FunctionContribution

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from mqa_registry.contributions.measure_outputs import Evidence


@dataclass(frozen=True, kw_only=True)
class Dataset(FunctionContribution):
    """`(context, *, options) -> pyarrow.Table`: rows under their own column names; the host maps and samples them.

    Rows that may not fit into memory are given as a `TableSource`, of which the host reads the columns and rows that a run
    needs, piece by piece; `open_table` gives that of a file.

    `recognizes` says whether it reads a file of such a name, by its option `path`, for commands that were given a file
    alone; that of a folder ends in a slash. `is_sample` says that it has a few rows of its own, which take the place of data that a user does not have.
    `from_object` makes the table of an object that a caller in Python passes, and None of one that it does not take; the
    function then finds the table by its option `digest`, as `context.find_object` has it.
    """

    kind = "data set"
    takes_arguments = ("context",)

    recognizes: Callable[[str], bool] | None = None
    is_sample: bool = False
    from_object: Callable[[Any], pa.Table | None] | None = None

    @property
    def is_in_memory(self) -> bool:
        """Whether its rows are an object that a caller in Python passes, which no suite file can name."""
        return self.from_object is not None


Reading: TypeAlias = Literal["rows", "counts", "column"]


@dataclass(frozen=True, kw_only=True)
class Metric(FunctionContribution):
    """`(predictions, targets, *, options)` -> per-row scores, a Statistic or Quantile, or a number without an interval.

    Per-row scores are a float or bool array, NaN for a row that is not counted: the metric is the mean of the others. A
    function `(predictions, targets, groups, *, options)` makes one number of all groups of a check's `by` together:
    `groups` has the positions of the rows of each by its name, of those with rows enough to be judged. `schemas` are the
    prediction schemas that it reads. `version` counts up when the same input would give another number.

    `reads` says how much memory it takes. Of `rows`, a row's score depends on that row alone: the function is called for
    some rows at a time. Of `counts`, it counts how often each pair of classes occurs, which takes a few bytes a row. Of a
    whole `column`, such as what ranks rows, it takes all rows at once: `--dry-run` says how many bytes that is.

    `range` is the smallest and the largest value of the number; left out, it can be any. A bound outside of it is refused
    in the suite (`min = 85` of a share), a drop or gap lies within its length, and no interval leaves it. The interval of
    a mean of scores with a finite range allows for rows that were not observed, as bad as its ends (Gaffke's).
    """

    kind = "metric"
    takes_arguments = ("predictions", "targets")

    schemas: tuple[str, ...]
    version: int = 1
    range: tuple[float, float] = (-math.inf, math.inf)
    reads: Reading = "column"

    @property
    def takes_groups(self) -> bool:
        """Whether it makes one number of all groups at once, so that it gets them and needs `by`."""
        kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        parameters = inspect.signature(self.function).parameters.values()
        return sum(one.kind in kinds for one in parameters) > len(self.takes_arguments)


@dataclass(frozen=True, kw_only=True)
class Comparison(FunctionContribution):
    """`(reference, candidate, *, options)` -> the same as a metric's function, of two predictions for the same rows.

    `evidence` takes the same two and some of the options, and gives what a person needs to believe the number. Its
    examples have an `id` each, the worst first: mqa keeps the first 20 (of the worst group, where the check has groups),
    adds the row's fields, both predictions and the target, and leaves them out where the check holds. The evidence of a
    sweep is that of its last severity.

    A comparison needs no targets. `is_correct` is `(targets, predictions)` -> whether each prediction is correct: where
    the data have targets, the report has the number of rows that are newly wrong and newly right and, where rows are not
    clustered, the p-value of McNemar's exact test. Neither function is called for predictions that are compared with those
    before a perturbation with `target_effect="changes"`.

    `reads` is as for a Metric. `range` is, too, but the mean of scores a row has Student's interval, cut off at the range, and Gaffke's
    where all scores are equal: the distances of an export are roundings.
    """

    kind = "comparison"
    takes_arguments = ("reference", "candidate")

    schemas: tuple[str, ...]
    evidence: Callable[..., Evidence] | None = None
    is_correct: Callable[..., npt.NDArray[np.bool_]] | None = None
    version: int = 1
    range: tuple[float, float] = (-math.inf, math.inf)
    reads: Reading = "column"


@dataclass(frozen=True, kw_only=True)
class Perturbation(FunctionContribution):
    """`(example, rng, *, options) -> example`, or None to decline the row.

    The example holds the fields of its `modality` alone. A declined row leaves both sides of a pair, and is counted. An
    option `severity` must not change what `rng` draws, so that the rows of a severity differ no less at a higher one.
    With `edits`, the function gives no fields but the edits of each, and mqa applies them to the text and to the spans of
    its target, or to words and their tags: no other way moves spans. A row is declined where an edit cuts a span of it.

    A field of modality `columns` is a dict of values by the names of columns, which keeps its names; None is a missing value.
    A field of modality `image`, `audio`, `video` or `file` is a `Blob`, or the array that a perturbation before this one made
    of it. The function gives the bytes of another file, an array of numbers, or the value itself. They live as long as the
    rows are worked on: reports and kept runs have the name of the unperturbed file. Several threads call the function at once.

    `target_effect` says what becomes of the row's target: it `stays`; it `moves` with the example, so that the function is
    `(example, target, rng, *, options) -> (example, target)`; or it `changes`, and the new one is unknown.
    """

    kind = "perturbation"
    takes_arguments = ("example", "rng")

    modality: str
    target_effect: Literal["stays", "moves", "changes"] = "stays"
    edits: bool = False


@dataclass(frozen=True, kw_only=True)
class Slice(FunctionContribution):
    """`(example, *, options)` -> the group of the row, several groups, or None; the example has every column of the row.

    With other `inputs`, the function gets all rows at once and gives a list with the groups of each: `table` is the whole
    data set, unperturbed, and `predictions` are those of the reference view or, in a check that has none, of its view. An
    Arrow column of text, or of codes for text, is read as fast as it is made: null is a row in no group. `examples` are the
    fields of every row, one after another, with images, sounds and files as `Blob`s: a kept run has the groups, since it
    has no files.

    `columns` takes some of the options, and gives the names of the columns that the slice reads besides the fields of the
    model, `id`, `target` and `cluster`. Left out, it may be any: then every column of the data is read.
    """

    kind = "slice"
    takes_arguments = ("example",)

    inputs: Literal["example", "examples", "table", "predictions"] = "example"
    columns: Callable[..., Iterable[str]] | None = None


@dataclass(frozen=True, kw_only=True)
class Suggestion(FunctionContribution):
    """`(context) -> iterable of SuggestedCheck`: what a new suite should ask, as `mqa init` writes it.

    `context` is the SuiteContext. A check that cannot run on these rows, or never pass for want of rows, is left out of the
    suite; so the function need not count them.
    """

    kind = "suggestion"
    takes_arguments = ("context",)


@dataclass(frozen=True, kw_only=True)
class Diagnosis(FunctionContribution):
    """`() -> iterable of Finding`, each yielded as soon as it is known: what `mqa doctor` says of this machine.

    It runs in a separate process: it may load the libraries that it examines, and where it crashes or hangs, that is a
    finding, too, after those that it yielded.
    """

    kind = "diagnosis"
    takes_arguments = ()
