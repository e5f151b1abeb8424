"""Candidates: the edits that an attack may make of each word of a row."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Literal, TypeAlias

from rapidfuzz.distance import Levenshtein

from mqa_registry import edited
from mqa_robustness.grammar import read_verbs
from mqa_robustness.lexicon import read_lines
from mqa_robustness.perturbations.misspellings import (
    ADJACENT_KEYS,
    CONFUSABLE,
    TYPOS,
    has_key,
    hit_adjacent_key,
    misread_letters,
)
from mqa_robustness.perturbations.substitutions import SUBSTITUTIONS
from mqa_robustness.perturbations.unicode_characters import has_homoglyph, insert_zero_width, replace_with_homoglyph
from mqa_robustness.spans import find_tokens, find_words

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    import numpy as np

    from mqa_registry import Edit, Example
    from mqa_robustness.spans import Span

Transformation: TypeAlias = Literal[
    "insert", "delete", "replace", "transpose", "keyboard", "ocr", "homoglyphs", "zero-width", "contractions",
    "expansions", "british-spelling", "american-spelling", "homophones", "abbreviations", "slang",
]  # fmt: skip
DEFAULT_TRANSFORMATIONS: tuple[Transformation, ...] = (
    "insert", "delete", "replace", "transpose", "keyboard", "homoglyphs", "contractions", "expansions",
    "british-spelling", "american-spelling", "homophones",
)  # fmt: skip

KEYS = ADJACENT_KEYS["qwerty"]
MISSPELLINGS: Mapping[str, Callable[[str, float], str]] = {
    **TYPOS,
    "keyboard": partial(hit_adjacent_key, keys=KEYS),
    "ocr": misread_letters,
}
CHARACTER_EDITS: Mapping[str, Callable[[str, float], str]] = {
    **MISSPELLINGS,
    "homoglyphs": replace_with_homoglyph,
    "zero-width": insert_zero_width,
}
CONDITIONS: Mapping[str, Callable[[str], object]] = {  # what a word must meet for an edit to fit
    "keyboard": lambda word: has_key(word, KEYS),
    "ocr": CONFUSABLE.search,
    "homoglyphs": has_homoglyph,
}

MIN_MISSPELLED = 4  # letters of a word that may be misspelled
MAX_WORD = 40  # letters; what is longer is a line of a script without spaces
DRAWS_PER_CANDIDATE = 4  # some draws make a word of the lexicons, or the same edit twice


@dataclass(frozen=True)
class CandidateEdit:
    """One edit of one text: what stands from `start` to `end` becomes `new`.

    `transformation` is what made it, by its name in the option `transformations`. `words` are the indices, among all
    words of the row, of those it edits, and `size` is its Levenshtein distance in characters.
    """

    field: str
    start: int
    end: int
    new: str
    transformation: str
    words: tuple[int, ...]
    size: int

    def overlaps(self, other: CandidateEdit) -> bool:
        """Whether both edit the same characters, so that only one of them can be made."""
        return self.field == other.field and self.start < other.end and other.start < self.end


CandidateEdits: TypeAlias = tuple[CandidateEdit, ...]


@dataclass(frozen=True)
class CandidateWord:
    """One word of a row, between white space, with all candidate edits that begin in it, the smallest first.

    `deletion` leaves it out. An attack may not make that edit; it measures how important the word is.
    """

    deletion: CandidateEdit
    candidates: CandidateEdits


def apply_edits(example: Example, edits: Iterable[CandidateEdit]) -> Example:
    """The example after edits that do not overlap."""
    by_field: dict[str, list[Edit]] = {}
    for edit in edits:
        by_field.setdefault(edit.field, []).append((edit.start, edit.end, edit.new))
    return {**example, **{field: edited(example[field], sorted(edits)) for field, edits in by_field.items()}}


def count_perturbed_words(edits: Iterable[CandidateEdit]) -> int:
    """The number of words that some edits perturb."""
    return len({word for edit in edits for word in edit.words})


def total_size(edits: Iterable[CandidateEdit]) -> int:
    """The sum of the sizes of edits, in characters."""
    return sum(edit.size for edit in edits)


def find_candidates(
    example: Example,
    fields: Sequence[str],
    transformations: Collection[str],
    max_candidates: int,
    rng: np.random.Generator,
) -> list[CandidateWord]:
    """Every word of some texts of a row, with up to `max_candidates` edits by each transformation that draws at random.

    Misspellings keep the first and the last letter of a word, and leave words of less than four letters alone, as people
    then still read it (Pruthi, Dhingra and Lipton 2019, https://arxiv.org/abs/1905.11268); none makes a word of the
    package's lexicons. Words for words are those that the perturbation of that name may put there.
    """
    words: list[CandidateWord] = []
    for field in fields:
        text = example[field] or ""
        tokens = find_tokens(text)
        maker = _EditMaker(field, text, tokens, len(words))
        edits = [
            *_make_character_edits(maker, transformations, max_candidates, rng),
            *_make_word_edits(maker, transformations),
        ]
        by_word: list[list[CandidateEdit]] = [[] for _ in tokens]
        for edit in sorted(dict.fromkeys(edits), key=lambda edit: edit.size):
            by_word[edit.words[0] - len(words)].append(edit)
        words += [
            CandidateWord(maker.make(start, end, "", "deletion"), _remove_duplicates(own))
            for (start, end), own in zip(tokens, by_word, strict=True)
        ]
    return words


class _EditMaker:
    """Makes candidate edits of one text, whose first token is the row's word number `first`."""

    def __init__(self, field: str, text: str, tokens: Sequence[Span], first: int) -> None:
        self.field = field
        self.text = text
        self._word_of_character = [-1] * len(text)
        for number, (start, end) in enumerate(tokens, first):
            self._word_of_character[start:end] = [number] * (end - start)

    def make(self, start: int, end: int, new: str, transformation: str) -> CandidateEdit:
        """The edit that replaces what stands from `start` to `end`."""
        words = tuple(sorted(set(self._word_of_character[start:end]) - {-1}))
        return CandidateEdit(
            self.field, start, end, new, transformation, words, Levenshtein.distance(self.text[start:end], new)
        )


def _remove_duplicates(edits: Sequence[CandidateEdit]) -> CandidateEdits:
    """The first of all edits that come to the same text."""
    distinct: dict[tuple[int, int, str], CandidateEdit] = {}
    for edit in edits:
        distinct.setdefault((edit.start, edit.end, edit.new), edit)
    return tuple(distinct.values())


def _make_character_edits(
    maker: _EditMaker, transformations: Collection[str], max_candidates: int, rng: np.random.Generator
) -> Iterator[CandidateEdit]:
    """Words with other characters: misspelled, or with characters that only look the same."""
    for start, end in find_words(maker.text):
        word = maker.text[start:end]
        if len(word) > MAX_WORD:
            continue
        for transformation, change in CHARACTER_EDITS.items():
            if transformation in transformations and CONDITIONS.get(transformation, bool)(word):
                variants = (change(word, draw) for draw in rng.random(DRAWS_PER_CANDIDATE * max_candidates).tolist())
                is_fit = _is_readable if transformation in MISSPELLINGS else str.__ne__
                new = dict.fromkeys(other for other in variants if is_fit(word, other))
                yield from (maker.make(start, end, other, transformation) for other in list(new)[:max_candidates])


def _make_word_edits(maker: _EditMaker, transformations: Collection[str]) -> Iterator[CandidateEdit]:
    """Words and phrases in place of others."""
    for transformation, find in SUBSTITUTIONS.items():
        for start, end, replacements in find(maker.text) if transformation in transformations else ():
            old = maker.text[start:end]
            yield from (maker.make(start, end, new, transformation) for new in replacements if new != old)


def _is_readable(word: str, new: str) -> bool:
    """Whether people read a misspelled word as the one it was."""
    keeps_ends = len(word) >= MIN_MISSPELLED and (new[:1], new[-1:]) == (word[0], word[-1])
    return keeps_ends and new != word and new.lower() not in _read_lexicon_words()


@cache
def _read_lexicon_words() -> frozenset[str]:
    """The words of the package's lexicons, which a misspelling must not make of others."""
    verbs = read_verbs()
    homophones = (word for line in read_lines("homophones") for word in line.split())
    return frozenset({*homophones, *verbs.past, *verbs.past.values(), *verbs.bases, *verbs.participles})
