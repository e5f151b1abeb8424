"""Trackers, to which a command adds its report: none costs the verdict or the exit code."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from mqa_registry import Tracker
from mqa_registry.cli import app
from mqa_registry.cli.report_files import ReportOptions, check_reports
from mqa_registry.cli.reports import show_report
from mqa_registry.errors import ExitCode, PluginError
from mqa_registry.reports import reporters
from tests.reports.conftest import FAIL, changed, demo, finished

MODULE = """
from mqa_registry import NotRunError, Tracker

def keep(report, address):
    with open(address, "a") as file:
        file.write(f"{report.run} {report.verdict}\\n")

def refuse(report, address):
    raise NotRunError(f"nobody answers at `{address}`", hint="start it")

GOOD = Tracker(publish=keep)
GONE = Tracker(publish=refuse)
CRASH = Tracker(publish=lambda report, address: 1 / 0)
POOR = Tracker(publish=keep, requires=("no-such-package",))
NONE = keep
"""


@pytest.fixture(name="site", autouse=True)
def _site(tmp_path, monkeypatch):
    (tmp_path / "acme_trackers.py").write_text(MODULE)
    info = tmp_path / "acme-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    names = ("good", "gone", "crash", "poor", "none")
    points = "\n".join(f"{name} = acme_trackers:{name.upper()}" for name in names)
    (info / "entry_points.txt").write_text(f"[mqa.trackers]\n{points}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    reporters._entry_points.cache_clear()
    yield tmp_path
    reporters._entry_points.cache_clear()


def show(capsys, **addresses):
    """The exit code, and what a person reads: standard output and the errors."""
    code = show_report(finished(changed(demo(), "f1", verdict=FAIL), FAIL), ReportOptions(addresses=addresses))
    shown = capsys.readouterr()
    return code, shown.out, shown.err


def test_each_is_an_option_of_the_commands_with_a_report():
    for command, has_them in (("run", True), ("judge", True), ("report", True), ("compare", False)):
        shown = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "100"}).stdout
        assert ("--mlflow WHERE" in shown, "--tensorboard WHERE" in shown) == (has_them, has_them)


def test_the_report_is_added_after_those_that_are_there(capsys, site):
    for _ in range(2):
        assert show(capsys, good="kept.txt")[0] == ExitCode.FAILED
    assert (site / "kept.txt").read_text() == 2 * "20261121-222800-3f9a FAIL\n"


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("gone", "nobody answers at `there`", "start it"),
        ("crash", "the tracker `crash` crashed: ZeroDivisionError: division by zero (acme_trackers.py, line 13)", ""),
        (
            "poor",
            "`--poor` requires the package `no-such-package`, which is not installed",
            "pip install no-such-package",
        ),
    ],
)
def test_one_that_fails_is_one_line_after_the_verdict(capsys, site, name, message, hint):
    code, out, err = show(capsys, **{name: "there", "good": "kept.txt"})
    assert code == ExitCode.FAILED
    assert "do not ship it" in " ".join(out.split())
    assert err.splitlines() == [f"error: {message}", *([f"hint: {hint}"] if hint else [])]
    assert (site / "kept.txt").exists()


def test_what_is_none_is_refused_before_anything_runs():
    check_reports(ReportOptions(addresses={"poor": "there"}))  # a package can be installed, and the report sent again
    with pytest.raises(PluginError, match=r"the tracker `none` of acme 1\.0 cannot be used: .* names no `Tracker`"):
        check_reports(ReportOptions(addresses={"none": "there"}))


def test_ours_name_what_they_need():
    ours = {name: reporters.load_tracker(name) for name in ("mlflow", "tensorboard")}
    assert all(isinstance(one, Tracker) for one in ours.values())
    assert {name: one.requires for name, one in ours.items()} == {
        "mlflow": ("mlflow-skinny",),
        "tensorboard": ("tensorboard",),
    }
