"""Which column of the data is what: the columns that could be meant by a field or a role, the likeliest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from mqa_registry.cli.drafting.column_contents import (
    count_distinct,
    describe_text,
    has_groups,
    is_id_name,
    is_text,
    words_of_name,
)
from mqa_registry.cli.drafting.column_words import (
    CLUSTER_WORDS,
    FILE_WORDS,
    GROUP_WORDS,
    MODALITY_WORDS,
    PAIRS,
    TARGET_WORDS,
    TARGETS,
    TEXT_WORDS,
)
from mqa_registry.cli.drafting.target_strength import SURE, target_strength
from mqa_registry.types.blob_columns import holds_blobs, holds_bytes
from mqa_registry.types.blobs import BLOB_MODALITIES
from mqa_registry.types.schemas import get_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from mqa_registry.contributions import Task

MIN_CLUSTERS = 10


@dataclass(frozen=True)
class Question:
    """Which column a field or a role of the rows is.

    `candidates` are those that could be meant, the likeliest first. `is_clear` says that none but the first can be, or
    that its name says so. Without a column for it, the rows do without where it `may_lack`.
    """

    role: str
    meaning: str
    candidates: tuple[str, ...]
    is_clear: bool
    may_lack: bool


def find_columns(
    table: pa.Table, task: Task[Any], classes: Sequence[str], ask: Callable[[Question], str | None]
) -> dict[str, str]:
    """The column of each field of the task and of each role, as far as the rows have them.

    `ask` gives the column that is meant of a question's candidates, or None. Those of the same name are among the columns.
    """
    columns: dict[str, str] = {}

    def choose(question: Question) -> None:
        if question.candidates and (column := question.candidates[0] if question.is_clear else ask(question)):
            columns[question.role] = column

    columns |= _find_pair(table, task)
    for field in _needed_fields(table, task):
        if field not in columns:
            choose(_ask_field(table, field, task.fields[field], columns.values()))
    if get_schema(task.schema).has_targets:
        choose(_ask_target(table, task.schema, classes, columns.values()))
    if task.grouping is not None and not _has_lists(table, [columns.get(name) for name in task.grouping.fields]):
        choose(_ask_group(table, columns.values()))
        if "member" in task.grouping.fields:
            choose(_ask_member(table, columns.values()))
    else:
        choose(_ask_id(table, columns.values()))
    choose(_ask_cluster(table, columns.values()))
    return columns


def find_group_columns(table: pa.Table, taken: Collection[str]) -> tuple[str, ...]:
    """Columns of text, truth values or few numbers that part the rows into a few groups of rows enough to be judged."""
    return tuple(name for name in table.column_names if name not in taken and has_groups(table.column(name)))


def _needed_fields(table: pa.Table, task: Task[Any]) -> list[str]:
    """The fields that a row must have; where all are optional, those that the rows have, else the first for text."""
    required = list(task.required_fields)
    there = [name for name in task.fields if name in table.column_names]
    texts = [name for name, modality in task.fields.items() if modality == "text"]
    return required or there or texts[:1]


def _find_pair(table: pa.Table, task: Task[Any]) -> dict[str, str]:
    """The two columns of a task that reads a text or two, where the rows have columns that are known to be a pair."""
    fields = [name for name, modality in task.fields.items() if modality == "text"]
    by_name = {name.casefold(): name for name in table.column_names if is_text(table.column(name))}
    if len(fields) != 2 or any(name in table.column_names for name in fields):
        return {}
    pair = next((pair for pair in PAIRS if all(name in by_name for name in pair)), None)
    return {} if pair is None else {field: by_name[name] for field, name in zip(fields, pair, strict=True)}


def _ask_field(table: pa.Table, field: str, modality: str, taken: Collection[str]) -> Question:
    meaning = f"the {modality} that the model reads"
    if field in table.column_names:
        return Question(field, meaning, (field,), is_clear=True, may_lack=False)
    if modality in BLOB_MODALITIES:
        ranks = {name: rank for name in table.column_names if (rank := _rank_blobs(table, name, modality, taken))}
        files = tuple(sorted(ranks, key=lambda name: -ranks[name]))
        is_clear = [*ranks.values()].count(max(ranks.values(), default=0)) == 1
        return Question(field, meaning, files, is_clear=is_clear, may_lack=False)
    if modality != "text":
        return Question(field, meaning, (), is_clear=True, may_lack=False)
    texts = {name: describe_text(table.column(name)) for name in table.column_names if name not in (*taken, *TARGETS)}
    found = {name: traits for name, traits in texts.items() if traits is not None}
    proper = [name for name, traits in found.items() if traits.has_words and not traits.repeats]
    candidates = proper or [name for name, traits in found.items() if not traits.repeats]
    candidates = candidates or [name for name in found if not words_of_name(name) & TARGET_WORDS]
    named = [name for name in candidates if words_of_name(name) & TEXT_WORDS]
    candidates.sort(key=lambda name: (name not in named, -found[name].length))
    return Question(field, meaning, tuple(candidates), is_clear=len(candidates) == 1, may_lack=False)


def _rank_blobs(table: pa.Table, name: str, modality: str, taken: Collection[str]) -> int:
    """How much speaks for a column as one of images, sounds or files, 0 for nothing: its name, and bytes more than paths."""
    kind = table.schema.field(name).type
    if name in (*taken, *TARGETS) or not holds_blobs(kind):
        return 0
    words = words_of_name(name)
    if modality in words or words & MODALITY_WORDS.get(modality, frozenset()):
        return 4
    if holds_bytes(kind):
        return 3
    return 2 if words == {"file"} else int(bool(words & FILE_WORDS))


def _ask_target(table: pa.Table, schema: str, classes: Sequence[str], taken: Collection[str]) -> Question:
    meaning = "the right answer, which metrics are held against"
    names = [name for name in TARGETS if name in table.column_names]
    if names:
        return Question("target", meaning, tuple(names[:1]), is_clear=True, may_lack=True)
    strengths = {
        name: target_strength(name, table.column(name), schema, classes)
        for name in table.column_names
        if name not in taken
    }
    candidates = sorted((name for name, strength in strengths.items() if strength), key=lambda name: -strengths[name])
    sure = [name for name in candidates if strengths[name] >= SURE]
    is_clear = len(candidates) == 1 or len(sure) == 1
    return Question("target", meaning, tuple(candidates), is_clear=is_clear, may_lack=True)


def _ask_id(table: pa.Table, taken: Collection[str]) -> Question:
    meaning = "what names a row, so that runs can be compared"
    if "id" in table.column_names:
        return Question("id", meaning, ("id",), is_clear=True, may_lack=True)
    candidates = [
        name
        for name in table.column_names
        if name not in taken and is_id_name(name) and count_distinct(table.column(name)) == len(table)
    ]
    return Question("id", meaning, tuple(candidates), is_clear=len(candidates) == 1, may_lack=True)


def _has_lists(table: pa.Table, names: Sequence[str | None]) -> bool:
    """Whether one of some columns holds lists, so that each row is a group already."""
    return any(pa.types.is_list(table.schema.field(name).type) for name in names if name is not None)


def _ask_group(table: pa.Table, taken: Collection[str]) -> Question:
    meaning = "what the rows of one example share, as the candidates of a query share its id"
    if "group" in table.column_names:
        return Question("group", meaning, ("group",), is_clear=True, may_lack=False)
    candidates = _find_repeated_ids(table, taken)
    named = [name for name in candidates if words_of_name(name) & GROUP_WORDS]
    candidates.sort(key=lambda name: name not in named)
    is_clear = len(candidates) == 1 or len(named) == 1
    return Question("group", meaning, tuple(candidates), is_clear=is_clear, may_lack=False)


def _ask_member(table: pa.Table, taken: Collection[str]) -> Question:
    meaning = "what tells the rows of one example apart, as the names of candidates"
    if "member" in table.column_names:
        return Question("member", meaning, ("member",), is_clear=True, may_lack=True)
    candidates = [name for name in table.column_names if name not in taken and is_id_name(name)]
    return Question("member", meaning, tuple(candidates), is_clear=len(candidates) == 1, may_lack=True)


def _find_repeated_ids(table: pa.Table, taken: Collection[str]) -> list[str]:
    """The columns with the name of an id whose values stand in several rows."""
    names = [name for name in table.column_names if name not in taken and is_id_name(name)]
    return [name for name in names if count_distinct(table.column(name)) < len(table)]


def _ask_cluster(table: pa.Table, taken: Collection[str]) -> Question:
    meaning = "what rows of one origin share, such as their author: they count as less than as many rows"
    if "cluster" in table.column_names:
        return Question("cluster", meaning, ("cluster",), is_clear=True, may_lack=True)
    candidates = [
        name
        for name in table.column_names
        if name not in taken
        and (is_id_name(name) or words_of_name(name) & CLUSTER_WORDS)
        and MIN_CLUSTERS <= count_distinct(table.column(name)) < len(table)
    ]
    return Question("cluster", meaning, tuple(candidates), is_clear=len(candidates) == 1, may_lack=True)


def map_columns(columns: Mapping[str, str]) -> dict[str, str]:
    """Those of the columns that a suite has to map: a `label` is the target without being told."""
    return {role: name for role, name in columns.items() if role != name and (role, name) != ("target", "label")}
