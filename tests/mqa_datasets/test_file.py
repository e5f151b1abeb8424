"""What a file means is tested with `mqa_registry.read_table`; here, that the options reach it."""

from __future__ import annotations

import typing

import pytest

from mqa_datasets.file import rows_in_file
from mqa_registry import Conditions, DataError
from mqa_registry.data.tables.read import FORMATS
from mqa_registry.options import options_of


@pytest.fixture
def conditions(tmp_path):
    return Conditions(exports=tmp_path)


def test_the_name_tells_the_format(tmp_path, conditions):
    (tmp_path / "rows.tsv").write_text("text\tlabel\nfine, really\tpositive\n")
    table = rows_in_file(conditions, path=tmp_path / "rows.tsv")
    assert table.to_pylist() == [{"text": "fine, really", "label": "positive"}]


def test_the_format_can_be_said(tmp_path, conditions):
    (tmp_path / "rows").write_text('{"text": "fine"}\n')
    assert rows_in_file(conditions, path=tmp_path / "rows", format="jsonl").to_pylist() == [{"text": "fine"}]


def test_what_cannot_be_read_is_a_data_error(tmp_path, conditions):
    with pytest.raises(DataError, match="there is no file"):
        rows_in_file(conditions, path=tmp_path / "rows.csv")


def test_the_formats_of_its_option_are_those_that_can_be_read():
    (option,) = (option for option in options_of(rows_in_file) if option.name == "format")
    formats = {name for part in typing.get_args(option.annotation) for name in typing.get_args(part)}
    assert formats == set(FORMATS.values())
