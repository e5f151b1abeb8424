"""Where a suite file has a check, whatever else alters it."""

from __future__ import annotations

import pytest

from mqa_registry import RunOptions, read_plan

HEAD = """format = 1
data.rows = { use = "datasets/file", path = "rows.csv" }
backends.one = { use = "replay/file", path = "rows.csv" }
"""
CHECKS = """
[[check]]
name = "first"
measure = "metrics/accuracy"
expect = { min = 0.8 }

[[check]]
name = "second"
measure = "metrics/accuracy"
expect = { min = 0.8 }
"""
INLINE = """
check = [
  { name = "first", measure = "metrics/accuracy", expect = { min = 0.8 } },
  { name = "second", measure = "metrics/accuracy", expect = { min = 0.8 } },
]
"""


@pytest.fixture(name="locate")
def _locate(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rows.csv").write_text("id,text,label\n1,good,yes\n", encoding="utf-8")

    def locate(suite, *settings, **others):
        for name, content in {"suite": suite, **others}.items():
            (tmp_path / f"{name}.toml").write_text(content, encoding="utf-8")
        name = next(iter(others), "suite")
        plan = read_plan(f"{name}.toml", RunOptions(set=settings))
        return {one.name: (one.location.file, one.location.line) for one in plan.suite.checks}

    return locate


@pytest.mark.parametrize(("checks", "lines"), [(CHECKS, (5, 10)), (INLINE, (6, 7))])
def test_it_is_the_line_that_the_check_begins_on(locate, checks, lines):
    first, second = lines
    assert locate(HEAD + checks) == {"first": ("suite.toml", first), "second": ("suite.toml", second)}


def test_of_a_check_that_a_suite_extends_it_is_in_the_file_that_alters_it(locate):
    over = 'extends = "suite.toml"\n\n[[check]]\nname = "second"\nexpect = { min = 0.9 }\n'
    assert locate(HEAD + CHECKS, over=over) == {"first": ("suite.toml", 5), "second": ("over.toml", 3)}


def test_of_a_check_that_the_command_line_alters_it_stays_in_the_file(locate):
    found = locate(HEAD + CHECKS, "check.second.expect.min=0.9", "check.second.critical=false")
    assert found["first"] == ("suite.toml", 5)
    assert found["second"][0] == "suite.toml"
    assert 10 <= found["second"][1] <= 13
