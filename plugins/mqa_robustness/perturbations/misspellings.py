"""Misspellings: typing errors, neighbouring keys, and letters that a scanner takes for others of the same shape.

The confusions of scanners are picked by hand: those between letters from `eng.unicharambigs` of Tesseract's language
data (https://github.com/tesseract-ocr/langdata, Apache License 2.0), which lists what its English reader mixes up; b
and h, and l, I, 1 and !, from the Project Gutenberg FAQ, S.16 (http://pge.rastko.net/faq/S-16).
"""

from __future__ import annotations

import re
from functools import partial
from string import ascii_lowercase
from typing import TYPE_CHECKING, Literal

from mqa_robustness.spans import (
    Rate,
    Severity,
    choose,
    edit_spans,
    edit_texts,
    find_words,
    find_words_where,
    match_letter_case,
    resolve_rate,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np

    from mqa_registry import Edit, Example

# Each row half a key to the right of the one above.
LAYOUTS = {
    "qwerty": ("qwertyuiop", "asdfghjkl", "zxcvbnm"),
    "qwertz": ("qwertzuiop", "asdfghjkl", "yxcvbnm"),
    "azerty": ("azertyuiop", "qsdfghjklm", "wxcvbn"),
}
# What is printed, and what it is read as.
CONFUSIONS = {
    "m": ("rn", "in", "ni"), "rn": ("m",), "in": ("m",), "nn": ("rm",), "rm": ("nn",), "d": ("cl",), "cl": ("d",),
    "n": ("ri", "ii"), "ri": ("n",), "h": ("li", "b"), "b": ("h",), "u": ("ii",), "w": ("vv",), "W": ("VV",),
    "H": ("ll",), "k": ("l<",), "t": ("f", "r"), "f": ("t",), "a": ("o",), "o": ("a", "0"), "e": ("c",), "c": ("e",),
    "l": ("1", "I", "!"), "I": ("l", "1", "!"),
}  # fmt: skip
CONFUSABLE = re.compile("|".join(CONFUSIONS))
MAX_CONFUSED = max(map(len, CONFUSIONS))  # letters


def typos(
    example: Example,
    rng: np.random.Generator,
    *,
    kind: Literal["mixed", "insert", "delete", "replace", "transpose"] = "mixed",
    severity: Severity | None = None,
    rate: Rate | None = None,
) -> dict[str, list[Edit]]:
    """One typing error in a share of the words.

    A letter is inserted, deleted, replaced, or transposed with the next. `kind` is one of these errors; `mixed` has all
    four, equally likely. So are all positions in the word and all letters: those from a to z, or in a word with others,
    those of the word itself. `severity` is a rate of 0.025, 0.05, 0.1, 0.2 or 0.4. `rate` is the share of the words of
    three letters or more.
    """
    share = resolve_rate(severity, rate)
    mistype = mistype_letter if kind == "mixed" else TYPOS[kind]
    return edit_texts(example, lambda text: edit_spans(text, find_words(text), rng, share, mistype))


def keyboard(
    example: Example,
    rng: np.random.Generator,
    *,
    layout: Literal["qwerty", "qwertz", "azerty"] = "qwerty",
    severity: Severity | None = None,
    rate: Rate | None = None,
) -> dict[str, list[Edit]]:
    """One letter in a share of the words replaced by its neighbour on the keyboard.

    All letters from a to z of a word are equally likely, and all neighbours of a letter. Capitals stay capitals.
    `layout` is where the keys are. `severity` is a rate of 0.025, 0.05, 0.1, 0.2 or 0.4. `rate` is the share of the
    words of three letters or more that have a letter from a to z.
    """
    share, keys = resolve_rate(severity, rate), ADJACENT_KEYS[layout]
    mistype = partial(hit_adjacent_key, keys=keys)

    def edit(text: str) -> list[Edit]:
        words = find_words_where(text, lambda word: word.isascii() or has_key(word, keys))
        return edit_spans(text, words, rng, share, mistype)

    return edit_texts(example, edit)


def ocr(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]]:
    """One letter or pair of letters in a share of the words misread, as by a scanner.

    Such as rn for m, c for e, 1 for l. All letters and pairs of a word that can be misread are equally likely, and all
    that they can be read as. `severity` is a rate of 0.025, 0.05, 0.1, 0.2 or 0.4. `rate` is the share of the words of
    three letters or more that can be misread.
    """
    share = resolve_rate(severity, rate)

    def edit(text: str) -> list[Edit]:
        return edit_spans(text, find_words_where(text, CONFUSABLE.search), rng, share, misread_letters)

    return edit_texts(example, edit)


