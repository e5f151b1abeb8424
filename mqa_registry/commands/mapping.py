"""Columns of a file of rows, mapped on the command line as a suite's `columns` maps them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from mqa_registry.errors import DataError, MissingColumnError, SuiteError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


def columns_of(given: Sequence[str] | None, data: Path | None) -> dict[str, str]:
    """The columns by the fields and roles they are mapped to, of options `FIELD=COLUMN`; a UsageError where one is none."""
    if given and data is None:
        raise UsageError("`--columns` maps the columns of a file of rows", hint="name the file with `--data`")
    columns: dict[str, str] = {}
    for one in given or ():
        field, equals, column = one.partition("=")
        if not (field and equals and column):
            raise UsageError(
                f"`--columns {one}` maps nothing", hint="write `--columns text=COLUMN`, once for every field"
            )
        if field in columns:
            raise UsageError(f"`--columns` maps `{field}` twice", hint="leave one of them out")
        columns[field] = column
    return columns


@contextmanager
def mapped_by_option() -> Iterator[None]:
    """What is wrong with columns, as a command says it that was given no suite to change."""
    try:
        yield
    except MissingColumnError as error:
        hint = f"{error.there}; map a column with `--columns {error.column}=COLUMN`"
        raise DataError(error.message, hint=hint) from error
    except SuiteError as error:
        problem = error.problems[0]
        raise UsageError(problem.message, hint=problem.hint) from None
