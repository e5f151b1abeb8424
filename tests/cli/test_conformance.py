"""`mqa plugins NAME --test`: what it prints of rules that are broken and not tried, and its exit code."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from mqa_registry.cli import app
from mqa_registry.testing import list_cases
from tests.testing.planted_faults import SHOUT

NEEDY = SHOUT.replace(" = 1.0", "")


@pytest.fixture
def tried(tmp_path, monkeypatch):
    """What `mqa plugins ... --test` prints and ends with, for a plugin of this source."""
    monkeypatch.chdir(tmp_path)

    def run(source, *arguments):
        (tmp_path / "planted.py").write_text(source, "utf-8")
        return CliRunner().invoke(app, ["plugins", *arguments, "--test", "--plugin", "planted.py"])

    return run


def test_a_sound_plugin_holds_every_rule(tried):
    done = tried(SHOUT, "planted")
    rules = len(list_cases(Path("planted.py")))
    assert (done.exit_code, done.stdout) == (0, f"{rules} rules hold, 0 are broken, 0 were not tried\n")


def test_a_broken_rule_is_shown_with_what_was_seen_and_the_mend_and_is_exit_code_2(tried, snapshot):
    done = tried(SHOUT.replace("draw < severity", "draw * severity < 0.3"), "planted/shout")
    assert done.exit_code == 2
    assert done.stdout == snapshot


def test_rules_that_are_not_tried_are_listed_by_the_reason_and_are_no_failure(tried, snapshot):
    done = tried(NEEDY, "planted/shout")
    assert done.exit_code == 0
    assert done.stdout == snapshot


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "`--test` tries one plugin"),
        (("planted/shot",), "plugin `planted` has no `shot`"),
        (("plantd",), "no plugin `plantd` is installed"),
    ],
)
def test_a_name_that_stands_for_nothing_is_said_so(tried, arguments, said):
    done = tried(SHOUT, *arguments)
    assert done.exit_code == 2
    assert said in done.output
