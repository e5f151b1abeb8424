"""What `--help` shows, at 80 columns: what a newcomer reads first."""

from __future__ import annotations

from importlib.metadata import version

import pytest
import typer
from typer.testing import CliRunner

from mqa_registry.cli import app
from mqa_registry.errors import ExitCode

COMMANDS = sorted(typer.main.get_command(app).commands)


def help_of(*command):
    done = CliRunner().invoke(app, [*command, "--help"], env={"COLUMNS": "80"})
    assert done.exit_code == 0
    return done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_an_option_without_a_value_shows_no_type_that_asks_for_one(command):
    options = [line for line in help_of(command).splitlines() if " -" in line and "--help" not in line]
    assert options
    assert not [line for line in options if "<bool>" in line or "<int>" in line or "<str>" in line]


@pytest.mark.parametrize("command", [(), *((name,) for name in COMMANDS)])
def test_nothing_is_cut_or_wider_than_the_terminal(command):
    shown = help_of(*command)
    assert max(map(len, shown.splitlines())) <= 80
    assert "…" not in shown


@pytest.mark.parametrize("command", [(), ("run",), ("judge",), ("parity",)])
def test_what_gives_a_verdict_explains_every_exit_code(command):
    told = help_of(*command).partition("Exit codes:")[2].split()
    assert {word for word in told if word.isdigit()} == {str(int(code)) for code in ExitCode}


def test_without_a_suite_none_is_spoken_of():
    assert "suite's model" not in help_of("parity") + help_of("export")


def test_the_version_is_the_installed_one_s():
    done = CliRunner().invoke(app, ["--version"])
    assert (done.exit_code, done.stdout) == (0, f"mqa {version('mqa-registry')}\n")
