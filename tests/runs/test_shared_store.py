"""`--store URL`: predictions are shared, and runs and exports stay in the store next to the suite."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mqa_registry.cli.app import app
from mqa_registry.errors import UsageError
from mqa_registry.reports.json_report import to_json
from mqa_registry.run_options import RunOptions, find_store_folder, is_url
from mqa_registry.runs import judge, run
from mqa_registry.runs.archive import list_runs


@pytest.fixture
def suite(tmp_path, slowly, monkeypatch):
    monkeypatch.setenv("LETTERS_LOG", os.devnull)
    monkeypatch.setenv("LETTERS_SECONDS", "0")

    def write(name):
        folder = tmp_path / name
        folder.mkdir()
        slowly.write_words(folder, rows=60, longest=4)
        check = '[[check]]\nmeasure = "metrics/accuracy"\nexpect = { min = 0.1 }\n'
        (folder / "suite.toml").write_text(slowly.head("slow") + check)
        return folder / "suite.toml"

    return write


def test_a_second_machine_predicts_nothing_that_the_first_has(suite, slowly, tmp_path):
    url = (tmp_path / "shared").as_uri()
    options = RunOptions(store=url, plugin_files=(slowly.plugin,))
    one, two = suite("one"), suite("two")
    first, second = run(one, options), run(two, options)
    assert [work.predicted for report in (first, second) for work in report.work.values()] == [60, 0]
    numbers = [[one["numbers"] for one in to_json(report)["results"]] for report in (first, second)]
    assert numbers[0] == numbers[1]
    assert not [finding for finding in (*first.findings, *second.findings) if finding.topic in {"store", "history"}]
    assert list_runs(one.parent / ".mqa") == [first.run]
    assert not (one.parent / ".mqa" / "predictions.sqlite").exists()
    again = judge("last", two, store=url, plugin_files=options.plugin_files)
    assert (again.run, again.exit_code) == (second.run, second.exit_code)


@pytest.mark.parametrize(
    ("store", "folder"),
    [
        ("s3://bucket/x", None), ("file:///a/b", None), ("memory://x", None), (None, None),
        ("store", Path("store")), ("C:\\store", Path("C:\\store")), (Path("a/b"), Path("a/b")),
    ],
)  # fmt: skip
def test_what_is_a_url_and_what_a_folder(store, folder):
    assert find_store_folder(store) == folder
    assert is_url(store) == (folder is None and store is not None)


def test_a_url_as_a_path_is_refused_since_it_lost_a_slash():
    with pytest.raises(UsageError, match="is a URL as a path"):
        RunOptions(store=Path("s3://bucket/x"))


def test_a_command_takes_a_url_for_a_store(suite, slowly, tmp_path, monkeypatch):
    file = suite("one")
    monkeypatch.chdir(file.parent)
    line = ["run", "suite.toml", "--plugin", str(slowly.plugin), "-q", "--store"]
    done = CliRunner().invoke(app, [*line, (tmp_path / "shared").as_uri()])
    assert done.exit_code in {0, 4}, done.output
    assert (tmp_path / "shared" / "store.json").exists()
    assert sorted(path.name for path in file.parent.iterdir()) == [".mqa", "suite.toml", "words.parquet"]
    done = CliRunner().invoke(app, [*line, "nosuch://me:hunter2@host/x"])
    assert done.exit_code == 2
    assert "`nosuch://host/x` cannot be a store" in done.stderr
    assert "hunter2" not in done.output
