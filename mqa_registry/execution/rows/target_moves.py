"""Targets that lie in a text of their row, and move with its edits: spans, and answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from mqa_registry.errors import UsageError
from mqa_registry.types import CONTEXT, cuts_span, move_answers, move_spans
from mqa_registry.types.columns import is_list

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from mqa_registry.contributions import Task
    from mqa_registry.types import Edit, Rows


@dataclass(frozen=True)
class TargetMove:
    """The `field` of text that targets lie in; `move` gives a target after edits of it, None where they cut the target."""

    field: str
    move: Callable[[Any, str, Sequence[Edit]], Any | None]


def find_target_move(rows: Rows, texts: Collection[str], task: Task[Any] | None) -> TargetMove | None:
    """How the targets move with edits of the fields of text; None where they do not lie in one.

    Spans lie in the only field of text, and it is a UsageError where there are several; answers lie in the `context`.
    """
    if "target" not in rows.table.column_names:
        return None
    kind = rows.table.schema.field("target").type
    if CONTEXT in texts and (_have_positions(kind) if task is None else task.schema == "answer"):
        return TargetMove(CONTEXT, move_answers)
    if is_list(kind) and are_spans(kind.value_type):
        raise UsageError(
            "the targets are spans of each member's text, and do not move with it",
            hint="perturb them where a row has one text",
        )
    if not are_spans(kind):
        return None
    fields = sorted(texts)
    if len(fields) > 1:
        raise UsageError(
            f"the targets are spans of a text, and it could be any of {', '.join(f'`{name}`' for name in fields)}",
            hint="perturb them where a row has one text",
        )
    return TargetMove(fields[0], _move_spans) if fields else None


def are_spans(kind: pa.DataType) -> bool:
    """Whether a column has lists of objects with a start and an end."""
    return is_list(kind) and _has_fields(kind.value_type, {"start", "end"})


def _have_positions(kind: pa.DataType) -> bool:
    """Whether a column has answers with their positions, as SQuAD has them, which nothing else looks like."""
    return _has_fields(kind.value_type if is_list(kind) else kind, {"text", "answer_start"})


def _has_fields(kind: pa.DataType, names: Collection[str]) -> bool:
    return bool(pa.types.is_struct(kind)) and set(names) <= {field.name for field in kind}


def _move_spans(spans: Any, text: str, edits: Sequence[Edit]) -> Any | None:
    return None if cuts_span(spans, text, edits) else move_spans(spans, text, edits)
