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
    r"(?<![\w.,:;/#@$\u20ac\u00a3+*=~^<>\u2013-])"
    r"(?P<coin>[$\u20ac\u00a3])?"
    r"(?P<whole>[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)"
    r"(?:\.(?P<fraction>[0-9]+)|(?P<suffix>st|nd|rd|th))?"
    r"(?P<share>[ ]?%)?"
    r"(?P<scale>[ ](?:hundred|thousand|million|billion|trillion)\b)?"
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
    if sum(bool(match[part]) for part in ("coin", "suffix", "share")) > 1 or (match["share"] and match["scale"]):
        return ""
    if match["suffix"]:
        plain = "," not in match["whole"] and not match["scale"]
        return ordinal(number) if plain and match["suffix"].lower() == _ending(number) else ""
    if match["coin"]:
        return _amount(match, number)
    words = year(number) if _is_year(match, text) else _plain(number, match["fraction"])
    return f"{words} percent" if match["share"] else f"{words}{match['scale'] or ''}"


def _is_year(match: re.Match[str], text: str) -> bool:
    if len(match["whole"]) != 4 or match["fraction"] or int(match["whole"]) not in YEARS:
        return False
    return bool(BEFORE_A_YEAR.search(text[max(0, match.start() - 20) : match.start()]))


def _plain(number: int, fraction: str | None) -> str:
    return decimal(number, fraction) if fraction else cardinal(number)


def _amount(match: re.Match[str], number: int) -> str:
    """An amount of money: $5.99 as five dollars and ninety-nine cents, $5 million as five million dollars."""
    (unit, part), fraction = COINS[match["coin"]], match["fraction"]
    if match["scale"] or (fraction and len(fraction) != 2):
        return f"{_plain(number, fraction)}{match['scale'] or ''} {unit}s"
    cents = _counted(int(fraction), part) if fraction and int(fraction) else ""
    whole = _counted(number, unit) if number or not cents else ""
    return " and ".join(words for words in (whole, cents) if words)


def _counted(number: int, unit: str) -> str:
    return f"{cardinal(number)} {unit if number == 1 else CENTS.get(unit, f'{unit}s')}"


def _ending(number: int) -> str:
    return "th" if number % 100 in (11, 12, 13) else ENDINGS.get(number % 10, "th")
