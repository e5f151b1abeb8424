"""Targets that are spans of a text, and how they move with its edits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from mqa_registry.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mqa_registry.suite import Use
    from mqa_registry.types import Rows


def field_of_spans(rows: Rows, texts: Iterable[str]) -> str:
    """The field that the targets are spans of; nothing where they are no spans.

    That is the only field of text; a UsageError where there are several.
    """
    if "target" not in rows.table.column_names or not _are_spans(rows.table.schema.field("target").type):
        return ""
    fields = sorted(texts)
    if len(fields) > 1:
        raise UsageError(
            f"the targets are spans of a text, and it could be any of {', '.join(f'`{name}`' for name in fields)}",
            hint="perturb them where a row has one text",
        )
    return fields[0] if fields else ""


def refuse_to_leave_behind(use: Use) -> None:
    """A UsageError for a perturbation that does not say where it changes a text that targets are spans of."""
    raise UsageError(
        f"`{use.name}` does not say where it changes a text, and the targets are spans that have to move with it",
        hint="a perturbation says so by `edits`; see `mqa plugins` for those that do",
    )


def _are_spans(kind: pa.DataType) -> bool:
    if not pa.types.is_list(kind) and not pa.types.is_large_list(kind):
        return False
    item = kind.value_type
    return bool(pa.types.is_struct(item)) and {"start", "end"} <= {field.name for field in item}
