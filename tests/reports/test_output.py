from __future__ import annotations

import errno
import os
import stat
import threading
from pathlib import Path

import pytest

from mqa_registry.errors import NotRunError, UsageError
from mqa_registry.reports.output import write_text


def test_a_file_is_written_and_nothing_is_left_beside_it(tmp_path):
    write_text(tmp_path / "report.json", "naïve ✓\n")
    assert (tmp_path / "report.json").read_text(encoding="utf-8") == "naïve ✓\n"
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


def test_the_file_has_the_rights_that_the_user_asks_for(tmp_path):
    write_text(tmp_path / "report.json", "x")
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE((tmp_path / "report.json").stat().st_mode) == 0o666 & ~umask


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"there is no folder `.*gone`") as caught:
        write_text(tmp_path / "gone" / "report.json", "x")
    assert caught.value.hint.startswith("make it: mkdir -p ")


@pytest.mark.parametrize(
    ("number", "kind"), [(errno.ENOSPC, NotRunError), (errno.EACCES, UsageError), (errno.EROFS, UsageError)]
)
def test_what_stood_there_stays_when_writing_fails(tmp_path, monkeypatch, number, kind):
    place = tmp_path / "report.json"
    place.write_text("before")

    def fail(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(kind, match=os.strerror(number).lower()) as caught:
        write_text(place, "after")
    assert caught.value.hint
    assert place.read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


def test_an_interrupt_leaves_no_draft(tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_text(tmp_path / "report.json", "x")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(UsageError, match="is a directory"):
        write_text(tmp_path, "x")
    assert tmp_path.is_dir()


def test_a_link_is_followed_and_stays_a_link(tmp_path):
    (tmp_path / "real.json").write_text("before")
    (tmp_path / "link.json").symlink_to("real.json")
    write_text(tmp_path / "link.json", "after")
    assert (tmp_path / "link.json").is_symlink()
    assert (tmp_path / "real.json").read_text() == "after"


def test_a_pipe_is_written_to_and_never_replaced(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_text()))
    reader.start()
    write_text(pipe, "through")
    reader.join(5)
    assert got == ["through"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_long_name_leaves_room_for_the_draft(tmp_path):
    name = "x" * 250 + ".json"
    write_text(tmp_path / name, "x")
    assert (tmp_path / name).read_text() == "x"
