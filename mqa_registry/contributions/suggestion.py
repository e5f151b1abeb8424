"""What plugins suggest for a new suite: checks, and backends for its model."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

BoundKind: TypeAlias = Literal["promise", "least", "guess"]


@dataclass(frozen=True, kw_only=True)
class SuiteContext:
    """What a new suite is about, as far as that is known before anything runs.

    `schema` is that of the predictions, `metric` the task's main metric, and `classes` are the model's, in the order of
    its outputs. `fields` maps the fields of the rows that the model reads to their modality. `rows` is the table of the
    data under the names of roles and fields; of targets, labels are classes already. It has no rows where the suite is for any
    data: then no bound follows from them, and a check whose bound would is not suggested. `group_columns` are columns that
    part the rows into a few groups. `backends` are the names of the suite's backends, the reference first.
    """

    schema: str
    metric: str
    classes: tuple[str, ...]
    fields: Mapping[str, str]
    rows: pa.Table
    group_columns: tuple[str, ...] = ()
    backends: tuple[str, ...] = ()

    @property
    def has_targets(self) -> bool:
        """Whether the rows have targets."""
        return "target" in self.rows.column_names

    @property
    def modalities(self) -> frozenset[str]:
        """The modalities of what the model reads."""
        return frozenset(self.fields.values())


@dataclass(frozen=True, kw_only=True)
class SuggestedCheck:
    """A check for a new suite.

    `table` is the check as a suite has it, bounds and all, and `about` the question that it asks, as a comment. `bounds`
    says what the bounds are: a `promise` that every sound model keeps, such as that of an export; the `least` that one can
    ask; or a `guess`, which decides nothing until somebody sets it: the check is not critical. Only a promise stays as it
    is where bounds are measured. Checks stand by their `order`: quality has 10, robustness 20, fairness 30, the comparison
    of backends 40.
    """

    table: Mapping[str, Any]
    about: str
    bounds: BoundKind = "guess"
    order: int = 10


@dataclass(frozen=True, kw_only=True)
class SuggestedBackend:
    """A backend for a new suite: its name there, its options, where a path is a `Path`, and a comment about it."""

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    about: str = ""
