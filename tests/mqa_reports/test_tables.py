"""The numbers of a report as CSV and Parquet."""

from __future__ import annotations

import csv
import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import csv as arrow_csv

from mqa_reports import CSV, PARQUET
from mqa_reports.tables import quote_formula, render_csv, render_parquet
from tests.reports.conftest import demo, finished, number, result


def unquote(cell):
    return cell.removeprefix("'")


def test_parquet_has_types_and_reads_back():
    report = finished(demo())
    table = pq.read_table(io.BytesIO(render_parquet(report)))
    assert table.to_pylist() == report.to_table().to_pylist()
    types = {field.name: field.type for field in table.schema}
    assert types["estimate"] == types["severity"] == pa.float64()
    assert types["rows"] == pa.int64()
    assert types["check"] == pa.string()


def test_csv_reads_back():
    report = finished(demo())
    text = render_csv(report)
    table = arrow_csv.read_csv(io.BytesIO(text.encode()))
    expected = report.to_table()
    for name in ("check", "backend", "number", "estimate", "low", "high", "rows"):
        assert table.column(name).to_pylist() == expected.column(name).to_pylist(), name
    assert text.count("\r\n") == len(expected) + 1


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =cmd|'/C calc'!A0", "'=1", "\uff1d1", "\n=1", "\xa0-1"],
)
def test_no_cell_of_a_text_is_a_formula(text):
    report = finished([result(text, text, numbers={text: number(0.5)})])
    header, cells = csv.reader(io.StringIO(render_csv(report), newline=""))
    named = dict(zip(header, cells, strict=True))
    assert named["check"] == named["backend"] == named["number"] == f"'{text}"
    assert unquote(named["check"]) == text


def test_a_negative_number_stays_a_number():
    (line,) = render_csv(finished([result("a", numbers={"value": number(-0.5)})])).splitlines()[1:]
    assert ",-0.5," in line


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_reads_back(text):
    report = finished([result(text)])
    _, cells = csv.reader(io.StringIO(render_csv(report), newline=""))
    assert unquote(cells[2]) == text
    assert not quote_formula(text).startswith(("=", "+", "-", "@", "\t", "\r"))


@pytest.mark.parametrize("size", [1, 1000])
def test_the_files_are_known_again_by_their_markers(size):
    report = finished([result(f"check {number}", f"backend {number}") for number in range(size)])
    assert CSV.marker in render_csv(report).encode()[:4096]
    assert PARQUET.marker in render_parquet(report)[-4096:]
