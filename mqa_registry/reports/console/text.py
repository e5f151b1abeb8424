"""Text for a console: nothing in the data acts on the terminal, reorders a line, hides, or is read as markup."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from mqa_registry.judging.result import Verdict
from mqa_registry.reports.output import explain_output_errors, output

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_NAME_CELLS = 60  # of a name in the data: a check, a group, a label
MAX_NOTE_CELLS = 2000
_HANGING = 2  # cells that the lines after the first are indented by, where there is no room to align them
_MAX_ACCENTS = 3  # on one letter: Vietnamese and Hebrew need them, more of them cover other lines

# Python calls these printable, yet they draw nothing: joiners, fillers, the blank of Braille, Mongolian selectors.
_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")
_SELECTORS = (range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0))  # can smuggle a whole text unseen
_EMOJI_STYLES = frozenset("\ufe0e\ufe0f")  # these two selectors, black or coloured, are common: left out without a sign

VERDICT_STYLES = {
    Verdict.PASS: "green",
    Verdict.FAIL: "bold red",
    Verdict.INCONCLUSIVE: "bold yellow",
    Verdict.ERROR: "bold magenta",
    Verdict.NOT_RUN: "bold magenta",
}
_SYMBOLS = {  # in Unicode and in ASCII
    Verdict.PASS: ("✓", "PASS"),
    Verdict.FAIL: ("✗", "FAIL"),
    Verdict.INCONCLUSIVE: ("?", "?   "),
    Verdict.ERROR: ("!", "!   "),
    Verdict.NOT_RUN: ("-", "-   "),
}
_TO_ASCII = str.maketrans({"≥": ">=", "≤": "<=", "→": "->", "…": "...", "─": "-"})


@dataclass(frozen=True)
class TextBuilder:
    """Makes text for one console: in Unicode where its encoding has that, else in ASCII.

    `verbose` is how much the report says: above 0 everything, below 0 the verdict alone.
    """

    console: Console
    verbose: int = 0

    @property
    def width(self) -> int:
        """How many cells a line has."""
        return self.console.width

    @property
    def is_ascii(self) -> bool:
        """Whether the stream's encoding has no more than ASCII."""
        return self.console.options.ascii_only

    def literal(self, words: str, style: str = "") -> Text:
        """Words of this program."""
        return Text(words.translate(_TO_ASCII) if self.is_ascii else words, style)

    def quote(self, value: object, style: str = "", *, cells: int = MAX_NAME_CELLS) -> Text:
        """Words of the data or of a plugin, made visible and cut to so many cells."""
        words = value if isinstance(value, str) else str(value)
        if self.is_ascii and len(words) <= MAX_NOTE_CELLS:
            words = words.translate(_TO_ASCII)
        return Text(shorten_text(words, cells, ascii_only=self.is_ascii), style)

    def symbol(self, verdict: Verdict) -> Text:
        """The verdict as a sign; in ASCII as a word, all of one width."""
        return Text(_SYMBOLS[verdict][self.is_ascii], VERDICT_STYLES[verdict])

    def join(self, *parts: Text | str, style: str = "") -> Text:
        """One text of several; plain strings are words of this program."""
        joined = Text(style=style)
        for part in parts:
            joined.append_text(self.literal(part) if isinstance(part, str) else part)
        return joined

    def wrap(self, text: Text, width: int, *, lead: Text | None = None, indent: int = 0) -> list[Text]:
        """The text in lines of `width` cells: the first after `lead`, the others after `indent` blanks."""
        lead = lead or Text()
        lines = text.wrap(self.console, max(width - max(lead.cell_len, indent), 1), overflow="fold")
        for line in lines:
            line.rstrip()
        return [self.join(Text(" " * indent) if number else lead, line) for number, line in enumerate(lines)]

    def wrap_after(self, lead: Text, text: Text, *, width: int | None = None) -> list[Text]:
        """The text in lines as wide as the console or `width`, the first after `lead` and the others aligned with it.

        After a lead that takes more than half of the width, the text goes on from the left instead.
        """
        room = self.width if width is None else width
        if lead.cell_len * 2 <= room:
            return self.wrap(text, room, lead=lead, indent=lead.cell_len)
        blanks = len(lead.plain) - len(lead.plain.lstrip())
        margin = Text(" " * min(blanks, _HANGING))
        return self.wrap(lead[blanks:] + text, room, lead=margin, indent=margin.cell_len + _HANGING)


def make_visible(value: object, *, ascii_only: bool = False) -> str:
    r"""Any value as one line of visible characters; invisible ones are escaped, as `\n`, `\x1b`, `\u202e`.

    With `ascii_only`, so is all that is not ASCII: `é` becomes `\xe9`.
    """
    text = value if isinstance(value, str) else str(value)
    if text.isascii() and text.isprintable():
        return text
    visible = "".join(_escape_invisible(text))
    return visible.encode("ascii", "backslashreplace").decode("ascii") if ascii_only else visible


def shorten_text(value: object, cells: int, *, ascii_only: bool = False) -> str:
    """The value made visible, and cut to so many terminal cells where it takes more."""
    text = value if isinstance(value, str) else str(value)
    start = text[: cells * (_MAX_ACCENTS + 1) + 1]  # enough to fill the cells, so that a megabyte is never read
    visible = make_visible(start, ascii_only=ascii_only)
    if len(start) == len(text) and cell_len(visible) <= cells:
        return visible
    ellipsis = "..." if ascii_only else "…"
    return set_cell_size(visible, max(cells - len(ellipsis), 0)).rstrip() + ellipsis[:cells]


def open_console(*, to_stderr: bool = False, highlight: bool = True) -> Console:
    """A console for what a person reads, on standard output, or on standard error where a program reads the former."""
    return _Console(stderr=True, highlight=highlight) if to_stderr else _Console(file=output(), highlight=highlight)


class _Console(Console):
    """A console that raises an OutputError, or a BrokenPipeError when its reader has left, and does not end the process."""

    def print(self, *objects: Any, **options: Any) -> None:
        with explain_output_errors():
            super().print(*objects, **options)

    def on_broken_pipe(self) -> NoReturn:
        raise  # noqa: PLE0704 - rich calls it while it handles the error


def _escape_invisible(text: str) -> Iterator[str]:
    accents = _MAX_ACCENTS  # an accent with no letter before it would be drawn over a letter of this program
    for character in text:
        if character in _EMOJI_STYLES:
            continue
        accents = accents + 1 if cell_len(character) == 0 else 0
        is_escaped = accents > _MAX_ACCENTS or _is_invisible(character)
        accents = _MAX_ACCENTS if is_escaped else accents
        yield character.encode("unicode_escape").decode("ascii") if is_escaped else character


def _is_invisible(character: str) -> bool:
    is_selector = any(ord(character) in block for block in _SELECTORS)
    return is_selector or character in _INVISIBLE or not character.isprintable()
