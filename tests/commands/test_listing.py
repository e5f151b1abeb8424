"""What `mqa plugins` says of a perturbation: what it acts on, and what becomes of the right answer."""

from __future__ import annotations

import pytest

from mqa_registry.commands.listing import show

SOURCE = '''
from mqa_registry import Perturbation, hookimpl

def quiet(example, rng):
    """Nothing happens."""

def turn(example, target, rng):
    """Upside down."""

def deny(example, rng, *, how: str = "flatly", often: int | None = None, whom: str):
    """The opposite is said."""

@hookimpl
def mqa_perturbations():
    yield Perturbation("quiet", quiet, modality="text", edits=True)
    yield Perturbation("turn", turn, modality="image", answer="moves")
    yield Perturbation("deny", deny, modality="text", answer="changes")
'''


@pytest.fixture
def shown(tmp_path, capsys):
    path = tmp_path / "letters.py"
    path.write_text(SOURCE, "utf-8")

    def show_it(name):
        show(name, [path])
        return capsys.readouterr().out

    return show_it


def test_the_listing_warns_where_the_right_answer_does_not_stay(shown):
    lines = shown("letters").splitlines()
    assert lines[1].endswith("letters/quiet  perturbation: Nothing happens.")
    assert lines[2].endswith("letters/turn   perturbation, the right answer moves with the row: Upside down.")
    assert lines[3].endswith("letters/deny   perturbation, the right answer must change: The opposite is said.")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("quiet", ["disturbs: text", "the right answer: stays, spans of the text move with it"]),
        ("turn", ["disturbs: image", "the right answer: moves with the row"]),
        ("deny", ["disturbs: text", "the right answer: must change"]),
    ],
)
def test_one_perturbation_says_it_whatever_it_is(shown, name, said):
    assert all(f"  {line}" in shown(f"letters/{name}").splitlines() for line in said)


def test_an_option_says_what_it_is_where_it_is_left_out(shown):
    lines = shown("letters/deny").splitlines()
    assert '    how: a string (default "flatly")' in lines
    assert "    often: a whole number (may be left out)" in lines
    assert "    whom: a string (required)" in lines
