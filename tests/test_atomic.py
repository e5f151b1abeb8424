"""Folders that are whole or not there, whatever happens while they are written."""

from __future__ import annotations

import os
import time

import pytest

from mqa_registry import atomic_folder
from mqa_registry.atomic import STALE_AFTER, remove_folder, remove_stale_drafts


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_appears_whole(tmp_path):
    with atomic_folder(tmp_path / "made" / "new") as draft:
        (draft / "file").write_text("text")
        assert not (tmp_path / "made" / "new").exists()
    assert (tmp_path / "made" / "new" / "file").read_text() == "text"
    assert names(tmp_path / "made") == ["new"]


def test_of_one_that_fails_nothing_is_left(tmp_path):
    def fail():
        with atomic_folder(tmp_path / "new") as draft:
            (draft / "file").write_text("text")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert names(tmp_path) == []


def test_a_folder_with_files_is_not_replaced(tmp_path):
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "mine").touch()
    with pytest.raises(OSError, match="not empty"), atomic_folder(tmp_path / "new") as draft:
        (draft / "file").touch()
    assert names(tmp_path) == ["new"]
    assert names(tmp_path / "new") == ["mine"]


def fill(folder, text, **options):
    with atomic_folder(folder, **options) as draft:
        (draft / "file").write_text(text)


@pytest.mark.parametrize(("there", "left"), [("whole", "whole"), ("damaged", "new")])
def test_a_folder_that_is_whole_is_kept_and_a_damaged_one_replaced(tmp_path, there, left):
    fill(tmp_path / "made", there)
    fill(tmp_path / "made", "new", is_whole=lambda folder: (folder / "file").read_text() == "whole")
    assert (tmp_path / "made" / "file").read_text() == left
    assert names(tmp_path) == ["made"]


def test_a_folder_that_cannot_be_moved_is_an_error_whatever_is_whole(tmp_path):
    with (
        pytest.raises(OSError, match="made"),
        atomic_folder(tmp_path / "made", is_whole=lambda folder: True) as draft,
    ):
        draft.rmdir()
    assert names(tmp_path) == []


def test_what_a_killed_process_left_is_removed_and_what_another_writes_is_not(tmp_path):
    for name, age in ((".0123456789ab.tmp", STALE_AFTER + 60), (".ba9876543210.tmp", 60)):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (0, time.time() - age))
    fill(tmp_path / "made", "new")
    assert names(tmp_path) == [".ba9876543210.tmp", "made"]


def test_a_folder_is_removed_and_one_that_is_not_there_is_no_error(tmp_path):
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "file").touch()
    for _ in range(2):
        remove_folder(tmp_path / "old")
    assert names(tmp_path) == []


def test_only_drafts_that_nobody_writes_to_any_more_are_removed(tmp_path):
    for name in (".0123456789ab.tmp", ".ba9876543210.tmp", ".other.tmp", "run"):
        (tmp_path / name).mkdir()
    for name in (".0123456789ab.tmp", ".other.tmp", "run"):
        os.utime(tmp_path / name, (0, time.time() - STALE_AFTER - 60))
    remove_stale_drafts(tmp_path)
    assert names(tmp_path) == [".ba9876543210.tmp", ".other.tmp", "run"]
