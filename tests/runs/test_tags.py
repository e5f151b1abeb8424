"""Tags of runs: a name that is found, that moves, and that is never taken for anything else."""

from __future__ import annotations

import pytest

from mqa_registry.errors import StoreError, UsageError
from mqa_registry.runs.archive import find_run
from mqa_registry.runs.tags import read_tags, tag_run

RUN = "20260101-000000-abcd"


@pytest.fixture(name="store")
def _store(tmp_path):
    return tmp_path


def test_a_store_without_tags_has_none(store):
    assert read_tags(store) == {}


def test_a_tag_is_moved_to_another_run(store):
    tag_run(store, RUN, "v1.2")
    tag_run(store, RUN, "release+1")
    other = RUN.replace("abcd", "0000")
    tag_run(store, other, "v1.2")
    assert read_tags(store) == {"v1.2": other, "release+1": RUN}


@pytest.mark.parametrize(
    "tag",
    [
        "",
        ".",
        "..",
        "../x",
        "a/b",
        "a\\b",
        "-x",
        "last",
        "20260101",
        "20260101-000000-abcd",
        "a b",
        "\0",
        "é",
        "x" * 101,
        "a\n",
        "v1.json",
    ],
)
def test_what_is_no_name_of_a_file_or_could_be_an_id_is_no_tag(store, tag):
    with pytest.raises(UsageError, match="cannot be a tag") as caught:
        tag_run(store, RUN, tag)
    assert caught.value.hint
    assert list(store.iterdir()) == []


@pytest.mark.parametrize("tag", ["2026", "20260101x", "v1", "x" * 100, "LAST", "0"])
def test_other_names_are(store, tag):
    tag_run(store, RUN, tag)
    assert read_tags(store) == {tag: RUN}


def test_what_else_lies_among_the_tags_is_no_tag(store):
    tag_run(store, RUN, "v1")
    (store / "tags" / "link").symlink_to("v1")
    (store / "tags" / "a b").write_text(RUN)
    (store / "tags" / ".hidden").write_text(RUN)
    assert read_tags(store) == {"v1": RUN}


def test_tags_that_cannot_be_read_are_an_error_of_the_store(store):
    (store / "tags").mkdir()
    (store / "tags" / "v1").write_bytes(b"\xff")
    with pytest.raises(StoreError, match="tags of the store"):
        read_tags(store)


def test_a_tag_whose_run_is_gone_says_so(project):
    project.run()
    tag_run(project.store, RUN, "v1")
    with pytest.raises(UsageError, match=f"has no run `{RUN}`, which was tagged `v1`"):
        find_run("v1", project.store, None)


def test_a_tag_is_the_name_of_its_run(project):
    first, _ = project.run(), project.run()
    tag_run(project.store, first.run, "release")
    assert find_run("release", project.store, None).run == first.run
    with pytest.raises(UsageError) as caught:
        find_run("relase", project.store, None)
    assert "did you mean `release`" in caught.value.hint
