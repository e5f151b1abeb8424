"""Text from the data, made safe to show: nothing in it is a control code, reorders a line, or hides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size

if TYPE_CHECKING:
    from collections.abc import Iterator

_MARKS = 3  # accents that may stand on one letter: Vietnamese and Hebrew need them, more climb over other lines

# Python calls these printable, yet they draw nothing: joiners, fillers, the blank of Braille, Mongolian selectors.
_HIDDEN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")
_SELECTORS = (range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0))  # can smuggle a whole text unseen
_EMOJI_STYLE = frozenset("\ufe0e\ufe0f")  # black or coloured: these two selectors are common, and left out in silence


def visible(value: object, *, ascii_only: bool = False) -> str:
    r"""Any value as one line of visible characters; what cannot be seen stands as `\n`, `\x1b`, `\u202e`.

    With `ascii_only`, for a stream that knows no more, `é` stands as `\xe9`.
    """
    text = value if isinstance(value, str) else str(value)
    if text.isascii() and text.isprintable():
        return text
    shown = "".join(_characters(text))
    return shown.encode("ascii", "backslashreplace").decode("ascii") if ascii_only else shown


def shorten(value: object, cells: int, *, ascii_only: bool = False) -> str:
    """The value made visible, and cut to so many terminal cells where it takes more."""
    text = value if isinstance(value, str) else str(value)
    start = text[: cells * (_MARKS + 1) + 1]  # enough to fill the cells, so that a megabyte is never read
    shown = visible(start, ascii_only=ascii_only)
    if len(start) == len(text) and cell_len(shown) <= cells:
        return shown
    more = "..." if ascii_only else "…"
    return set_cell_size(shown, max(cells - len(more), 0)).rstrip() + more[:cells]


def _characters(text: str) -> Iterator[str]:
    marks = _MARKS  # an accent with no letter before it would land on our own text
    for character in text:
        if character in _EMOJI_STYLE:
            continue
        marks = marks + 1 if cell_len(character) == 0 else 0
        hidden = marks > _MARKS or _draws_nothing(character)
        marks = _MARKS if hidden else marks
        yield _escaped(character) if hidden else character


def _draws_nothing(character: str) -> bool:
    selector = any(ord(character) in block for block in _SELECTORS)
    return selector or character in _HIDDEN or not character.isprintable()


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
