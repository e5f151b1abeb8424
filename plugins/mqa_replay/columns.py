"""The columns of a log of predictions: which of them is the id, the label, and the scores of a class."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import pyarrow as pa
import pyarrow.compute as pc

from mqa_registry import DataError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ID, LABEL = "id", "label"
SCORES_BY_MEMBER = ("member", "score")  # of a ranking that has a row for each of its members

# The columns of a schema besides the id, where they are not the one column of the schema's name.
SCHEMA_COLUMNS = {
    "label": (LABEL, "probability", "score", "confidence", "logits"),
    "labels": ("labels", "probability"),
    "ranking": ("ranking", "scores", *SCORES_BY_MEMBER),
    "boxes": ("boxes", "width", "height"),
    "spans": ("spans", "tags", "tokens", "decisions"),
    "answer": ("answer", "start", "end", "score", "no_answer_score", "candidates"),
    "waveform": ("samples", "rate"),
}

# Names that services give to an id (`request_id`, `exampleId`, `uuid`), to a label, and to the scores of a class.
ID_NAME = re.compile(r"(^|[^a-z])(id|uuid|guid)$|[a-z](Id|ID)$")
LABEL_NAMES = (
    "prediction", "predicted", "predicted_label", "predicted_class", "pred", "y_pred", "pred_label", "class", "answer",
)  # fmt: skip
CLASS_PREFIX = re.compile(r"^(probability|probabilities|proba|prob|p|score|scores|logit|logits)[_.:-]")

MAX_LISTED_COLUMNS = 20  # in a hint
SNIFFED_ROWS = 100  # that say whether a column of text is JSON
PROBABILITY_TOLERANCE = 1e-6  # how far a probability may be outside of [0, 1]: rounding


@dataclass(frozen=True)
class LogFormat:
    """The options of a log.

    `columns` maps a role to the column that has it. `classes` are the names of the classes, `positive` is the one that a
    single score is the probability of, and `scores` says whether scores are probabilities or logits.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    classes: tuple[str, ...] | None = None
    positive: str | None = None
    scores: Literal["probabilities", "logits"] | None = None


@dataclass(frozen=True)
class PredictionLog:
    """A log that is being converted to the columns of a schema.

    `classes` are those of its probabilities. `remarks` say how columns were read that do not have the schema's names.
    """

    table: pa.Table
    classes: tuple[str, ...] | None
    remarks: tuple[str, ...] = ()

    def with_table(self, table: pa.Table, *remarks: str) -> PredictionLog:
        """The log with another table, and remarks on how it was made."""
        return PredictionLog(table, self.classes, (*self.remarks, *remarks))

    def has(self, column: str) -> bool:
        """Whether the table has a column of this name."""
        return column in self.table.column_names

    def labels(self) -> tuple[str, ...]:
        """The labels that occur, sorted; none where they are no text and no integers."""
        return tuple(sorted(distinct_texts(self.table.column(LABEL)))) if self.has(LABEL) else ()


def schema_columns(schema: str) -> tuple[str, ...]:
    """The columns of a prediction schema besides the id."""
    return SCHEMA_COLUMNS.get(schema, (schema,))


def rename_columns(table: pa.Table, columns: Mapping[str, str], roles: Sequence[str]) -> tuple[pa.Table, list[str]]:
    """The table with the mapped columns under their roles, and a remark on each that was renamed."""
    mapped = {}
    for role, name in columns.items():
        if role not in roles:
            raise DataError(
                f"`columns` has no role `{role}`", hint=f"it has {', '.join(f'`{name}`' for name in roles)}"
            )
        if name not in table.column_names:
            raise _missing_column(table, name)
        mapped[role] = table.column(name)
    others = {
        name: table.column(name) for name in table.column_names if name not in mapped and name not in columns.values()
    }
    return pa.table(mapped | others), [f"{role} from `{name}`" for role, name in columns.items() if role != name]


def with_id(table: pa.Table) -> tuple[pa.Table, list[str]]:
    """The table with a column `id`: its own, else the only one with the name of an id, and a remark on that."""
    remarks = []
    if ID not in table.column_names:
        names = [name for name in table.column_names if ID_NAME.search(name)]
        if len(names) != 1:
            several = f"; {' and '.join(f'`{name}`' for name in names[:3])} may each be it" if names else ""
            raise DataError(
                f"there is no column `id`{several}",
                hint=columns_hint(table, f'columns = {{ id = "{names[0] if names else "..."}" }}'),
            )
        table = table.append_column(ID, table.column(names[0]))
        remarks = [f"id from `{names[0]}`"]
    ids = table.column(ID)
    if pa.types.is_floating(ids.type):
        table = table.set_column(table.column_names.index(ID), ID, _as_integers(ids))
    return table, remarks


