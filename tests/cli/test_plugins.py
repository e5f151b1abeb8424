"""What `mqa plugins` says: of a perturbation what it acts on and its effect on the target, and how lines fold."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from mqa_registry.cli.commands.plugins import show_plugins

SOURCE = '''
from mqa_registry import Perturbation, hookimpl

def quiet(example, rng):
    """Nothing happens."""

def turn(example, target, rng):
    """Upside down."""

def deny(example, rng, *, how: str = "flatly", often: int | None = None, whom: str):
    """The opposite is said.

    `how` is the manner in which it is said, and `often` the number of times that it is said again afterwards, to be sure
    of it; `whom` is who says it, and has to be named.

    - a list stays
    - as it is
    """

@hookimpl
def mqa_perturbations():
    yield Perturbation("quiet", quiet, modality="text", edits=True)
    yield Perturbation("turn", turn, modality="image", target_effect="moves")
    yield Perturbation("deny", deny, modality="text", target_effect="changes")
'''


@pytest.fixture
def shown(tmp_path, capsys, monkeypatch):
    path = tmp_path / "letters.py"
    path.write_text(SOURCE, "utf-8")

    def show_it(name, width=200):
        monkeypatch.setenv("COLUMNS", str(width))
        show_plugins(name, [path])
        return capsys.readouterr().out

    return show_it


def test_the_listing_warns_where_the_right_answer_does_not_stay(shown):
    lines = shown("letters").splitlines()
    assert lines[1].endswith("letters/quiet  perturbation: Nothing happens.")
    assert lines[2].endswith("letters/turn   perturbation, the target moves with the row: Upside down.")
    assert lines[3].endswith("letters/deny   perturbation, the target must change: The opposite is said.")
    assert lines[4] == '      options: how = "flatly", often (a whole number), whom (a string, required)'


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("quiet", ["perturbs: text", "the target: stays, spans of the text move with it"]),
        ("turn", ["perturbs: image", "the target: moves with the row"]),
        ("deny", ["perturbs: text", "the target: must change"]),
    ],
)
def test_one_perturbation_says_it_whatever_it_is(shown, name, said):
    assert all(f"  {line}" in shown(f"letters/{name}").splitlines() for line in said)


def test_an_option_says_what_it_is_where_it_is_left_out(shown):
    lines = shown("letters/deny").splitlines()
    assert '    how: a string (default "flatly")' in lines
    assert "    often: a whole number (may be left out)" in lines
    assert "    whom: a string (required)" in lines


def test_what_the_docstring_says_of_an_option_is_said_once(shown):
    assert shown("letters/deny").count("the manner in which it is said") == 1


def test_lines_are_folded_behind_their_names_at_the_width_of_the_terminal(shown):
    assert shown("letters", 60).splitlines()[2:] == [
        "  letters/turn   perturbation, the target moves with the",
        "                 row: Upside down.",
        "  letters/deny   perturbation, the target must change: The",
        "                 opposite is said.",
        '      options: how = "flatly", often (a whole number), whom',
        "        (a string, required)",
        "",
    ]


def test_a_terminal_too_narrow_for_a_column_of_names_still_shows_every_word(shown):
    assert shown("letters", 5).split() == shown("letters", 20).split() == shown("letters").split()


def test_a_docstring_is_folded_but_for_its_lists(shown):
    lines = shown("letters/deny", 80).splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[4].startswith("  `how` is the manner in which it is said, and `often` the number of")
    assert lines[5].startswith("  ")
    assert [line for line in lines if "list stays" in line or "as it is" in line] == [
        "  - a list stays",
        "  - as it is",
    ]


def test_in_a_pipe_a_line_stays_whole():
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    command = [sys.executable, "-m", "mqa_registry.cli", "plugins", "parity"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert len([line for line in done.stdout.splitlines() if line.startswith("  parity/tensors  ")]) == 1
    assert max(map(len, done.stdout.splitlines())) > 100
