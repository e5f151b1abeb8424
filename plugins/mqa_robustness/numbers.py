"""Figures written out: 3 as three, $5 as five dollars."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mqa_robustness.candidates import edits_of
from mqa_robustness.numerals import cardinal, decimal, ordinal, year
from mqa_robustness.severity import FIFTHS, Rate, Severity, rate_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    from mqa_registry import Edit, Example
    from mqa_robustness.candidates import Candidate

FIGURE = re.compile(
    r"(?<![\w.,:/#@$\u20ac\u00a3+*=~^\u2013-])"
    r"(?P<coin>[$\u20ac\u00a3])?"
    r"(?P<whole>[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)"
    r"(?:\.(?P<fraction>[0-9]+)|(?P<suffix>st|nd|rd|th))?"
    r"(?P<share>[ ]?%)?"
    r"(?![\w:/@#$*=^\u2013-]|[.,'\u2019][\w])",
    re.IGNORECASE,
)
COINS = {"$": ("dollar", "cent"), "\u20ac": ("euro", "cent"), "\u00a3": ("pound", "penny")}
CENTS = {"penny": "pence"}
ENDINGS = {1: "st", 2: "nd", 3: "rd"}
BEFORE_A_YEAR = re.compile(
    r"\b(?:in|since|until|till|from|of|by|during|before|after|year|circa|early|late)\s+$", re.IGNORECASE
)
YEARS = range(1100, 2100)
LONGEST = 15  # digits, and commas between them


def numbers_to_words(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]]:
    """Figures written out: 3 as three, 21st as twenty-first, $5 as five dollars, 50% as fifty percent.

    `severity` is a rate of 0.2, 0.4, 0.6, 0.8 or 1. `rate` is the share of the numbers, which are whole and decimal
    ones of up to 15 digits, ordinals, percentages, amounts in dollars, euros and pounds, and years behind words such as
    `in` and `since`; left out, all of them. What is no plain number stays: dates, times, scores, versions, ranges,
    numbers with a leading zero, model names.
    """
    return edits_of(example, rng, rate_of(severity, rate, FIFTHS), found)


def found(text: str) -> list[Candidate]:
    """Every number of a text that can be written out, and how."""
    return [(*match.span(), (words,)) for match in _figures(text) if (words := _spoken(match, text))]


def _figures(text: str) -> Iterator[re.Match[str]]:
    for match in FIGURE.finditer(text):
        whole = match["whole"]
        if len(whole) <= LONGEST and len(match["fraction"] or "") <= LONGEST and (whole == "0" or whole[0] != "0"):
            yield match


def _spoken(match: re.Match[str], text: str) -> str:
    """The number in words; nothing where it is not clear what it is."""
    number = int(match["whole"].replace(",", ""))
    if match["suffix"]:
        plain = not match["coin"] and not match["share"] and "," not in match["whole"]
        return ordinal(number) if plain and match["suffix"].lower() == _ending(number) else ""
    if match["coin"]:
        return "" if match["share"] else _amount(match["coin"], number, match["fraction"])
    if match["fraction"]:
        words = decimal(number, match["fraction"])
    elif (
        number in YEARS
        and len(match["whole"]) == 4
        and BEFORE_A_YEAR.search(text, max(0, match.start() - 20), match.start())
    ):
        words = year(number)
    else:
        words = cardinal(number)
    return f"{words} percent" if match["share"] else words


def _amount(coin: str, number: int, fraction: str | None) -> str:
    unit, part = COINS[coin]
    if fraction is None:
        return _counted(number, unit)
    if len(fraction) != 2:
        return f"{decimal(number, fraction)} {unit}s"
    cents = _counted(int(fraction), part) if int(fraction) else ""
    whole = _counted(number, unit) if number or not cents else ""
    return " and ".join(words for words in (whole, cents) if words)


def _counted(number: int, unit: str) -> str:
    return f"{cardinal(number)} {unit if number == 1 else CENTS.get(unit, f'{unit}s')}"


def _ending(number: int) -> str:
    return "th" if number % 100 in (11, 12, 13) else ENDINGS.get(number % 10, "th")
