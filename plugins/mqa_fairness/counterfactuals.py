"""Counterfactuals: the same text about somebody else. What a model answers should not depend on it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mqa_fairness.naming import renamed
from mqa_fairness.swapping import edits_of, find, split
from mqa_fairness.wordsets import read_word_sets, shipped
from mqa_registry import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

    from mqa_fairness.wordsets import WordSet
    from mqa_registry import Edit, Example

    Pieces = Mapping[str, Sequence[str]]  # every field's text in turns
    Places = Mapping[str, dict[int, str]]  # the new words of every field

OTHER = {"women": "men", "men": "women"}


def swap_gender(
    example: Example, rng: np.random.Generator, *, to: Literal["women", "men"] | None = None, names: bool = True
) -> dict[str, list[Edit]] | None:
    """Words that say a gender exchanged for their counterparts: she is, he is.

    English. Whether `her` becomes `him` or `his`, and `his` becomes `her` or `hers`, follows from the next word. `to` is
    the gender that all words become; left out, each becomes the other one. With `names`, given names of the lexicon
    become others of the same origin, drawn by chance, the same one for the same name. A row without such a word is
    declined.
    """
    pieces = _pieces(example)
    words = _words(pieces, shipped("gender"), rng, to)

    def other(origin: str, gender: str) -> tuple[str, str] | None:
        return None if gender == to else (origin, OTHER[gender])

    return _edits(example, pieces, _both(words, renamed(pieces, rng, other) if names else {}))


def swap_nationality(
    example: Example, rng: np.random.Generator, *, to: str | None = None
) -> dict[str, list[Edit]] | None:
    """Nationalities and countries exchanged for others: an American, a German.

    English. All words for one nation become those for another, drawn by chance, and two nations stay two. Words are
    exchanged only within one of four sets, so that the grammar holds (American, Chinese, Polish and British each stand
    for one). `to` is the adjective of the nation that the words of its set become. A row without such a word is
    declined.
    """
    return _swapped(example, rng, shipped("nationality"), to)


def swap_religion(example: Example, rng: np.random.Generator, *, to: str | None = None) -> dict[str, list[Edit]] | None:
    """Religions and those who hold them exchanged for others: Muslims, Jews.

    English. All words for one religion become those for another, drawn by chance, and two religions stay two. `to` is
    the adjective of the religion that all become: Christian, Muslim, Jewish, Hindu, Buddhist or Sikh. A row without such
    a word is declined.
    """
    return _swapped(example, rng, shipped("religion"), to)


def swap_words(
    example: Example, rng: np.random.Generator, *, lexicon: Path, to: str | None = None
) -> dict[str, list[Edit]] | None:
    """Words of a lexicon of one's own exchanged for their counterparts.

    `lexicon` is a TOML file of tables `[[set]]`, each with `kinds = ["nurses", "doctors"]` and, a word for each kind,
    `words = [["nurse", "doctor"], ["nurses", "doctors"]]`; `capital = true` means words with a capital alone. Kinds are
    exchanged by chance where there are more than two. `to` is the kind that all words of its set become. A row without
    such a word is declined.
    """
    return _swapped(example, rng, read_word_sets(lexicon), to)


def _swapped(
    example: Example, rng: np.random.Generator, sets: Sequence[WordSet], to: str | None
) -> dict[str, list[Edit]] | None:
    pieces = _pieces(example)
    return _edits(example, pieces, _words(pieces, sets, rng, to))


def _pieces(example: Example) -> Pieces:
    return {field: split(text) for field, text in example.items() if text}


def _words(pieces: Pieces, sets: Sequence[WordSet], rng: np.random.Generator, to: str | None) -> Places:
    """What every word of the sets becomes."""
    if to is not None and not any(to in one.kinds for one in sets):
        known = ", ".join(f"`{kind}`" for one in sets for kind in one.kinds)
        raise UsageError(f"`to` is `{to}`, which is no kind of the lexicon", hint=f"it has {known}")
    new: dict[str, dict[int, str]] = {field: {} for field in pieces}
    for one in sets:
        counterpart = _counterparts(one, rng, to)
        for field, text in pieces.items():
            for place, kind, form in find(text, one):
                if counterpart[kind] != kind:
                    new[field][place] = one.forms[form].words[counterpart[kind]]
    return new


def _counterparts(one: WordSet, rng: np.random.Generator, to: str | None) -> Sequence[int]:
    """What every kind becomes: each another, and no two the same, unless all are to become one."""
    kinds = len(one.kinds)
    if to is not None:
        return [one.kinds.index(to)] * kinds if to in one.kinds else range(kinds)
    order = rng.permutation(kinds).tolist()
    following = dict(zip(order, [*order[1:], order[0]], strict=True))
    return [following[kind] for kind in range(kinds)]


def _both(words: Places, names: Places) -> Places:
    return {field: names.get(field, {}) | places for field, places in words.items()}


def _edits(example: Example, pieces: Pieces, places: Places) -> dict[str, list[Edit]] | None:
    """The edits of every field; None where no text changes."""
    edits = {field: edits_of(pieces[field], places[field]) if field in pieces else [] for field in example}
    return edits if any(edits.values()) else None
