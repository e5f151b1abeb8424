"""Columns of a file of rows, mapped on the command line as a suite's `columns` maps them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mqa_registry.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def read_columns(given: Sequence[str], data: Path | None) -> dict[str, str]:
    """The columns by the fields and roles they are mapped to, of options `--columns FIELD=COLUMN`.

    `data` is the file of `--data`. A UsageError where one is no mapping, or there is no file.
    """
    if given and data is None:
        raise UsageError("`--columns` maps the columns of a file of rows", hint="name the file with `--data`")
    columns: dict[str, str] = {}
    for one in given:
        field, equals, column = one.partition("=")
        if not (field and equals and column):
            raise UsageError(
                f"`--columns {one}` maps nothing", hint="write `--columns text=COLUMN`, once for every field"
            )
        if field in columns:
            raise UsageError(f"`--columns` maps `{field}` twice", hint="leave one of them out")
        columns[field] = column
    return columns