def mistype_letter(word: str, draw: float) -> str:
    """The word with one of the four errors; the draw decides which, and where."""
    index, draw = choose(draw, len(MIXED))
    return MIXED[index](word, draw)


def insert_letter(word: str, draw: float) -> str:
    position, draw = choose(draw, len(word) + 1)
    letters = ascii_lowercase if word.isascii() else word
    letter = letters[choose(draw, len(letters))[0]]
    return word[:position] + match_letter_case(word, letter) + word[position:]


def delete_letter(word: str, draw: float) -> str:
    position, _ = choose(draw, len(word))
    return word[:position] + word[position + 1 :]


def replace_letter(word: str, draw: float) -> str:
    """The word with one letter replaced by another, or with one inserted where it has no other letter."""
    position, draw = choose(draw, len(word))
    old = word[position]
    letters = (ascii_lowercase if word.isascii() else word).replace(old.lower(), "").replace(old, "")
    if not letters:
        return insert_letter(word, draw)
    letter = letters[choose(draw, len(letters))[0]]
    return word[:position] + match_letter_case(old, letter) + word[position + 1 :]


def transpose_letters(word: str, draw: float) -> str:
    """The word with two neighbouring letters exchanged, or with one inserted where all its letters are the same."""
    positions = [position for position in range(len(word) - 1) if word[position] != word[position + 1]]
    if not positions:
        return insert_letter(word, draw)
    position = positions[choose(draw, len(positions))[0]]
    return word[:position] + word[position + 1] + word[position] + word[position + 2 :]


TYPOS: Mapping[str, Callable[[str, float], str]] = {
    "insert": insert_letter,
    "delete": delete_letter,
    "replace": replace_letter,
    "transpose": transpose_letters,
}


MIXED = tuple(TYPOS.values())


def hit_adjacent_key(word: str, draw: float, keys: Mapping[str, str]) -> str:
    """The word with one letter replaced by an adjacent key; the draw decides which, and by which key."""
    positions = [position for position, letter in enumerate(word) if letter.lower() in keys]
    index, draw = choose(draw, len(positions))
    position = positions[index]
    adjacent = keys[word[position].lower()]
    letter = match_letter_case(word[position], adjacent[choose(draw, len(adjacent))[0]])
    return word[:position] + letter + word[position + 1 :]


def has_key(word: str, keys: Mapping[str, str]) -> bool:
    """Whether a word has a letter of the keyboard."""
    return any(letter.lower() in keys for letter in word)


def find_adjacent_keys(rows: Sequence[str]) -> dict[str, str]:
    """For every letter of a keyboard, those around it: to the left and right, above and below."""
    return {
        letter: _find_keys_around(rows, row, key) for row, keys in enumerate(rows) for key, letter in enumerate(keys)
    }


def _find_keys_around(rows: Sequence[str], row: int, key: int) -> str:
    around = [(row, key - 1), (row, key + 1), (row - 1, key), (row - 1, key + 1), (row + 1, key - 1), (row + 1, key)]
    return "".join(rows[r][k] for r, k in around if 0 <= r < len(rows) and 0 <= k < len(rows[r]))


ADJACENT_KEYS = {name: find_adjacent_keys(rows) for name, rows in LAYOUTS.items()}


def misread_letters(word: str, draw: float) -> str:
    """The word with one letter or pair of letters misread; the draw decides which, and as what."""
    spans = [(start, start + length) for start in range(len(word)) for length in range(1, MAX_CONFUSED + 1)]
    confusable = [(start, end) for start, end in spans if end <= len(word) and word[start:end] in CONFUSIONS]
    index, draw = choose(draw, len(confusable))
    start, end = confusable[index]
    readings = CONFUSIONS[word[start:end]]
    return word[:start] + readings[choose(draw, len(readings))[0]] + word[end:]
