"""The language that a text is most probably written in: a guess."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

from mqa_registry import optional_import

READ = 1000  # characters from a letter on; a longer text is no surer, and costs more
SURE = 0.5  # the probability from which a language is told, and not that it is uncertain
UNCERTAIN = "uncertain"


class Model(NamedTuple):
    """What guesses the language of a text, and its guess of a text in which it recognises nothing."""

    guess: Any
    blank: tuple[str, float]


def language_of(text: str) -> str:
    """The ISO 639 code of a text's language, as py3langid knows it; `uncertain` where none is at least that probable.

    A text without letters is uncertain too.
    """
    start = next((place for place, character in enumerate(text) if character.isalpha()), len(text))
    found = _model().guess(text[start : start + READ])
    return UNCERTAIN if found == _model().blank or found[1] < SURE else str(found[0])


@cache
def _model() -> Model:
    """All languages. The library has an identifier of its own, which whoever uses it may restrict."""
    with optional_import("py3langid"):
        from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    return Model(identifier.classify, identifier.classify(""))
