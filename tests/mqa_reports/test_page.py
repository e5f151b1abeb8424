"""The page `plugins/reports.md`: what it says of options and columns is so, and its example works."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from typer.testing import CliRunner

from mqa_registry import EnvironmentReporter, Reporter, Verdict, cli
from tests.reports.conftest import demo, finished, result

PAGE = (Path(__file__).parents[2] / "plugins" / "reports.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_its_options_are_those_of_a_run():
    done = CliRunner().invoke(cli.app, ["run", "--help"], env={"COLUMNS": "200"})
    options = set(re.findall(r"`(--[a-z-]+) (?:FILE|URI|DIR)`", PAGE))
    assert {"--html", "--model-card", "--parquet", "--tensorboard"} <= options <= set(done.stdout.split())


def test_its_columns_are_those_of_the_table():
    (sentence,) = re.findall(r"The columns are (.+?)\. ", PAGE, re.DOTALL)
    assert re.findall(r"`(\w+)`", sentence) == finished(demo()).to_table().column_names


def test_its_reporter_works(monkeypatch, tmp_path):
    (code,) = (text for language, text in BLOCKS if language == "python")
    names = {}
    exec(code, names)
    assert isinstance(names["TABLE"], Reporter)
    assert isinstance(names["LOG"], EnvironmentReporter)
    report = finished([result("accuracy", verdict=Verdict.FAIL, note="too low")])
    assert names["TABLE"].render(report) == "# table of ours\naccuracy torch FAIL too low\n"
    for _ in range(2):
        names["HISTORY"].publish(report, str(tmp_path / "history.txt"))
    assert (tmp_path / "history.txt").read_text() == 2 * f"{report.run} {report.verdict}\n"
    assert names["LOG"].find_target() is None
    monkeypatch.setenv("OURS_LOG", "log.txt")
    assert names["LOG"].find_target() == "log.txt"


def test_its_entry_points_name_what_the_example_has():
    (table,) = (tomllib.loads(text) for language, text in BLOCKS if language == "toml" and "entry-points" in text)
    groups = table["project"]["entry-points"]
    assert groups == {
        "mqa.reporters": {"table": "mqa_ours:TABLE"},
        "mqa.environment_reporters": {"ours": "mqa_ours:LOG"},
        "mqa.trackers": {"history": "mqa_ours:HISTORY"},
    }
