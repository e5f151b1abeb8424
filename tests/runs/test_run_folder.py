"""Folders of kept runs: equal files are on the disk once, each folder is whole by itself, and sizes are those of the disk."""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path

import pytest

from mqa_registry.errors import StoreError
from mqa_registry.runs import run_folder
from mqa_registry.runs.run_folder import (
    CHECKSUMS,
    Removal,
    drop_folder,
    find_equal_files,
    folder_size,
    list_files,
    measure_removal,
    read_folder,
    write_folder,
)

TABLE = b"a table that every run has" * 40


@pytest.fixture(name="keep")
def _keep(tmp_path):
    """Write a folder as a run is kept: after those that are there, the newest first."""

    def keep(name, **files):
        earlier = sorted((path for path in tmp_path.iterdir() if not path.name.startswith(".")), reverse=True)
        content = {"rows": TABLE, **files}
        write_folder(tmp_path / name, content, find_equal_files(content, earlier))
        return tmp_path / name

    return keep


def links(file: Path) -> int:
    return file.stat().st_nlink


def test_what_an_earlier_run_has_is_linked_and_nothing_else(keep):
    first, second = keep("1", own=b"1"), keep("2", own=b"2")
    assert (links(second / "rows"), links(second / "own"), links(second / CHECKSUMS)) == (2, 1, 1)
    assert (first / "rows").samefile(second / "rows")
    assert read_folder(second) == {"rows": TABLE, "own": b"2"}


def test_under_another_name_it_is_the_same_content(keep):
    first, second = keep("1"), keep("2", other=TABLE)
    assert (second / "other").samefile(first / "rows")
    assert links(first / "rows") == 3


def test_a_folder_is_whole_without_the_others(keep, tmp_path):
    first, second = keep("1"), keep("2")
    shutil.copytree(second, tmp_path / "elsewhere")
    drop_folder(first)
    for folder in (second, tmp_path / "elsewhere"):
        assert read_folder(folder) == {"rows": TABLE}


@pytest.mark.parametrize("damage", ["changed", "gone", "link", "folder", "pipe"])
def test_what_is_not_the_content_is_not_linked(keep, tmp_path, damage):
    first = keep("1")
    (first / "rows").unlink()
    if damage == "changed":
        (first / "rows").write_bytes(TABLE[::-1])
    elif damage == "link":
        (tmp_path / ".outside").write_bytes(TABLE)
        (first / "rows").symlink_to(tmp_path / ".outside")
    elif damage == "folder":
        (first / "rows").mkdir()
    elif damage == "pipe":
        os.mkfifo(first / "rows")
    second = keep("2")
    assert read_folder(second) == {"rows": TABLE}
    assert not (second / "rows").is_symlink()
    assert links(second / "rows") == 1
    assert {path.name for path in second.iterdir()} == {"rows", CHECKSUMS}
    assert links(keep("3") / "rows") == 2  # with the newest, which is whole


@pytest.mark.parametrize("error", [PermissionError, OSError, NotImplementedError])
def test_without_links_of_the_file_system_every_run_has_its_copy(keep, monkeypatch, error):
    def refuse(path, target):
        raise error

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    first, second = keep("1"), keep("2")
    assert read_folder(first) == read_folder(second) == {"rows": TABLE}
    assert links(first / "rows") == links(second / "rows") == 1


def test_a_link_that_cannot_be_taken_back_is_never_written_through(keep, monkeypatch):
    first = keep("1")
    (first / "rows").write_bytes(TABLE[::-1])

    def refuse(path):
        raise PermissionError

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(StoreError, match="could not be kept"):
        keep("2")
    assert (first / "rows").read_bytes() == TABLE[::-1]


def test_checksums_that_nobody_can_read_lead_to_no_file(tmp_path):
    for name, content in (("a", b"\xff" * 99), ("b", None), ("c", b"0" * 64 + b"  ../../secret\n")):
        (tmp_path / name).mkdir()
        if content is not None:
            (tmp_path / name / CHECKSUMS).write_bytes(content)
    (tmp_path / "d").mkdir()
    os.mkfifo(tmp_path / "d" / CHECKSUMS)
    assert find_equal_files({"rows": TABLE}, [tmp_path / name for name in "abcde"]) == {}


def test_no_folder_is_read_once_all_is_found(keep, tmp_path):
    first = keep("1")
    folders = iter([first, tmp_path / "never looked at"])
    assert find_equal_files({"rows": TABLE}, folders) != {}
    assert next(folders).name == "never looked at"


def test_what_removal_frees_is_what_nothing_else_refers_to(keep, tmp_path):
    first, second, third = (keep(name, own=name.encode() * 10) for name in "123")
    own = 10 + (first / CHECKSUMS).stat().st_size
    assert folder_size(first) == own + len(TABLE)
    assert measure_removal([first]) == Removal(own, len(TABLE))
    assert measure_removal([first, second]) == Removal(2 * own, len(TABLE))
    assert measure_removal([first, second, third]) == Removal(3 * own + len(TABLE), 0)
    os.link(first / "rows", tmp_path / ".backup")  # which somebody made
    assert measure_removal([first, second, third]) == Removal(3 * own, len(TABLE))
    drop_folder(first)
    assert (list_files(first), measure_removal([first])) == ([], Removal(0, 0))


