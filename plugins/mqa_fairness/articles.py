"""The indefinite article: `a` or `an`, by the sound that the next word begins with."""

from __future__ import annotations

import re

# Words that are not said as they are spelt: a European, a user, a one-off; an heir, an hour.
CONSONANT = re.compile(r"eu|u(?:ni|su|se|ti|kr|gan|ru|k\b)|one\b|once\b|ewe", re.IGNORECASE)
VOWEL = re.compile(
    r"[aeiou\u00e0-\u00e6\u00e8-\u00ef\u00f2-\u00f6\u00f9-\u00fc]|heir|hono|hour|8|1[18]\b", re.IGNORECASE
)


def takes_an(word: str) -> bool:
    """Whether a word, or a number in digits, begins with the sound of a vowel."""
    return bool(VOWEL.match(word)) and not CONSONANT.match(word)


def agreeing(article: str, before: str, after: str) -> str:
    """The article that stood before one word, as it has to be before another.

    One that was wrong before the first is left alone, as is anything that is no indefinite article.
    """
    if article.lower() not in {"a", "an"} or takes_an(before) == takes_an(after):
        return article
    if (article.lower() == "an") != takes_an(before):
        return article
    if takes_an(after):
        return article + ("N" if article.isupper() and before.isupper() else "n")
    return article[0]
