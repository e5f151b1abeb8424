"""What a plugin can give: one frozen record for each kind of contribution.

A contribution names a plain function. The function's keyword-only parameters are its options, and its docstring is its
help; that one signature serves validation, the JSON Schema, `mqa plugins NAME` and the documentation.
"""

from __future__ import annotations

import inspect
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager

    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from mqa_registry.contributions.model_under_test import Runner
    from mqa_registry.findings import Exported, Finding
    from mqa_registry.types import Example


@dataclass(frozen=True, kw_only=True)
class Contribution:
    """One thing that a plugin gives: its name behind the slash, and the function that does it.

    `packages` are those, by the names that pip knows, whose versions its results depend on: reports have them.
    `requires` are packages, by the names that pip installs, that the function imports and that an installation of the
    plugin need not bring, since its distribution lists them under an extra. Where one is missing, a suite that names the
    contribution is refused with the command that installs it. Reports have the versions of these, too.
    """

    kind: ClassVar[str]  # as in `the metric`
    takes_arguments: ClassVar[tuple[str, ...]]  # its function's positional parameters

    name: str = field(kw_only=False)
    function: Callable[..., Any] = field(kw_only=False)
    packages: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()

    @property
    def help(self) -> str:
        """The first line of the function's docstring."""
        return (self.function.__doc__ or "").strip().partition("\n")[0]


@dataclass(frozen=True, kw_only=True)
class ModelSource(Contribution):
    """`(task, context, *, options) -> Model`, where `task` is the Task asked for; the model itself is built later.

    `recognizes` says of a model's name, such as `model.pt`, whether this source opens it, for commands that were given no
    source. `tells`, of a source that can tell what a model is for before it is asked to open it, is `(context, *,
    options) -> str` with some of the options: the task, as a suite would name it, for commands that were given none.
    `loads` are the kinds of model that it can load beside one as it was saved, as a task `needs` them; None where nobody
    can list them.
    """

    kind = "model source"
    takes_arguments = ("task", "context")

    recognizes: Callable[[str], bool] | None = None
    tells: Callable[..., str] | None = None
    loads: tuple[str, ...] | None = None

    def fits(self, task: Task) -> bool:
        """Whether it can load what a task needs."""
        return not task.needs or self.loads is None or task.needs in self.loads


@dataclass(frozen=True, kw_only=True)
class Task(Contribution):
    """`(model, *, options) -> Codec`.

    `fields` maps each field of an example to its modality; those in `optional` may be missing. `schema` is the
    prediction schema of its answers, `metric` its main metric, `sample` a few examples to trace a model with. `needs`
    is the kind of model that it takes, in the words of model hubs, as `token-classification`: its source loads the model
    with that head. Left out, it takes any model as that was saved.
    """

    kind = "task"
    takes_arguments = ("model",)

    schema: str
    fields: Mapping[str, str]
    sample: Sequence[Example]
    metric: str
    optional: tuple[str, ...] = ()
    needs: str = ""


@dataclass(frozen=True, kw_only=True)
class Backend(Contribution):
    """`(model_under_test, *, options) -> context manager of a Runner`.

    `identity` has the same signature and gives, without loading a model library, everything but the model and the
    example that an answer depends on: versions, device, precision, requested provider. It is part of the store's key.
    `export`, of a backend that runs a file made of the model, is `(model_under_test, folder, *, options) -> Exported`
    with some of the options: it writes that file into a folder. `stamp`, of a backend that is given a file which ships,
    is `(identity, judgement, *, options) -> findings`, likewise: it writes beside the file how that was judged, unless
    it is no longer the file of this `identity`, which is that from before the run. It is asked in every run that judged
    the backend, one that the store had every answer for too. `fixed_length`, of a backend that may take rows of so many
    tokens and no others, is `(model_under_test, *, options) -> int | None`, likewise, and as cheap as `identity`: then
    every backend of the run gets rows of that length.
    """

    kind = "backend"
    takes_arguments = ("model_under_test",)

    function: Callable[..., AbstractContextManager[Runner]] = field(kw_only=False)
    identity: Callable[..., Mapping[str, str]]
    export: Callable[..., Exported] | None = None
    stamp: Callable[..., Iterable[Finding]] | None = None
    fixed_length: Callable[..., int | None] | None = None


@dataclass(frozen=True, kw_only=True)
class Replay(Contribution):
    """`(view, *, schema, options) -> Predictions`: a backend that brings predictions made elsewhere.

    `view` is the name of the view that is asked for, as `mqa rows` names its files. The option `schema` is one of the
    prediction schemas.
    """

    kind = "replay"
    takes_arguments = ("view",)


@dataclass(frozen=True, kw_only=True)
class Dataset(Contribution):
    """`(context, *, options) -> pyarrow.Table`: rows under their own column names; the host maps and samples them."""

    kind = "data set"
    takes_arguments = ("context",)


