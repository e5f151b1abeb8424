"""Places that nothing can be written to, found out before anything takes long."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from mqa_registry.cli import report_files
from mqa_registry.cli.report_files import ReportOptions, check_output_folder, check_report
from mqa_registry.errors import UsageError


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    (tmp_path / "nowhere").symlink_to("gone")
    (tmp_path / "elsewhere").symlink_to("folder")


@pytest.mark.parametrize("file", ["-", "new.json", "file", "folder/new.json", "elsewhere/new.json"])
def test_a_report_is_a_file_in_a_folder_that_is_there(file):
    check_report(file)


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("folder", "`folder` is a folder, and a report is a file"),
        ("new/", "`new/` is a folder, and a report is a file"),
        ("no/new.json", "there is no folder to write `no/new.json` to"),
        ("file/new.json", "there is no folder to write `file/new.json` to"),
        ("x" * 300, "name too long"),
    ],
)
def test_any_other_place_is_none_for_a_report(file, message):
    with pytest.raises(UsageError, match=message):
        check_report(file)


@pytest.mark.parametrize("file", ["-", "/dev/stdout", "/dev/fd/1"])
def test_standard_output_is_known_by_all_its_names(file):
    options = ReportOptions(json="r.json", files={"csv": file})
    assert options.takes_stdout
    assert options.outputs == (Path("r.json"),)


@pytest.mark.parametrize("folder", [".", "folder", "elsewhere", "new/below", "folder/new"])
def test_an_export_is_put_into_a_folder_that_is_there_or_can_be_made(folder):
    check_output_folder(Path(folder))
    check_output_folder(Path(folder).absolute())


@pytest.mark.parametrize(
    ("folder", "message"),
    [
        ("file", "`file` is a file, and a folder is needed"),
        ("file/new/below", "file` is a file, and a folder is needed"),
        ("nowhere", "`nowhere` is a link that leads nowhere, and a folder is needed"),
        ("x" * 300, "name too long"),
    ],
)
def test_any_other_place_is_none_for_an_export(folder, message):
    with pytest.raises(UsageError, match=message):
        check_output_folder(Path(folder))


@pytest.mark.parametrize(
    "check", [lambda: check_report("folder/new.json"), lambda: check_output_folder(Path("folder/new"))]
)
def test_where_nothing_may_be_written_neither_can_be_put(monkeypatch, check):
    def fail(**_):  # whoever runs the tests may be above permissions
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(report_files, "TemporaryFile", fail)
    with pytest.raises(UsageError, match=r"cannot write `folder/new.*`: read-only file system"):
        check()


def test_what_is_there_stays_as_it_was_and_nothing_comes_beside_it(tmp_path):
    (tmp_path / "file").write_text("earlier")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UsageError, match="is there already, and mqa did not write it"):
        check_report("file")
    check_report("file", force=True)
    check_report(os.devnull)
    check_output_folder(Path("folder"))
    assert (tmp_path / "file").read_text() == "earlier"
    assert sorted(tmp_path.rglob("*")) == before
