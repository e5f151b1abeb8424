"""The pen: the one place where words become text on a console, our own and those of the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text

from mqa_registry.judging.result import Verdict
from mqa_registry.report.text import shorten

if TYPE_CHECKING:
    from rich.console import Console

NAME = 60  # cells that a name of the data may take: a check, a group, a label
LONG = 2000  # and a note

STYLES = {
    Verdict.PASS: "green",
    Verdict.FAIL: "bold red",
    Verdict.INCONCLUSIVE: "bold yellow",
    Verdict.ERROR: "bold magenta",
    Verdict.NOT_RUN: "bold magenta",
}
_MARKS = {
    Verdict.PASS: ("✓", "PASS"),
    Verdict.FAIL: ("✗", "FAIL"),
    Verdict.INCONCLUSIVE: ("?", "?   "),
    Verdict.ERROR: ("!", "!   "),
    Verdict.NOT_RUN: ("-", "-   "),
}
_IN_ASCII = str.maketrans({"≥": ">=", "≤": "<=", "→": "->", "…": "...", "─": "-"})


@dataclass(frozen=True)
class Pen:
    """Writes for one console: in Unicode where its encoding has it, else in ASCII. It makes text, never markup."""

    console: Console
    verbose: int = 0

    @property
    def width(self) -> int:
        """How many cells a line has."""
        return self.console.width

    @property
    def ascii_only(self) -> bool:
        """Whether the stream's encoding has no more than ASCII."""
        return self.console.options.ascii_only

    def own(self, words: str, style: str = "") -> Text:
        """Words of ours."""
        return Text(words.translate(_IN_ASCII) if self.ascii_only else words, style)

    def data(self, value: object, style: str = "", *, cells: int = NAME) -> Text:
        """Words of the data, or of anybody else's code: shown, never obeyed, at most so many cells of them."""
        words = value if isinstance(value, str) else str(value)
        start = words.translate(_IN_ASCII) if self.ascii_only and len(words) <= LONG else words
        return Text(shorten(start, cells, ascii_only=self.ascii_only), style)

    def mark(self, verdict: Verdict) -> Text:
        """The verdict as a sign; in ASCII as a word, all of one width."""
        return Text(_MARKS[verdict][self.ascii_only], STYLES[verdict])

    def line(self, *parts: Text | str, style: str = "") -> Text:
        """Parts set side by side; plain strings are words of ours."""
        whole = Text(style=style)
        for part in parts:
            whole.append_text(self.own(part) if isinstance(part, str) else part)
        return whole

    def wrapped(self, text: Text, width: int, *, lead: Text | None = None, indent: int = 0) -> list[Text]:
        """The text in lines of `width`: the first behind `lead`, the others behind `indent` blanks."""
        lead = lead or Text()
        lines = text.wrap(self.console, max(width - max(lead.cell_len, indent), 1), overflow="fold")
        for line in lines:
            line.rstrip()
        return [self.line(Text(" " * indent) if number else lead, line) for number, line in enumerate(lines)]
