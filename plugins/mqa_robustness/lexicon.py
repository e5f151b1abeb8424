"""Lexicons: the tables of words that this package ships, each with its origin and licence at its top."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).with_name("lexicons")
PAIR = re.compile(r"(.+) ([=<>]) (.+)")


class Pair(NamedTuple):
    """Two forms of one thing, and the way it goes: `=` both ways, `<` only to the left, `>` only to the right."""

    left: str
    way: str
    right: str


def lines(name: str) -> list[str]:
    """The lines of a lexicon, without comments and empty ones."""
    text = (FOLDER / f"{name}.txt").read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def pairs(name: str) -> list[Pair]:
    """The pairs of a lexicon, one on each line: `colour = color`."""
    return [Pair(*found.groups()) for line in lines(name) if (found := PAIR.fullmatch(line))]


def to_right(name: str) -> list[tuple[str, str]]:
    """What stands on the left of a lexicon, with what it becomes."""
    return [(left, right) for left, way, right in pairs(name) if way in "=>"]


def to_left(name: str) -> list[tuple[str, str]]:
    """What stands on the right of a lexicon, with what it becomes."""
    return [(right, left) for left, way, right in pairs(name) if way in "=<"]