def test_a_file_that_a_run_has_twice_is_freed_with_it(keep, tmp_path):
    first = keep("1")
    second = keep("2", other=TABLE)
    drop_folder(first)
    assert folder_size(second) == len(TABLE) + (second / CHECKSUMS).stat().st_size
    assert measure_removal([second]) == Removal(folder_size(second), 0)


def test_damage_is_said_with_the_file(keep):
    folder = keep("1", one=b"1", two=b"2", three=b"3")
    (folder / "rows").write_bytes(TABLE[::-1])
    with pytest.raises(StoreError, match=f"is damaged: the digest in `{CHECKSUMS}` is not that of `rows`$"):
        read_folder(folder)
    for name in ("one", "two", "three"):
        (folder / name).unlink()
    with pytest.raises(StoreError, match="`one`, `rows`, `three` and 1 more"):
        read_folder(folder)
    (folder / CHECKSUMS).unlink()
    with pytest.raises(StoreError, match=f"`{CHECKSUMS}` is not as it was written"):
        read_folder(folder)


def test_an_empty_folder_is_damaged(tmp_path):
    with pytest.raises(StoreError, match=f"is damaged: `{CHECKSUMS}` is not as it was written"):
        read_folder(tmp_path)


def test_a_run_that_is_removed_while_it_is_read_is_not_called_damaged(keep, monkeypatch):
    folder = keep("1")
    real = Path.read_bytes

    def remove_then_read(path):
        drop_folder(folder)
        return real(path)

    monkeypatch.setattr(Path, "read_bytes", remove_then_read)
    with pytest.raises(StoreError, match="the run `1` was removed just now"):
        read_folder(folder)


def test_runs_that_are_kept_read_and_removed_at_once_are_whole_or_gone(tmp_path):
    """Three threads keep the same content, drop the oldest and read what is left, with no lock between them."""
    errors, found = [], []

    def keep_and_drop(thread):
        for number in range(30):
            folders = sorted((path for path in tmp_path.glob("run-*")), reverse=True)
            files = {"rows": TABLE, "own": f"{thread} {number}".encode()}
            try:
                write_folder(tmp_path / f"run-{number:02}-{thread}", files, find_equal_files({"rows": TABLE}, folders))
                for folder in folders[2:]:
                    drop_folder(folder)
                found.extend(read_folder(folder)["rows"] == TABLE for folder in folders[:2])
            except StoreError as error:
                errors.append(error.message)

    threads = [threading.Thread(target=keep_and_drop, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found
    assert all(found)
    assert all("was removed just now" in error for error in errors)
    left = list(tmp_path.iterdir())
    assert {path.name[:4] for path in left} == {"run-"}  # no draft
    assert all(read_folder(folder)["rows"] == TABLE for folder in left)


@pytest.mark.parametrize("step", ["hardlink_to", "read_bytes", "rename"])
def test_a_process_that_ends_at_any_step_harms_no_other_run(keep, monkeypatch, tmp_path, step):
    first = keep("1")

    real = getattr(Path, step)

    class Killed(BaseException):
        pass

    def kill(path, *arguments):
        if path.name.startswith(".") or path.parent.name.startswith("."):  # of the folder that is being written
            raise Killed
        return real(path, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Path, step, kill)
        patch.setattr(shutil, "rmtree", lambda *_, **__: None)  # a killed process cleans nothing up
        with pytest.raises(Killed):
            keep("2")
    assert read_folder(first) == {"rows": TABLE}
    (draft,) = (path for path in tmp_path.iterdir() if path.name.startswith("."))
    os.utime(draft, (0, 0))
    third = keep("3")
    assert not draft.exists()
    assert links(third / "rows") == 2
    assert run_folder.measure_removal([first, third]).shared == 0


def test_a_file_that_is_given_by_its_path_is_moved_or_linked_where_an_earlier_run_has_it(keep, tmp_path):
    (tmp_path / ".scratch").mkdir()
    for name in ("1", "2"):
        (tmp_path / ".scratch" / name).write_bytes(b"a large table")
    first = keep("1", large=tmp_path / ".scratch" / "1")
    assert read_folder(first) == {"rows": TABLE, "large": b"a large table"}
    assert not (tmp_path / ".scratch" / "1").exists()
    second = keep("2", large=tmp_path / ".scratch" / "2")
    assert (second / "large").samefile(first / "large")


def test_a_file_of_another_content_and_of_equal_size_is_not_linked(keep, tmp_path):
    (tmp_path / ".large").write_bytes(b"a large table")
    first = keep("1", large=b"a smaller one")
    (first / "large").write_bytes(b"damaged later")
    second = keep("2", large=tmp_path / ".large")
    assert (second / "large").read_bytes() == b"a large table"
