"""Numbers in English words."""

from __future__ import annotations

SMALL = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
SCALES = ((10**12, "trillion"), (10**9, "billion"), (10**6, "million"), (1000, "thousand"))
ORDINALS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth",
    "twelve": "twelfth",
}  # fmt: skip


def cardinal(number: int) -> str:
    """A number below 10**15 in words, without `and`: one hundred five."""
    parts = []
    for scale, name in SCALES:
        count, number = divmod(number, scale)
        if count:
            parts += [_below_thousand(count), name]
    if number or not parts:
        parts.append(_below_thousand(number))
    return " ".join(parts)


def ordinal(number: int) -> str:
    """A place in an order, in words: twenty-first."""
    before, mark, last = _parted(cardinal(number))
    return before + mark + ORDINALS.get(last, last[:-1] + "ieth" if last.endswith("y") else last + "th")


def year(number: int) -> str:
    """A year from 1100 to 2099 as it is said: nineteen oh five, two thousand one, twenty twenty-four."""
    century, rest = divmod(number, 100)
    if 2000 <= number < 2010:
        return cardinal(number)
    if not rest:
        return f"{_below_hundred(century)} hundred"
    return f"{_below_hundred(century)} {'oh ' if rest < 10 else ''}{_below_hundred(rest)}"


def decimal(whole: int, fraction: str) -> str:
    """A number with its digits behind the point, each by itself: three point one four."""
    return f"{cardinal(whole)} point {' '.join(SMALL[int(digit)] for digit in fraction)}"


def _below_thousand(number: int) -> str:
    hundreds, rest = divmod(number, 100)
    parts = [f"{SMALL[hundreds]} hundred"] if hundreds else []
    return " ".join([*parts, _below_hundred(rest)] if rest or not parts else parts)


def _below_hundred(number: int) -> str:
    if number < 20:
        return SMALL[number]
    tens, ones = divmod(number, 10)
    return f"{TENS[tens]}-{SMALL[ones]}" if ones else TENS[tens]


def _parted(words: str) -> tuple[str, str, str]:
    """All but the last word, what stands between, and the last word."""
    mark = "-" if words.rfind("-") > words.rfind(" ") else " "
    before, mark, last = words.rpartition(mark)
    return before, mark, last
