"""Languages: which language a text is written in, identified by the model that py3langid ships."""

from __future__ import annotations

from copy import copy
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from mqa_registry.errors import UsageError
from mqa_registry.extras import optional_import
from mqa_registry.naming import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

# English is identified without a doubt from 400 characters on. Of a longer text that repeats itself the model grows less
# sure again, and combining marks take its library time by the square of their number.
MAX_CHARACTERS = 1000


class Classifier(NamedTuple):
    """What identifies the language of a text, with its probability, and what it gives for an empty text."""

    classify: Callable[[str], tuple[str, float]]
    empty: tuple[str, float]


def identify_language(
    text: str, *, languages: Collection[str] | None = None, min_probability: float = 0.5
) -> str | None:
    """The ISO 639 code of the language that a text is most probably written in, as py3langid knows it.

    The first 1,000 characters from the first letter on are read. `languages` are the codes to choose from, left out all of
    them; a UsageError says which of them py3langid does not know. None where no language has
    `min_probability` against all of these, or where nothing in the text is recognised.
    """
    classifier = _classifier(None if languages is None else tuple(languages))
    start = next((index for index, character in enumerate(text) if character.isalpha()), len(text))
    found = classifier.classify(text[start : start + MAX_CHARACTERS])
    return None if found == classifier.empty or found[1] < min_probability else found[0]


@cache
def _classifier(languages: tuple[str, ...] | None) -> Classifier:
    identifier = copy(_identifier())
    if languages is not None:
        _check_codes(languages, identifier.labels)
        identifier.set_languages(languages)
    return Classifier(identifier.classify, identifier.classify(""))


@cache
def _identifier() -> Any:
    """An identifier of all languages. The library's own is shared, and whoever uses it may restrict its languages."""
    with optional_import("py3langid"):
        from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def _check_codes(languages: tuple[str, ...], codes: list[str]) -> None:
    """Raise a UsageError where a code is none that py3langid knows, or where there are less than two."""
    for code in languages:
        if code not in codes:
            guess = did_you_mean(code.lower().partition("-")[0], codes)
            raise UsageError(
                f"no language that can be identified has the code `{code}`",
                hint=f"{guess} these can: {', '.join(sorted(codes))}".strip(),
            )
    if len(set(languages)) < 2:
        raise UsageError(
            "`languages` needs two languages or more", hint="leave it out for every language that can be identified"
        )
