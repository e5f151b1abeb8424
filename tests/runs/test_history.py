"""Kept runs: listed, and pruned but for those that have a tag."""

from __future__ import annotations

from mqa_registry.runs.archive import list_runs
from mqa_registry.runs.history import find_prunable, list_kept_runs, prune
from mqa_registry.runs.tags import tag_run


def test_they_are_listed_with_what_they_said_the_newest_first(project):
    first, second = project.run(), project.run()
    tag_run(project.store, first.run, "v1")
    tag_run(project.store, first.run, "v0")
    found = list_kept_runs(project.store)
    assert [one.run for one in found] == [second.run, first.run]
    assert [one.tags for one in found] == [(), ("v0", "v1")]
    assert found[0].report.verdict is second.verdict
    assert found[0].size == sum(file.stat().st_size for file in (project.store / "runs" / second.run).iterdir())
    assert [one.run for one in list_kept_runs(project.store, 1)] == [second.run]


def test_one_whose_report_cannot_be_read_is_listed_all_the_same(project):
    report = project.run()
    (project.store / "runs" / report.run / "report.json").write_text("{}")
    assert [(one.run, one.report) for one in list_kept_runs(project.store)] == [(report.run, None)]


def test_an_empty_store_has_none(tmp_path):
    assert list_kept_runs(tmp_path) == find_prunable(tmp_path, 0) == []


def test_pruning_drops_the_old_ones_without_a_tag_and_nothing_else(project):
    names = [project.run().run for _ in range(4)]
    tag_run(project.store, names[0], "v1")
    (project.store / "runs" / "20200101-000000-abcd").mkdir()
    theirs = project.store / "runs" / "20200101-000000-abcd" / "weights.bin"
    theirs.write_bytes(b"years of work")
    found = find_prunable(project.store, 1)
    assert [one.run for one in found] == names[1:3]
    assert len(list_runs(project.store)) == 5  # nothing is dropped yet
    prune(project.store, found)
    assert set(list_runs(project.store)) == {names[0], names[3], "20200101-000000-abcd"}
    assert theirs.exists()