@dataclass(frozen=True, kw_only=True)
class Metric(Contribution):
    """`(predictions, targets, *, options)` -> per-row scores, a Statistic or Quantile, or a number without an interval.

    Per-row scores are a float or bool array, NaN for a row that has no say: the metric is the mean of the others. A
    function `(predictions, targets, groups, *, options)` makes one number of all groups of a check's `by` together:
    `groups` has the positions of the rows of each by its name, of those with rows enough to be judged. `takes` are the
    prediction schemas it reads. `version` counts up when the same input would give another number.
    """

    kind = "metric"
    takes_arguments = ("predictions", "targets")

    takes: tuple[str, ...]
    version: int = 1
    range: tuple[float, float] = (-math.inf, math.inf)

    @property
    def takes_groups(self) -> bool:
        """Whether it makes one number of all groups at once, so that it gets them and needs `by`."""
        kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        parameters = inspect.signature(self.function).parameters.values()
        return sum(one.kind in kinds for one in parameters) > len(self.takes_arguments)


@dataclass(frozen=True, kw_only=True)
class Comparison(Contribution):
    """`(reference, candidate, *, options)` -> the same as a metric's function, of two predictions for the same rows.

    `evidence` takes the same two and some of the options, and gives what a person needs to believe it: sentences under
    `remarks`, any other plain values, and under `examples` rows, the worst first, each with its `id` and what else there
    is to say of it; mqa adds the row's fields and both answers. `right` is `(targets, predictions)` -> whether each
    answer is right: where the data have targets, mqa tells how many rows the candidate newly gets wrong and right, and
    McNemar's exact test. `range` is as for a Metric, but scores a row have intervals by how far they really lie apart:
    the distances of an export are roundings.
    """

    kind = "comparison"
    takes_arguments = ("reference", "candidate")

    takes: tuple[str, ...]
    evidence: Callable[..., Mapping[str, Any]] | None = None
    right: Callable[..., npt.NDArray[np.bool_]] | None = None
    version: int = 1
    range: tuple[float, float] = (-math.inf, math.inf)


@dataclass(frozen=True, kw_only=True)
class Probe(Contribution):
    """`(context, *, options) -> pyarrow.Table`: what was seen of a view, of its runner, or of its rows alone.

    The table is made in the predict step and stored, but for timings, which are never `reused`. `numbers` reads it in
    the judge: a number for every name in `gives`, each an array with a score a row or repetition, a Statistic, a
    Quantile, or one number without an interval; a suite bounds `value` in `expect` itself, any other in a table of that
    name.
    `evidence` reads what a person needs to believe it: sentences under `remarks`, under `notes` those that are shown
    where the check holds, too, rows under `examples`, and any other plain values. `sees` is what a context has to have;
    a probe that `compares` has a reference view in it. Columns of `texts` hold words of rows, and are dropped where
    those may not be kept. `ranges` has from where to where numbers can lie, by their names; those that are left out can
    lie anywhere. `check` takes the context and some of the options before anything is predicted, and raises a DataError
    where they do not fit the model or the data.
    """

    kind = "probe"
    takes_arguments = ("context",)

    gives: tuple[str, ...]
    numbers: Callable[[pa.Table], Mapping[str, Any]]
    evidence: Callable[[pa.Table], Mapping[str, Any]] | None = None
    sees: Literal["rows", "predictions", "runner"]
    compares: bool = False
    reused: bool = True
    texts: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()  # the prediction schemas it reads; any, if left out
    version: int = 1
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    check: Callable[..., None] | None = None


@dataclass(frozen=True, kw_only=True)
class Perturbation(Contribution):
    """`(example, rng, *, options) -> example`, or None to decline the row.

    The example holds the fields of its `modality` alone. An option `severity` must not change what `rng` draws. With
    `edits`, the function gives no fields but the edits of each, and mqa applies them to the text and to spans of it.
    `answer` says what becomes of the right answer: it `stays`; it `moves` with the example, so that the function is
    `(example, target, rng, *, options) -> (example, target)`; or it `changes`, nobody says into which.
    """

    kind = "perturbation"
    takes_arguments = ("example", "rng")

    modality: str
    answer: Literal["stays", "moves", "changes"] = "stays"
    edits: bool = False


@dataclass(frozen=True, kw_only=True)
class Slice(Contribution):
    """`(example, *, options)` -> the group the row is in, several groups, or None; it sees every column of the row.

    Where that takes more than the row itself, `sees` is what the function gets instead, to give a list with such an
    answer for every row: `table` is the whole data set, unperturbed, and `predictions` are those of the reference view
    or, in a check that has none, of its own view.
    """

    kind = "slice"
    takes_arguments = ("example",)

    sees: Literal["example", "table", "predictions"] = "example"
