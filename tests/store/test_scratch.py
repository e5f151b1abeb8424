"""Scratch folders: of a run alone, gone at its end, and gone with the next run where it was killed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mqa_registry.store import Scratch

HOLD = "import sys; from pathlib import Path; from mqa_registry.store import Scratch; print(Scratch(Path(sys.argv[1])).folder(), flush=True); sys.stdin.read()"


@pytest.fixture
def other_run(tmp_path):
    """Another process with a scratch folder in the same store, which works until it is killed."""
    command = [sys.executable, "-c", HOLD, str(tmp_path / "store")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        folder = Path(process.stdout.readline().strip())
        (folder / "rows-1.arrow").write_bytes(b"rows")
        yield process, folder
        process.kill()


def test_a_folder_is_made_when_it_is_needed_and_removed_at_the_end(tmp_path):
    with Scratch(tmp_path / "store") as scratch:
        assert not (tmp_path / "store").exists()
        folder = scratch.folder()
        assert folder == scratch.folder()
        (folder / "rows.arrow").write_bytes(b"rows")
    assert not folder.exists()


def test_runs_of_one_store_have_a_folder_each(tmp_path):
    with Scratch(tmp_path / "store") as one, Scratch(tmp_path / "store") as other:
        assert one.folder() != other.folder()
        assert one.folder().exists()


def test_the_folder_of_a_run_that_goes_on_stays(tmp_path, other_run):
    _, folder = other_run
    with Scratch(tmp_path / "store") as scratch:
        scratch.folder()
        assert (folder / "rows-1.arrow").exists()


def test_the_folder_of_a_run_that_was_killed_is_removed_by_the_next(tmp_path, other_run):
    process, folder = other_run
    process.kill()
    process.wait()
    with Scratch(tmp_path / "store") as scratch:
        assert scratch.folder().exists()
        assert not folder.exists()


def test_a_link_among_the_folders_is_not_followed(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "file").write_text("kept")
    with Scratch(tmp_path / "store") as scratch:
        parent = scratch.folder().parent
    (parent / "run-link").symlink_to(tmp_path / "elsewhere")
    with Scratch(tmp_path / "store") as scratch:
        scratch.folder()
    assert (tmp_path / "elsewhere" / "file").read_text() == "kept"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_without_a_store_that_can_be_written_the_folder_is_a_temporary_one(tmp_path):
    tmp_path.chmod(0o500)
    with Scratch(tmp_path / "store") as scratch:
        assert scratch.folder().is_dir()
    tmp_path.chmod(0o700)


def test_a_folder_that_is_no_store_gets_none(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with Scratch(tmp_path) as scratch:
        folder = scratch.folder()
        assert tmp_path not in folder.parents
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
