"""The roles of a log's columns: which of them are the ids, the label and the numbers that a schema has."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import pyarrow as pa
import pyarrow.compute as pc

from mqa_registry import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mqa_replay.scores import Scores

ID = re.compile(r"(^|[^a-z])(id|uuid|guid)$|[a-z](Id|ID)$")  # request_id, exampleId, uuid
LABEL = "label"
ROLES = {
    "label": (LABEL, "probability", "score", "confidence", "logits"),
    "labels": ("labels", "probability"),
    "ranking": ("ranking", "scores"),
    "waveform": ("samples", "rate"),
}  # the columns of a schema beside `id`, where they are not the one of its name


@dataclass(frozen=True)
class Form:
    """What a suite says of a log: `columns` by the role they have, and how its scores are meant."""

    columns: Mapping[str, str] = field(default_factory=dict)
    classes: tuple[str, ...] | None = None
    positive: str | None = None
    scores: Literal["probabilities", "logits"] | None = None


@dataclass(frozen=True)
class Log:
    """A table with the columns of a schema, the classes of its probabilities, and what was read otherwise than named."""

    table: pa.Table
    classes: tuple[str, ...] | None
    read: tuple[str, ...] = ()


def renamed(table: pa.Table, columns: Mapping[str, str], roles: Sequence[str]) -> tuple[pa.Table, list[str]]:
    """The table with mapped columns under their roles, and what was mapped."""
    taken = {}
    for role, name in columns.items():
        if role not in roles:
            raise DataError(f"`columns` has no role `{role}`", hint=f"it has {', '.join(f'`{one}`' for one in roles)}")
        if name not in table.column_names:
            raise _missing(table, name)
        taken[role] = table.column(name)
    rest = {
        name: table.column(name) for name in table.column_names if name not in taken and name not in columns.values()
    }
    return pa.table(taken | rest), [f"{role} from `{name}`" for role, name in columns.items() if role != name]


def identified(table: pa.Table) -> tuple[pa.Table, list[str]]:
    """The table with a column `id`: its own, else the one that is called like an id and tells all rows apart."""
    read = []
    if "id" not in table.column_names:
        names = [name for name in table.column_names if ID.search(name)]
        if len(names) != 1:
            several = f"; {' and '.join(f'`{name}`' for name in names[:3])} may each be it" if names else ""
            raise DataError(
                f"there is no column `id`{several}",
                hint=write_hint(table, f'columns = {{ id = "{names[0] if names else "..."}" }}'),
            )
        table = table.append_column("id", table.column(names[0]))
        read = [f"id from `{names[0]}`"]
    ids = table.column("id")
    if pa.types.is_floating(ids.type):
        table = table.set_column(table.column_names.index("id"), "id", whole(ids))
    return table, read


def whole(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Numbers as pandas writes whole ones that have a gap among them, as whole ones; others as they are."""
    try:
        return column.cast(pa.int64())
    except pa.ArrowInvalid:
        return column


def labels_in(table: pa.Table) -> tuple[str, ...]:
    """The labels that occur, in order; none where they are no words or whole numbers."""
    return tuple(sorted(distinct_texts(table.column(LABEL)))) if LABEL in table.column_names else ()


def distinct_texts(column: pa.ChunkedArray) -> list[str]:
    if pa.types.is_nested(column.type) or pa.types.is_floating(column.type):
        return []
    return [value for value in pc.unique(column.cast(pa.string())).to_pylist() if value is not None]


def float_columns(table: pa.Table) -> list[str]:
    return [
        field.name for field in table.schema if pa.types.is_floating(field.type) and field.name not in ("id", LABEL)
    ]


def with_scores(log: Log, scores: Scores, form: Form, said: str, *, logits: bool) -> Log:
    if form.scores == "logits" or (form.scores is None and logits):
        scores, said = scores.softmax(), said.replace("probabilities from", "softmax of")
    kept = {name: log.table.column(name) for name in ("id", LABEL) if name in log.table.column_names}
    table = pa.table(kept | {"probability": scores.column()})
    if LABEL not in kept and not scores.given.all():
        table = put(table, label=scores.best())
    return Log(table, scores.classes, (*log.read, said))


def put(table: pa.Table, **columns: pa.ChunkedArray | pa.Array) -> pa.Table:
    """The table with these columns, in place of those of their names."""
    rest = {name: table.column(name) for name in table.column_names}
    return pa.table(rest | columns)


def said_of(log: Log, table: pa.Table, words: str) -> Log:
    return Log(table, log.classes, (*log.read, words))


def write_hint(table: pa.Table, write: str) -> str:
    there = ", ".join(f"`{name}`" for name in table.column_names[:20])
    return f"it has {there}; write `{write}`"


def _missing(table: pa.Table, name: str) -> DataError:
    close = difflib.get_close_matches(name, table.column_names, n=1)
    there = ", ".join(f"`{one}`" for one in table.column_names[:20])
    guess = f"did you mean `{close[0]}`? " if close else ""
    return DataError(f"there is no column `{name}`", hint=f"{guess}there are {there}")
