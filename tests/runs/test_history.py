"""Kept runs: listed, and pruned but for those that have a tag."""

from __future__ import annotations

import os

import pytest

from mqa_registry.errors import StoreError
from mqa_registry.runs import history
from mqa_registry.runs.archive import list_runs
from mqa_registry.runs.history import find_prunable, list_kept_runs, measure_pruning, prune
from mqa_registry.runs.run_folder import drop_folder, folder_size
from mqa_registry.runs.tags import tag_run


def test_they_are_listed_with_what_they_said_the_newest_first(kept):
    first, second = kept.keep(), kept.keep()
    tag_run(kept.store, first, "v1")
    tag_run(kept.store, first, "v0")
    found = list_kept_runs(kept.store)
    assert [one.run for one in found] == [second, first]
    assert [one.tags for one in found] == [(), ("v0", "v1")]
    assert found[0].report.verdict is kept.record.report.verdict
    assert found[0].size == sum(file.stat().st_size for file in (kept.runs / second).iterdir())
    assert [one.run for one in list_kept_runs(kept.store, 1)] == [second]


@pytest.mark.parametrize("content", [b"{}", b"", b"\x1f\x8b", b"\x1f\x8b\x08" + b"\0" * 40, None])
def test_one_whose_report_cannot_be_read_is_listed_all_the_same(kept, content):
    name = kept.keep()
    file = kept.runs / name / "report.json.gz"
    file.unlink()
    os.mkfifo(file) if content is None else file.write_bytes(content)
    assert [(one.run, one.report) for one in list_kept_runs(kept.store)] == [(name, None)]


def test_one_that_goes_meanwhile_is_not_listed(kept, monkeypatch):
    names = [kept.keep(), kept.keep()]

    def drop_then_find(folder, name):
        if folder.name == names[0]:
            drop_folder(folder)
        return folder / f"{name}.gz"

    monkeypatch.setattr(history, "find_json_file", drop_then_find)
    assert [one.run for one in list_kept_runs(kept.store)] == [names[1]]


def test_an_empty_store_has_none(tmp_path):
    assert list_kept_runs(tmp_path) == find_prunable(tmp_path, 0) == []
    assert prune(tmp_path, []) == (0, 0)


def test_pruning_drops_the_old_ones_without_a_tag_and_nothing_else(kept):
    names = [kept.keep() for _ in range(4)]
    tag_run(kept.store, names[0], "v1")
    (kept.runs / "20200101-000000-abcd").mkdir()
    theirs = kept.runs / "20200101-000000-abcd" / "weights.bin"
    theirs.write_bytes(b"years of work")
    found = find_prunable(kept.store, 1)
    assert [one.run for one in found] == names[1:3]
    assert len(list_runs(kept.store)) == 5  # nothing is dropped yet
    prune(kept.store, found)
    assert set(list_runs(kept.store)) == {names[0], names[3], "20200101-000000-abcd"}
    assert theirs.exists()


def test_pruning_frees_what_it_says(kept):
    """Tables go with the last run that has them."""
    for _ in range(4):
        kept.keep()
    for keep in (1, 0):
        found = find_prunable(kept.store, keep)
        before = bytes_on_disk(kept.runs)
        said = measure_pruning(kept.store, found)
        assert prune(kept.store, found) == said
        assert before - bytes_on_disk(kept.runs) == said.freed > 0
        assert bool(said.shared) is bool(keep)
    assert bytes_on_disk(kept.runs) == 0


def bytes_on_disk(folder):
    return sum({file.stat().st_ino: file.stat().st_size for file in folder.rglob("*") if file.is_file()}.values())


def test_pruning_removes_what_killed_processes_left(kept):
    kept.keep()
    draft = kept.runs / f".{'0' * 12}.tmp"
    draft.mkdir()
    os.utime(draft, (0, 0))
    prune(kept.store, [])
    assert not draft.exists()
    assert len(list_runs(kept.store)) == 1


def test_a_store_that_cannot_be_written_is_said_and_nothing_is_lost(kept, monkeypatch):
    name = kept.keep()

    def refuse(folder):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("mqa_registry.runs.run_folder.remove_folder", refuse)
    with pytest.raises(StoreError, match="cannot be removed: read-only file system"):
        prune(kept.store, find_prunable(kept.store, 0))
    assert folder_size(kept.runs / name) > 0