def with_label(log: PredictionLog, classes: Sequence[str] | None) -> PredictionLog:
    """The log with a column `label`: its own, else the one with the name of a label. As it is, where it has neither.

    Integers that are no class are indices of `classes`.
    """
    table, remark = log.table, ""
    if not log.has(LABEL):
        names = [
            name for name in table.column_names if name.lower() in LABEL_NAMES and not is_nested(table.column(name))
        ]
        if len(names) > 1:
            hint = columns_hint(table, f'columns = {{ label = "{names[0]}" }}')
            raise DataError(f"{' and '.join(f'`{name}`' for name in names[:3])} may each be the label", hint=hint)
        if not names:
            return log
        table = table.rename_columns([LABEL if name == names[0] else name for name in table.column_names])
        remark = f"label from `{names[0]}`"
    label = table.column(LABEL)
    if pa.types.is_floating(label.type):
        label = _as_integers(label)
    if pa.types.is_integer(label.type) and classes and not set(distinct_texts(label)) <= set(classes):
        is_index = pc.and_(pc.greater_equal(label, 0), pc.less(label, len(classes)))
        if pc.all(is_index).as_py():
            label = pa.array(classes, pa.string()).take(label)
            remark = remark or "label by its position among the classes"
    table = set_column(table, LABEL, label)
    return log.with_table(table, remark) if remark else log.with_table(table)


def find_class_columns(table: pa.Table, classes: Sequence[str]) -> dict[str, str]:
    """The class of each column of scores, by the column's name: the class with what all begin or end with around it.

    Without classes, several columns that all begin with a word such as `prob_` name the classes behind it. None where the
    columns have the names of the classes, which is how a table of predictions has them.
    """
    names = [name for name in table.column_names if name not in (ID, LABEL)]
    if any(name in names for name in classes):
        return {}
    for name in names if classes else ():
        if (start := name.find(classes[0])) < 0:
            continue
        prefix, suffix = name[:start], name[start + len(classes[0]) :]
        if all(f"{prefix}{other}{suffix}" in names for other in classes):
            return {f"{prefix}{other}{suffix}": other for other in classes}
    floats = float_columns(table)
    if classes or len(floats) < 2 or not all(map(CLASS_PREFIX.match, floats)):
        return {}
    return {name: CLASS_PREFIX.sub("", name) for name in floats}


def find_non_probabilities(table: pa.Table) -> list[str]:
    """The columns of floats, besides a label, that are no probabilities of classes: a single one, or those beyond [0, 1]."""
    floats = float_columns(table)
    if len(floats) == 1:
        return floats
    ranges = {name: pc.min_max(table.column(name)) for name in floats}
    return [
        name
        for name, limits in ranges.items()
        if (limits["min"].as_py() or 0) < -PROBABILITY_TOLERANCE
        or (limits["max"].as_py() or 0) > 1 + PROBABILITY_TOLERANCE
    ]


def float_columns(table: pa.Table) -> list[str]:
    """The columns of floats besides the id and the label."""
    return [
        column.name for column in table.schema if pa.types.is_floating(column.type) and column.name not in (ID, LABEL)
    ]


def is_nested(column: pa.ChunkedArray) -> bool:
    """Whether a column holds lists or objects, or text that is JSON of these, by its first rows."""
    return bool(pa.types.is_nested(parse_json(column.slice(0, SNIFFED_ROWS)).type))


def parse_json(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Lists and objects that a csv or a log has as text; any other column unchanged."""
    if not pa.types.is_string(column.type):
        return column
    first = next((text for text in column.slice(0, SNIFFED_ROWS).to_pylist() if text), "")
    if not first.lstrip().startswith(("{", "[")):
        return column
    try:
        return pa.chunked_array([pa.array([None if text is None else json.loads(text) for text in column.to_pylist()])])
    except (ValueError, pa.ArrowException):
        return column


def distinct_texts(column: pa.ChunkedArray) -> list[str]:
    """The distinct values as text; none of floats, lists and objects."""
    if pa.types.is_nested(column.type) or pa.types.is_floating(column.type):
        return []
    return [value for value in pc.unique(column.cast(pa.string())).to_pylist() if value is not None]


def set_column(table: pa.Table, name: str, values: pa.ChunkedArray | pa.Array) -> pa.Table:
    """The table with a column of these values, which replaces one of the same name."""
    return pa.table({column: table.column(column) for column in table.column_names} | {name: values})


def columns_hint(table: pa.Table, option: str) -> str:
    """A hint with the columns of the table, and the option that names the right one."""
    return f"it has {_list_columns(table)}; write `{option}`"


def _as_integers(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Integers that pandas wrote as floats, since some are missing; other floats as they are."""
    try:
        return column.cast(pa.int64())
    except pa.ArrowInvalid:
        return column


def _missing_column(table: pa.Table, name: str) -> DataError:
    guess = did_you_mean(name, table.column_names)
    return DataError(f"there is no column `{name}`", hint=f"{guess} there are {_list_columns(table)}".strip())


def _list_columns(table: pa.Table) -> str:
    return ", ".join(f"`{name}`" for name in table.column_names[:MAX_LISTED_COLUMNS])
