"""Data sets: they give the same rows each time, and read no more than they are asked for."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from mqa_registry.boundary import check_source, read_pieces
from mqa_registry.contributions import Dataset, RunContext
from mqa_registry.errors import ContributionError
from mqa_registry.testing.rule import Rule
from mqa_registry.testing.subject import CallError, NotTriedError, show
from mqa_registry.types import TableSource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mqa_registry.testing.subject import Subject

STOP = 2  # rows that are asked for, of a source


def work(subject: Subject) -> None:
    """Read the rows, as a process of its own does."""
    with _open(subject) as source:
        _read(subject, source)


@contextmanager
def _open(subject: Subject) -> Iterator[pa.Table | TableSource]:
    if subject.expect(Dataset).is_in_memory:
        raise NotTriedError("its rows are an object that a caller passes")
    with tempfile.TemporaryDirectory(prefix="mqa-exports-") as folder:
        context = RunContext(exports=Path(folder), offline=True)
        yield check_source(subject.contributor, subject.call(context))


def _read(
    subject: Subject, source: pa.Table | TableSource, columns: list[str] | None = None, stop: int | None = None
) -> pa.Table:
    if isinstance(source, TableSource):
        return pa.concat_tables(read_pieces(subject.contributor, source, columns, stop))
    return source


def _find_failure(subject: Subject) -> str:
    try:
        with _open(subject) as source:
            table = _read(subject, source)
    except CallError as error:
        return f"it {error}"
    except ContributionError as error:
        return f"it {error.fault}"
    return "" if len(table) else "it gives no rows"


def _read_twice(subject: Subject) -> tuple[pa.Table | TableSource, pa.Table]:
    """What it gives, and all of its rows; not tried where that fails."""
    if failure := _find_failure(subject):
        raise NotTriedError(f"{failure}; see the rule `works`")
    with _open(subject) as source:
        return source, _read(subject, source)


def _find_other_rows(subject: Subject) -> str:
    source, table = _read_twice(subject)
    again = _read(subject, source)
    if not table.equals(again):
        return f"{_describe(table)} and, where the source is read again, {_describe(again)}"
    with _open(subject) as other:
        anew = _read(subject, other)
    return "" if table.equals(anew) else f"{_describe(table)} and then {_describe(anew)}"


def _describe(table: pa.Table) -> str:
    return f"{len(table)} rows beginning with {show(table.slice(0, 1).to_pylist())}"


def _find_surplus(subject: Subject) -> str:
    source, table = _read_twice(subject)
    if not isinstance(source, TableSource):
        return ""
    name = table.column_names[-1]
    part = _read(subject, source, [name], STOP)
    if part.column_names != [name]:
        return f"the columns {show(part.column_names)} where `{name}` alone is asked for"
    if not part.slice(0, STOP).equals(table.select([name]).slice(0, STOP)):
        return f"other first rows where {STOP} are asked for than where all are"
    return ""


def _find_wrong_count(subject: Subject) -> str:
    source, table = _read_twice(subject)
    if not isinstance(source, TableSource) or source.num_rows in {None, len(table)}:
        return ""
    return f"`num_rows` is {source.num_rows:,}, and {len(table):,} rows are read"


KINDS = (Dataset,)
RULES = (
    Rule(
        "works",
        "A data set gives a `pyarrow.Table`, or a `TableSource`, with rows.",
        "Follow what was seen; `Trial(options=...)` says what it reads.",
        _find_failure,
        KINDS,
    ),
    Rule(
        "repeats",
        "The rows and their order are the same each time they are read.",
        "Sort the files of a folder, and draw nothing: `sample` of the suite does.",
        _find_other_rows,
        KINDS,
    ),
    Rule(
        "columns-chosen",
        "A `TableSource` gives the columns that it is asked for and no others, and the same first rows.",
        "Heed `columns` in `read`: `open_table` does.",
        _find_surplus,
        KINDS,
    ),
    Rule(
        "counted",
        "`num_rows` of a `TableSource` is the number of its rows.",
        "Give None where it is not known before all are read.",
        _find_wrong_count,
        KINDS,
    ),
)
