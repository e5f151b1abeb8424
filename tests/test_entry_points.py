"""Entry points of a group: by name, with all the distributions that claim it."""

from __future__ import annotations

import os
import re
from importlib.metadata import entry_points

import pytest

import mqa_registry.entry_points as module
from mqa_registry.entry_points import describe_origins, list_entry_points, read_origin


@pytest.fixture(autouse=True)
def site(tmp_path, monkeypatch):
    """Two distributions that give to one group, and one whose metadata is damaged."""
    for folder, metadata, points in (
        ("zebra-2.0", "Name: zebra\nVersion: 2.0\n", "b = zebra:b\nshared = a_zebra:x\n"),
        ("acme-1.0", "Name: acme\nVersion: 1.0\n", "a = acme:a\nshared = z_acme:x\nnot one = acme:a\n"),
        ("broken-1.0", "", "c = broken:c\n"),
    ):
        info = tmp_path / f"{folder}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(metadata)
        (info / "entry_points.txt").write_text(f"[acme.things]\n{points}")
    monkeypatch.syspath_prepend(str(tmp_path))


def test_they_are_found_by_name_in_the_order_of_the_alphabet():
    found = list_entry_points("acme.things")
    assert list(found) == ["a", "b", "c", "not one", "shared"]
    assert [point.value for point in found["a"]] == ["acme:a"]
    assert list_entry_points("acme.nothing") == {}


def test_what_claims_one_name_is_in_the_order_of_the_distributions():
    points = list_entry_points("acme.things")["shared"]
    assert [read_origin(point) for point in points] == [("acme", "1.0"), ("zebra", "2.0")]
    assert describe_origins(points) == "acme 1.0 and zebra 2.0"


def test_names_that_do_not_match_are_left_out():
    assert list(list_entry_points("acme.things", re.compile(r"[a-z]"))) == ["a", "b", "c"]


def test_a_distribution_with_damaged_metadata_is_unknown():
    assert describe_origins(list_entry_points("acme.things")["c"]) == "unknown"


def test_damaged_metadata_is_unknown_where_the_backport_of_the_library_reads_it():
    pytest.importorskip("importlib_metadata")  # MLflow imports it; from then on its finder serves the whole process
    found = list_entry_points("acme.things")
    assert list(found) == ["a", "b", "c", "not one", "shared"]
    assert describe_origins(found["c"]) == "unknown"


def test_what_is_installed_later_is_found(tmp_path):
    assert "late" not in list_entry_points("acme.things")
    info = tmp_path / "late-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: late\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[acme.things]\nlate = late:x\n")
    os.utime(tmp_path, ns=(0, tmp_path.stat().st_mtime_ns + 1))  # a clock may be too coarse to tell
    assert "late" in list_entry_points("acme.things")


def test_several_groups_are_found_by_one_search(monkeypatch):
    searches = []
    monkeypatch.setattr(module, "entry_points", lambda: searches.append(1) or entry_points())
    module._scan.cache_clear()
    list_entry_points("acme.things"), list_entry_points("mqa"), list_entry_points("acme.nothing")
    assert searches == [1]
