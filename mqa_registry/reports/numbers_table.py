"""The table of a report's numbers in long form: a row for every number of every result, group and severity."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import pyarrow as pa

from mqa_registry.reports.explanations import count_lost_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mqa_registry.judging.result import Part, Result
    from mqa_registry.reports.report import Report

_TYPES = {"str": pa.string(), "float | None": pa.float64(), "int | None": pa.int64(), "str | None": pa.string()}


@dataclass(frozen=True, kw_only=True)
class NumberRow:
    """One number. What it has not is None: no backend where a probe reads rows alone, no severity where nothing is swept.

    `rows` counted; `lost` others had no prediction, of that view of the check, or of the severity, that lost the most.
    `verdict` is that of the bounds on the number, None where nothing is expected of it. A result without numbers, as one
    that crashed, has a row without a number, and there the verdict is that of the result.
    """

    run: str
    suite: str
    check: str
    backend: str | None
    data: str
    severity: float | None = None
    group: str | None = None
    number: str | None = None
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    corrected_low: float | None = None
    corrected_high: float | None = None
    rows: int | None = None
    method: str | None = None
    verdict: str | None = None
    lost: int | None = None


NUMBERS_SCHEMA = pa.schema([(field.name, _TYPES[str(field.type)]) for field in fields(NumberRow)])


def make_numbers_table(report: Report) -> pa.Table:
    """Every number of a report, a row for each, with the columns of `NumberRow`."""
    rows = [row for result in report.results for row in _list_rows(report, result)]
    columns = {name: [getattr(row, name) for row in rows] for name in NUMBERS_SCHEMA.names}
    return pa.table(columns, schema=NUMBERS_SCHEMA)


def _list_rows(report: Report, result: Result) -> Iterator[NumberRow]:
    blank = NumberRow(
        run=_encodable(report.run),
        suite=_encodable(report.suite.name),
        check=_encodable(result.check),
        backend=_encodable(result.backend) or None,
        data=_encodable(result.data),
        lost=count_lost_rows(result),
    )
    rows = [*_rows_of_part(blank, result), *_rows_of_groups(blank, result.groups)]
    for step in result.series:
        of_severity = replace(blank, severity=step.severity, lost=step.evidence.lost if step.evidence else 0)
        rows += [*_rows_of_part(of_severity, step), *_rows_of_groups(of_severity, step.groups)]
    yield from rows or [replace(blank, verdict=str(result.verdict))]


def _rows_of_groups(blank: NumberRow, groups: Mapping[str, Part]) -> Iterator[NumberRow]:
    for group, part in groups.items():
        yield from _rows_of_part(replace(blank, group=_encodable(group)), part)


def _rows_of_part(blank: NumberRow, part: Part) -> Iterator[NumberRow]:
    for name, number in part.numbers.items():
        corrected_low, corrected_high = number.corrected or (None, None)
        yield replace(
            blank,
            number=_encodable(name),
            estimate=_finite(number.estimate),
            low=_finite(number.low),
            high=_finite(number.high),
            corrected_low=_finite(corrected_low),
            corrected_high=_finite(corrected_high),
            rows=number.rows,
            method=number.method,
            verdict=str(number.verdict) if number.verdict else None,
        )


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


def _encodable(text: str) -> str:
    """The text with what is no Unicode, as half of a surrogate pair, escaped."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
