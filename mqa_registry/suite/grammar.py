"""The keys of every table of a suite file, with their types: what the host reads itself."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from annotated_types import Ge, Lt, MinLen

from mqa_registry.expect import BOUNDS, MIN_ROWS, VALUE, words_of
from mqa_registry.options import Option, Options
from mqa_registry.suite.model import Gate, IntervalKind

Table = dict[str, Any]
Name = Annotated[str, MinLen(1)]
Names = Annotated[list[Name], MinLen(1)]
Count = Annotated[int, Ge(1)]
RowLimit = Annotated[int, Ge(0)] | Annotated[float, Ge(0), Lt(1)]  # rows, or a share of them

MIN_CONFIDENCE = 0.8  # the least confidence that needs no reason
FORMAT = 1  # the version of the suite file that is read
LOCAL = "local"  # the host's own executor, which has no options

SUITE = Options(
    (
        Option("format", Literal[1], doc="the version of the suite file"),
        Option("name", Name, None, "what reports call the suite; the file's name if left out"),
        Option("seed", Annotated[int, Ge(0)], 0, "all randomness comes from it"),
        Option("confidence", Annotated[float, Ge(0.5), Lt(1)], 0.95, "the confidence of every verdict"),
        Option(
            "confidence_reason", Name, None, f"why a lower one will do, for the report; needed below {MIN_CONFIDENCE}"
        ),
        Option("gate", Gate, "interval", "whether the interval or the bare estimate has to clear a bound"),
        Option("interval", IntervalKind, "exact", "the interval of a share of rows that are right or wrong"),
        Option(
            "max_lost",
            RowLimit,
            0,
            "how many rows of a view may be lost, because they could not be read, perturbed or predicted: a whole number "
            "of rows, or a number below 1 as a share; with more, a check is NOT-RUN",
        ),
        Option(
            "extends",
            Name,
            None,
            "the suite that this one is laid over, a file or a plugin's, as `plugin/name`: tables merge key by key, "
            "checks by name, and further checks are added; paths are relative to the file they stand in",
        ),
        Option("skip", Names, None, "the inherited checks to drop, by their names or those in reports"),
        Option("model", Table, None, "the model under test: `use`, the source's options, `task`"),
        Option(
            "data", Annotated[Table, MinLen(1)], doc="the data sets by name, each a table; the first is the default"
        ),
        Option(
            "backends",
            Annotated[Table, MinLen(1)],
            doc="the backends by name, each a table; the first is the reference",
        ),
        Option(
            "execution",
            Table,
            None,
            f"where rows are perturbed and predicted: `use`, the executor, and its options; in this process (`{LOCAL}`) if "
            "left out. No number depends on it",
        ),
        Option("check", Annotated[list[Table], MinLen(1)], doc="the checks, each under a header `[[check]]`"),
        Option(
            "waiver",
            list[Table],
            None,
            "the known failures, each under a header `[[waiver]]`; one that is expired, or no longer needed, is a "
            "failure itself",
        ),
    )
)

SOURCE = Options((Option("use", Name, doc="the model source"),))

MODEL = Options(
    (
        *SOURCE,
        Option(
            "task", Any, doc="the task: a name in the source's plugin, `plugin/name`, or a table with `use` and options"
        ),
        Option("labels", dict[str, str], None, "another name for each class of the model, by the one it has"),
    )
)

DATA = Options(
    (
        Option("use", Name, doc="the data set's source"),
        Option(
            "columns",
            dict[str, str],
            None,
            "the source's column of each role (`id`, `target`, `cluster`, `group`), field of the task, or column that a"
            " check names; without a `target`, the column `label` is it",
        ),
        Option("labels", dict[str, str], None, 'which class of the model each label of the targets is; `""`: none'),
        Option("sample", Count, None, "how many rows to draw by the suite's seed"),
        Option("limit", Count, None, "how many rows to keep, the first of the sample"),
    )
)

BACKEND = Options((Option("use", Name, doc="what runs the model, or brings predictions made elsewhere"),))

EXECUTION = Options((Option("use", Name, doc=f"the executor: `{LOCAL}`, or `plugin/name`"),))

CHECK = Options(
    (
        Option("measure", Any, doc="the metric, comparison or probe: `plugin/name`, or a table with `use` and options"),
        Option(
            "perturb",
            Any,
            None,
            "what happens to the rows first: one perturbation, with an array of severities a sweep of them, or an array "
            "of perturbations, applied one after the other",
        ),
        Option("by", Any, None, "how the rows fall into groups"),
        Option("on", Names, None, "the backends it runs on; all if left out"),
        Option("data", Name, None, "the data set; the first if left out"),
        Option(
            "against",
            Table,
            None,
            "the reference view, by what differs; left out, it is the first backend with the same rows for a comparison, "
            "else the unperturbed rows on the same backend, or without `perturb` the first backend",
        ),
        Option(
            "expect",
            Table,
            doc="the bounds, as in `{ min = 0.9 }`",
        ),
        Option("name", Name, None, "unique; measure / perturb / by if left out"),
        Option(
            "tags",
            list[Name],
            None,
            "words to choose checks by; those tagged `cost` and those tagged `damage` are the columns of a table of "
            "backends in the report",
        ),
        Option("critical", bool, default=True, doc="false: the verdict is reported and is no part of the exit code"),
        Option("gate", Gate, None, "the suite's, if left out"),
        Option("interval", IntervalKind, None, "the suite's, if left out"),
        Option("max_lost", RowLimit, None, "the suite's, if left out"),
    )
)

AGAINST = Options(
    (
        Option("backend", Name, None, "the same rows on this backend"),
        Option("perturb", Literal[False], None, "the unperturbed rows"),
        Option("data", Name, None, "another data set"),
    )
)

EXPECT = Options(
    (
        *(Option(bound.word, bound.type, None, bound.doc) for bound in BOUNDS),
        Option("min_rows", Count, MIN_ROWS, "groups of fewer rows are listed as INCONCLUSIVE and do not count"),
    )
)

# The bounds on one of a probe's numbers.
NUMBER = Options(tuple(option for option in EXPECT if option.name in words_of(quantity=VALUE)))

WAIVER = Options(
    (
        Option("check", Name, doc="the check that is known to fail, by its name or that in reports"),
        Option("until", date, doc="the last day on which that is accepted, as in `until = 2027-01-31`"),
        Option("reason", Name, doc="why it is accepted, for whoever reads the report"),
    )
)
