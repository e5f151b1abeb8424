"""Input files of a run: which outputs would replace one. What commands say of it is tested by commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from mqa_registry.errors import UsageError
from mqa_registry.runs.input_files import refuse_to_overwrite_inputs
from mqa_registry.suite import suite_of_tables


@pytest.fixture(name="raw")
def _raw(tmp_path):
    (tmp_path / "rows.csv").write_text("text\n")
    return suite_of_tables("suite in memory", {"data": {"rows": {"path": "rows.csv", "note": "n" * 5000}}}, tmp_path)


def test_a_file_that_the_suite_names_is_no_output(raw, tmp_path):
    with pytest.raises(UsageError, match=r"`rows\.csv` is an input of this run"):
        refuse_to_overwrite_inputs([tmp_path / "rows.csv"], raw, [])


@pytest.mark.parametrize("name", ["report.json", "r" * 5000])
def test_what_is_not_there_replaces_nothing_whatever_its_name(raw, name):
    refuse_to_overwrite_inputs([Path(name)], raw, [])
