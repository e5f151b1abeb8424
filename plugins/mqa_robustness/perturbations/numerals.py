"""Numerals written out in English: 3 as three, 21st as twenty-first, $5 as five dollars."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mqa_robustness.spans import LINEAR, Rate, Severity, edit_candidates, resolve_rate

if TYPE_CHECKING:
    import numpy as np

    from mqa_registry import Edit, Example
    from mqa_robustness.spans import Candidate

NUMERAL = re.compile(
    r"(?<![\w.,:;/#@$\u20ac\u00a3+*=~^<>\u2013-])"
    r"(?P<currency>[$\u20ac\u00a3])?"
    r"(?P<whole>[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)"
    r"(?:\.(?P<fraction>[0-9]+)|(?P<suffix>st|nd|rd|th))?"
    r"(?P<percent>[ ]?%)?"
    r"(?P<scale>[ ](?:hundred|thousand|million|billion|trillion)\b)?"
    r"(?![\w:/@#$*=^\u2013-]|[.,'\u2019][\w])",
    re.IGNORECASE,
)
CURRENCIES = {"$": ("dollar", "cent"), "\u20ac": ("euro", "cent"), "\u00a3": ("pound", "penny")}
IRREGULAR_PLURALS = {"penny": "pence"}
ORDINAL_SUFFIXES = {1: "st", 2: "nd", 3: "rd"}
BEFORE_YEAR = re.compile(
    r"\b(?:in|since|until|till|from|of|by|during|before|after|year|circa|early|late)\s+$", re.IGNORECASE
)
YEARS = range(1100, 2100)
MAX_LENGTH = 15  # digits, and commas between them

ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
SCALES = ((10**12, "trillion"), (10**9, "billion"), (10**6, "million"), (1000, "thousand"))
ORDINALS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth",
    "twelve": "twelfth",
}  # fmt: skip


def numbers_to_words(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]]:
    """Figures written out: 3 as three, 21st as twenty-first, $5 as five dollars, 50% as fifty percent.

    `severity` is a rate of 0.2, 0.4, 0.6, 0.8 or 1. `rate` is the share of the numbers, which are whole and decimal
    ones of up to 15 digits, ordinals, percentages, amounts in dollars, euros and pounds, and years behind words such as
    `in` and `since`; left out, all of them. What is no plain number stays: dates, times, scores, versions, ranges,
    numbers with a leading zero, model names.
    """
    return edit_candidates(example, rng, resolve_rate(severity, rate, LINEAR), find_numerals)


def find_numerals(text: str) -> list[Candidate]:
    """Every number of a text that can be written out, and how."""
    return [
        (*match.span(), (words,))
        for match in NUMERAL.finditer(text)
        if _is_plain(match) and (words := _write_out(match, text))
    ]


def _is_plain(match: re.Match[str]) -> bool:
    """Whether a number is short enough to be read, and has no leading zero."""
    whole = match["whole"]
    is_short = len(whole) <= MAX_LENGTH and len(match["fraction"] or "") <= MAX_LENGTH
    return is_short and (whole == "0" or whole[0] != "0")


def _write_out(match: re.Match[str], text: str) -> str:
    """The number in words; empty where it is not clear what it is."""
    number = int(match["whole"].replace(",", ""))
    parts = sum(bool(match[part]) for part in ("currency", "suffix", "percent"))
    if parts > 1 or (match["percent"] and match["scale"]):
        return ""
    if match["suffix"]:
        is_ordinal = "," not in match["whole"] and not match["scale"]
        return spell_ordinal(number) if is_ordinal and match["suffix"].lower() == _choose_ordinal_suffix(number) else ""
    if match["currency"]:
        return _spell_amount(match, number)
    words = spell_year(number) if _is_year(match, text) else _spell_number(number, match["fraction"])
    return f"{words} percent" if match["percent"] else f"{words}{match['scale'] or ''}"


def _is_year(match: re.Match[str], text: str) -> bool:
    if len(match["whole"]) != 4 or match["fraction"] or int(match["whole"]) not in YEARS:
        return False
    return bool(BEFORE_YEAR.search(text[max(0, match.start() - 20) : match.start()]))


def _spell_amount(match: re.Match[str], number: int) -> str:
    """An amount of money: $5.99 as five dollars and ninety-nine cents, $5 million as five million dollars."""
    (unit, subunit), fraction = CURRENCIES[match["currency"]], match["fraction"]
    if match["scale"] or (fraction and len(fraction) != 2):
        return f"{_spell_number(number, fraction)}{match['scale'] or ''} {unit}s"
    cents = _spell_count(int(fraction), subunit) if fraction and int(fraction) else ""
    whole = _spell_count(number, unit) if number or not cents else ""
    return " and ".join(words for words in (whole, cents) if words)


def _spell_count(number: int, unit: str) -> str:
    return f"{spell_cardinal(number)} {unit if number == 1 else IRREGULAR_PLURALS.get(unit, f'{unit}s')}"


def _spell_number(number: int, fraction: str | None) -> str:
    """A number, with its digits behind the point each by itself: three point one four."""
    if not fraction:
        return spell_cardinal(number)
    return f"{spell_cardinal(number)} point {' '.join(ONES[int(digit)] for digit in fraction)}"


def _choose_ordinal_suffix(number: int) -> str:
    return "th" if number % 100 in (11, 12, 13) else ORDINAL_SUFFIXES.get(number % 10, "th")


def spell_cardinal(number: int) -> str:
    """A number below 10**15 in words, without `and`: one hundred five."""
    parts = []
    for scale, name in SCALES:
        count, number = divmod(number, scale)
        if count:
            parts += [_spell_below_thousand(count), name]
    if number or not parts:
        parts.append(_spell_below_thousand(number))
    return " ".join(parts)


def spell_ordinal(number: int) -> str:
    """A rank in words: twenty-first."""
    words = spell_cardinal(number)
    head, separator, last = words.rpartition("-" if words.rfind("-") > words.rfind(" ") else " ")
    return head + separator + ORDINALS.get(last, last[:-1] + "ieth" if last.endswith("y") else last + "th")


def spell_year(number: int) -> str:
    """A year from 1100 to 2099 as it is said: nineteen oh five, two thousand one, twenty twenty-four."""
    century, rest = divmod(number, 100)
    if 2000 <= number < 2010:
        return spell_cardinal(number)
    if not rest:
        return f"{_spell_below_hundred(century)} hundred"
    return f"{_spell_below_hundred(century)} {'oh ' if rest < 10 else ''}{_spell_below_hundred(rest)}"


def _spell_below_thousand(number: int) -> str:
    hundreds, rest = divmod(number, 100)
    parts = [f"{ONES[hundreds]} hundred"] if hundreds else []
    return " ".join([*parts, _spell_below_hundred(rest)] if rest or not parts else parts)


def _spell_below_hundred(number: int) -> str:
    if number < 20:
        return ONES[number]
    tens, ones = divmod(number, 10)
    return f"{TENS[tens]}-{ONES[ones]}" if ones else TENS[tens]
