"""Groups by the language that a text is written in."""

from __future__ import annotations

from copy import copy
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, TypeAlias

from annotated_types import Ge, Le

from mqa_fairness.columns import value_of
from mqa_fairness.scripts import NO_LETTERS, first_letter
from mqa_registry import UsageError, optional_import

if TYPE_CHECKING:
    from collections.abc import Callable

    from mqa_registry import Example

    Guess: TypeAlias = tuple[str, float]  # the code of a language, and its probability

UNCERTAIN = "uncertain"
# English is told without a doubt from 400 characters on. Of a longer text that repeats itself the model grows less sure
# again, and combining marks take its library time by the square of their number.
READ = 1000


class Model(NamedTuple):
    """What guesses the language of a text, and its guess of a text in which it recognises nothing."""

    guess: Callable[[str], Guess]
    blank: Guess


def language(
    example: Example,
    *,
    among: list[str] | None = None,
    min_probability: Annotated[float, Ge(0), Le(1)] = 0.5,
    column: str = "text",
) -> str | None:
    """The language that a text is most probably written in: a guess.

    The groups are ISO 639 codes, as py3langid knows them for 139 languages: `en`, `de`, `zh`, `yue` and so on, and `zxx`
    for letters that are no language, such as markup. `among` is which of them come into question; left out, all of them.
    A text in any other language is then taken for one of those. `min_probability` is the probability, of one language
    against all that come into question, under which a text is in the group `uncertain`; `no letters` are texts of
    digits, marks and emoji. `column` is the one with the text, of which the first 1,000 characters from a letter on are
    read. A missing text puts the row in no group.

    Short texts are unsure. Of 4,196 English sentences 2 are taken for another language, and 6 % are uncertain; of the
    461 with up to six words none, and 42 %, where `min_probability = 0` would mistake 13 %. They are those of the demo
    data, and the default was chosen by them. Where it is known which languages there are, `among` leaves fewer
    uncertain. A text of several languages gets one of them, and close languages, such as Danish and Norwegian, are
    mistaken for each other sooner. One core reads some 13,000 sentences a second. The model is one of langid.py (Lui
    and Baldwin, 2012).
    """
    model = _model(None if among is None else tuple(among))
    text = value_of(example, column)
    if text is None:
        return None
    text = str(text)
    start = first_letter(text)
    if start is None:
        return NO_LETTERS
    found = model.guess(text[start : start + READ])
    return UNCERTAIN if found == model.blank or found[1] < min_probability else found[0]


@cache
def _model(among: tuple[str, ...] | None) -> Model:
    """The model that knows some languages alone; a UsageError where it does not know one of them."""
    identifier = copy(_identifier())
    if among is not None:
        _check(among, identifier.labels)
        identifier.set_languages(among)
    return Model(identifier.classify, identifier.classify(""))


@cache
def _identifier() -> Any:
    """All languages. The library has an identifier of its own, which whoever uses it may restrict."""
    with optional_import("py3langid"):
        from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def _check(among: tuple[str, ...], known: list[str]) -> None:
    for name in among:
        if name not in known:
            close = get_close_matches(name.lower().partition("-")[0], known, n=1)
            guess = f"did you mean `{close[0]}`? " if close else ""
            raise UsageError(
                f"no language that can be told has the code `{name}`",
                hint=f"{guess}these can: {', '.join(sorted(known))}",
            )
    if len(set(among)) < 2:
        raise UsageError("`among` needs two languages or more", hint="leave it out for every language that can be told")
