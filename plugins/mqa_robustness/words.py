"""Words that a slip can happen in: three letters and more, in any script."""

from __future__ import annotations

import re
import unicodedata

WORD = re.compile(r"([^\W\d_]{3,})")


def split_words(text: str) -> list[str]:
    """The text in turns: what stands between words, a word, and so on.

    A word is a run of three letters or more. A letter with a combining mark behind it (an accent of its own, a vowel
    sign) does not belong to one, so that no slip tears the two apart.
    """
    pieces = WORD.split(text)
    if not text.isascii():
        for place in range(1, len(pieces), 2):
            after = pieces[place + 1]
            if after and unicodedata.category(after[0])[0] == "M":
                pieces[place + 1] = pieces[place][-1] + after
                pieces[place] = pieces[place][:-1]
    return pieces


def is_word(piece: str) -> bool:
    """Whether a piece has kept its three letters."""
    return len(piece) >= 3


def in_case_of(model: str, letter: str) -> str:
    """A letter as a capital where its model, the letter it replaces or the word it joins, is in capitals."""
    return letter.upper() if model.isupper() else letter
