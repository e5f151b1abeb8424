"""Which numbers are written out, at the ends of what is."""

from __future__ import annotations

import pytest

from mqa_robustness.perturbations.numerals import find_numerals, spell_cardinal, spell_ordinal, spell_year


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        ("9" * 15, True),
        ("1" + "0" * 15, False),
        ("0." + "1" * 15, True),
        ("0." + "1" * 16, False),
        ("111,111,111,111", True),
        ("1,111,111,111,111", False),
        ("0", True),
        ("01", False),
    ],
)
def test_a_number_has_up_to_fifteen_characters_and_no_leading_zero(text, is_found):
    assert bool(find_numerals(text)) == is_found


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("in 1099", "one thousand ninety-nine"),
        ("in 1100", "eleven hundred"),
        ("in 2099", "twenty ninety-nine"),
        ("in 2100", "two thousand one hundred"),
        ("about 1999", "one thousand nine hundred ninety-nine"),
    ],
)
def test_a_number_from_1100_to_2099_is_read_as_a_year_behind_words_for_time(text, words):
    assert find_numerals(text)[0][2] == (words,)


@pytest.mark.parametrize(
    ("number", "cardinal", "ordinal"),
    [
        (0, "zero", "zeroth"),
        (12, "twelve", "twelfth"),
        (19, "nineteen", "nineteenth"),
        (20, "twenty", "twentieth"),
        (999, "nine hundred ninety-nine", "nine hundred ninety-ninth"),
        (1000, "one thousand", "one thousandth"),
        (10**6, "one million", "one millionth"),
        (10**9 + 1, "one billion one", "one billion first"),
        (10**12, "one trillion", "one trillionth"),
    ],
)
def test_cardinals_and_ordinals(number, cardinal, ordinal):
    assert (spell_cardinal(number), spell_ordinal(number)) == (cardinal, ordinal)


@pytest.mark.parametrize(
    ("year", "words"),
    [
        (1999, "nineteen ninety-nine"),
        (2000, "two thousand"),
        (2009, "two thousand nine"),
        (2010, "twenty ten"),
        (1905, "nineteen oh five"),
        (1910, "nineteen ten"),
    ],
)
def test_years(year, words):
    assert spell_year(year) == words
