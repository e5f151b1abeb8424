"""What a store may be: a folder that mqa made and marked, without links."""

from __future__ import annotations

import os

import pytest

from mqa_registry.errors import StoreError
from mqa_registry.store import SqliteStore, claim, is_store


def tree(folder):
    return {str(path.relative_to(folder)): path.is_file() and path.read_bytes() for path in folder.rglob("*")}


def test_a_new_and_an_empty_folder_become_a_store(tmp_path):
    for folder in (tmp_path / "new" / "below", tmp_path / "empty"):
        if folder.name == "empty":
            folder.mkdir()
        assert not is_store(folder)
        claim(folder)
        assert is_store(folder)
        assert (folder / ".gitignore").read_text() == "*\n"
        claim(folder)


def test_a_folder_with_other_files_is_refused_and_left_as_it_was(tmp_path):
    (tmp_path / ".gitignore").write_text("build/\n")
    for number in range(30):
        (tmp_path / "runs" / f"exp{number:02}").mkdir(parents=True)
    before = tree(tmp_path)
    with pytest.raises(StoreError, match="is no store of mqa, and holds other files") as caught:
        SqliteStore(tmp_path)
    assert "--store" in caught.value.hint
    assert tree(tmp_path) == before


@pytest.mark.parametrize("name", [".mqa", "elsewhere"])
def test_a_store_of_an_mqa_that_marked_none_is_one(tmp_path, name):
    folder = tmp_path / name
    SqliteStore(folder).close()
    (folder / "store.json").unlink()
    assert is_store(folder)
    assert (folder / "store.json").exists()


def test_a_marked_folder_may_hold_more(tmp_path):
    claim(tmp_path / "store")
    (tmp_path / "store" / "notes.txt").write_text("mine")
    SqliteStore(tmp_path / "store").close()
    assert (tmp_path / "store" / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("mark", ["", "[]", "{}", '{"store": "other"}', "\0"])
def test_a_file_that_only_has_the_marks_name_marks_nothing(tmp_path, mark):
    (tmp_path / "store.json").write_text(mark)
    with pytest.raises(StoreError, match="is no store of mqa"):
        claim(tmp_path)


@pytest.mark.parametrize("name", ["runs", "exports", ".gitignore", "predictions.sqlite", "store.json"])
@pytest.mark.parametrize("made", [True, False])
def test_a_store_with_a_link_is_refused_and_nothing_is_written_through_it(tmp_path, name, made):
    folder, outside = tmp_path / ".mqa", tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("mine")
    folder.mkdir()
    if made:
        SqliteStore(folder).close()
        (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to(outside if name in ("runs", "exports") else outside / "file")
    with pytest.raises(StoreError, match="is a link"):
        SqliteStore(folder)
    assert tree(outside) == {"file": b"mine"}


def test_a_store_that_is_a_link_itself_is_refused(tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / ".mqa").symlink_to("home")
    with pytest.raises(StoreError, match="is a link"):
        SqliteStore(tmp_path / ".mqa")
    assert tree(tmp_path / "home") == {}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_folder_with_a_pipe_for_its_mark_is_no_store(tmp_path):
    os.mkfifo(tmp_path / "store.json")
    assert not is_store(tmp_path)
