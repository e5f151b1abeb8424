"""Counterfactuals: the same text about somebody else, on which a prediction should not depend."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from mqa_fairness.lexicon import (
    NameGroup,
    list_name_origins,
    read_name_groups,
    read_names,
    read_shipped_word_sets,
    read_word_sets,
)
from mqa_fairness.word_replacement import agree_article, find_names, find_words, make_edits, split_text
from mqa_registry import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import numpy as np

    from mqa_fairness.lexicon import WordSet
    from mqa_registry import Edit, Example

    Pieces: TypeAlias = Mapping[str, Sequence[str]]  # of every field's text
    Replacements: TypeAlias = Mapping[str, dict[int, str]]  # the new words of every field, by the index of the piece

OTHER_GENDER = {"women": "men", "men": "women"}

# An age in digits, with the article before it: a 25-year-old, 71 years old, aged 40.
AGE = re.compile(
    r"\b(?:(?P<article>an?)(?P<gap>\s+))?(?P<age>[1-9]\d)(?=[\s-]+(?:years?|yrs?)[\s-]+olds?\b|-?y/?o\b)"
    r"|(?<=\baged\s)(?P<aged>[1-9]\d)\b",
    re.IGNORECASE,
)
AGES = {"younger": [str(age) for age in range(18, 50)], "older": [str(age) for age in range(50, 100)]}
NEW_AGES = {"younger": (60, 86), "older": (20, 36)}  # of who is younger, or older: from, to below


def swap_gender(
    example: Example, rng: np.random.Generator, *, to: Literal["women", "men"] | None = None, names: bool = True
) -> dict[str, list[Edit]] | None:
    """Words that say a gender exchanged for their counterparts: she is, he is.

    English. Whether `her` becomes `him` or `his`, and `his` becomes `her` or `hers`, follows from the next word. `to` is
    the gender that all words become; left out, each becomes the other one. With `names`, given names of the lexicon
    become others of the same origin, drawn by chance, the same one for the same name. A row without such a word is
    declined.
    """
    pieces = _split_fields(example)
    words = _replace_words(pieces, read_shipped_word_sets("gender"), rng, to)

    def choose_group(group: NameGroup) -> NameGroup | None:
        return None if group.gender == to else NameGroup(group.origin, OTHER_GENDER[group.gender])

    new_names = _replace_names(pieces, rng, choose_group) if names else {}
    return _edit_fields(example, pieces, {field: new_names.get(field, {}) | words[field] for field in words})


def swap_names(example: Example, rng: np.random.Generator, *, to: str | None = None) -> dict[str, list[Edit]] | None:
    """Given names exchanged for names of another origin and the same gender: Emily, Aisha.

    `to` is the origin of the new names: english, african-american, hispanic, arabic, indian, chinese or russian; left
    out, it is drawn by chance for the whole row. So are the names, the same one for the same name. Names are found with
    a capital, by the lexicon of `fairness/names`. A row without a name that could be exchanged is declined.
    """
    origins = list_name_origins()
    if to is not None and to not in origins:
        raise UsageError(
            f"the lexicon has no names of the origin `{to}`",
            hint=f"it has {', '.join(f'`{origin}`' for origin in origins)}",
        )
    order = rng.permutation(origins).tolist() if to is None else [to]

    def choose_group(group: NameGroup) -> NameGroup | None:
        return next((NameGroup(origin, group.gender) for origin in order if origin != group.origin), None)

    pieces = _split_fields(example)
    return _edit_fields(example, pieces, _replace_names(pieces, rng, choose_group))


def swap_nationality(
    example: Example, rng: np.random.Generator, *, to: str | None = None
) -> dict[str, list[Edit]] | None:
    """Nationalities and countries exchanged for others: an American, a German.

    English. All words for one nation become those for another, drawn by chance, and two nations stay two. Words are
    exchanged only within one of four sets, so that the grammar holds (American, Chinese, Polish and British each stand
    for one). `to` is the adjective of the nation that the words of its set become. A row without such a word is
    declined.
    """
    return _swap_words(example, rng, read_shipped_word_sets("nationality"), to)


def swap_religion(example: Example, rng: np.random.Generator, *, to: str | None = None) -> dict[str, list[Edit]] | None:
    """Religions and those who hold them exchanged for others: Muslims, Jews.

    English. All words for one religion become those for another, drawn by chance, and two religions stay two. `to` is
    the adjective of the religion that all become: Christian, Muslim, Jewish, Hindu, Buddhist or Sikh. A row without such
    a word is declined.
    """
    return _swap_words(example, rng, read_shipped_word_sets("religion"), to)


def swap_age(
    example: Example, rng: np.random.Generator, *, to: Literal["younger", "older"] | None = None
) -> dict[str, list[Edit]] | None:
    """Ages of adults exchanged: a young woman for an old one, 25 years old for 71.

    English. Adjectives are exchanged before a word for people, teenagers and pensioners by themselves, and ages in
    digits from 18 on (`25-year-old`, `25 years old`, `aged 25`): below 50 for one from 60 to 85, others for one from 20 to
    35, drawn by chance, the same one for the same age. `to` leaves those alone that are so already. Children stay
    children. A row that speaks of no age is declined.
    """
    new: dict[str, str] = {}
    for kind, span in NEW_AGES.items():
        ages = rng.integers(*span, size=len(AGES[kind])).tolist()
        if kind != to:
            new |= dict(zip(AGES[kind], map(str, ages), strict=True))
    edits = {
        field: sorted([*_edit_age_words(text, to), *_edit_age_numbers(text, new)]) if text else []
        for field, text in example.items()
    }
    return edits if any(edits.values()) else None


def swap_words(
    example: Example, rng: np.random.Generator, *, lexicon: Path, to: str | None = None
) -> dict[str, list[Edit]] | None:
    """Words of a given lexicon exchanged for their counterparts.

    `lexicon` is a TOML file of tables `[[set]]`, each with `kinds = ["nurses", "doctors"]` and, a word for each kind,
    `words = [["nurse", "doctor"], ["nurses", "doctors"]]`; `capital = true` means words with a capital alone. Kinds are
    exchanged by chance where there are more than two. `to` is the kind that all words of its set become. A row without
    such a word is declined.
    """
    return _swap_words(example, rng, read_word_sets(lexicon), to)


def _swap_words(
    example: Example, rng: np.random.Generator, sets: Sequence[WordSet], to: str | None
) -> dict[str, list[Edit]] | None:
    pieces = _split_fields(example)
    return _edit_fields(example, pieces, _replace_words(pieces, sets, rng, to))


def _split_fields(example: Example) -> Pieces:
    return {field: split_text(text) for field, text in example.items() if text}


def _edit_fields(example: Example, pieces: Pieces, replacements: Replacements) -> dict[str, list[Edit]] | None:
    """The edits of every field; None where no text changes."""
    edits = {field: make_edits(pieces[field], replacements[field]) if field in pieces else [] for field in example}
    return edits if any(edits.values()) else None


def _replace_words(
    pieces: Pieces, sets: Sequence[WordSet], rng: np.random.Generator, to: str | None
) -> dict[str, dict[int, str]]:
    """The new word of every word of the sets."""
    if to is not None and not any(to in words.kinds for words in sets):
        listed = ", ".join(f"`{kind}`" for words in sets for kind in words.kinds)
        raise UsageError(f"`to` is `{to}`, which is no kind of the lexicon", hint=f"it has {listed}")
    new: dict[str, dict[int, str]] = {field: {} for field in pieces}
    for words in sets:
        counterparts = _draw_counterparts(words, rng, to)
        for field, text in pieces.items():
            for piece, kind, form in find_words(text, words):
                if counterparts[kind] != kind:
                    new[field][piece] = words.forms[form].words[counterparts[kind]]
    return new


def _draw_counterparts(words: WordSet, rng: np.random.Generator, to: str | None) -> Sequence[int]:
    """The new kind of every kind: each another, and no two the same, unless all are to become one."""
    count = len(words.kinds)
    if to is not None:
        return [words.kinds.index(to)] * count if to in words.kinds else range(count)
    order = rng.permutation(count).tolist()
    following = dict(zip(order, [*order[1:], order[0]], strict=True))
    return [following[kind] for kind in range(count)]


def _replace_names(
    pieces: Pieces, rng: np.random.Generator, choose_group: Callable[[NameGroup], NameGroup | None]
) -> dict[str, dict[int, str]]:
    """The new name of every name; `choose_group` gives the group that it is drawn from, None to keep it."""
    names_by_field = {field: find_names(text) for field, text in pieces.items()}
    names = list(dict.fromkeys(name for pairs in names_by_field.values() for _, name in pairs))
    taken = set(names)
    new: dict[str, str] = {}
    for name in names:
        group = choose_group(read_name_groups()[name])
        free = [other for other in read_names()[group] if other.casefold() not in taken] if group else []
        if free:
            new[name] = free[rng.integers(len(free))]
            taken.add(new[name].casefold())
    return {
        field: {piece: new[name] for piece, name in pairs if name in new} for field, pairs in names_by_field.items()
    }


def _edit_age_words(text: str, to: str | None) -> list[Edit]:
    (words,) = read_shipped_word_sets("age")
    pieces = split_text(text)
    new = {
        piece: words.forms[form].words[1 - kind]
        for piece, kind, form in find_words(pieces, words)
        if words.kinds[kind] != to
    }
    return make_edits(pieces, new)


def _edit_age_numbers(text: str, ages: Mapping[str, str]) -> Iterator[Edit]:
    """The edits of ages in digits, by the new age of each, and of the articles before them."""
    for match in AGE.finditer(text):
        old = match["age"] or match["aged"]
        new = ages.get(old, old)
        article = match["article"]
        if article and agree_article(article, old, new) != article:
            yield *match.span("article"), agree_article(article, old, new)
        if new != old:
            yield *match.span("age" if match["age"] else "aged"), new
