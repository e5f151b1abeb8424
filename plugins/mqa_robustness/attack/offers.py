"""Offers: what an attack may make of each word of a row."""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING, Literal, TypeAlias

from mqa_robustness.attack.changes import Change, Word, distance
from mqa_robustness.contractions import contracted, expanded
from mqa_robustness.invisible import filled
from mqa_robustness.lexicon import lines
from mqa_robustness.lookalikes import LOOK_ALIKES, disguised
from mqa_robustness.misspelling import deleted, inserted, replaced, transposed
from mqa_robustness.scanning import SOME, misread
from mqa_robustness.slips import NEIGHBOURS, slipped
from mqa_robustness.substitutions import PHRASES
from mqa_robustness.verbs import verbs
from mqa_robustness.words import tokens_in, words_in

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    import numpy as np

    from mqa_registry import Example
    from mqa_robustness.attack.changes import Changes
    from mqa_robustness.candidates import Candidate
    from mqa_robustness.places import Place

EditName: TypeAlias = Literal[
    "insert", "delete", "replace", "transpose", "keyboard", "ocr", "homoglyphs", "zero-width", "contractions",
    "expansions", "british-spelling", "american-spelling", "homophones", "abbreviations", "slang",
]  # fmt: skip
USUAL: tuple[EditName, ...] = (
    "insert", "delete", "replace", "transpose", "keyboard", "homoglyphs", "contractions", "expansions",
    "british-spelling", "american-spelling", "homophones",
)  # fmt: skip

KEYS = NEIGHBOURS["qwerty"]
SLIPS: Mapping[str, Callable[[str, float], str]] = {
    "insert": inserted,
    "delete": deleted,
    "replace": replaced,
    "transpose": transposed,
    "keyboard": partial(slipped, keys=KEYS),
    "ocr": misread,
}
DISGUISES: Mapping[str, Callable[[str, float], str]] = {"homoglyphs": disguised, "zero-width": filled}
SPELLINGS: Mapping[str, Callable[[str, float], str]] = {**SLIPS, **DISGUISES}
NEEDS: Mapping[str, Callable[[str], object]] = {  # what a word must have
    "keyboard": lambda word: any(letter.lower() in KEYS for letter in word),
    "ocr": SOME.search,
    "homoglyphs": lambda word: not LOOK_ALIKES.keys().isdisjoint(word),
}
FINDERS: Mapping[str, Callable[[str], Sequence[Candidate]]] = {
    "contractions": contracted,
    "expansions": expanded,
    **PHRASES,
}

SHORTEST = 4  # letters of a word that can bear a slip
LONGEST = 40  # letters of what is still a word, and no line of a script that has no spaces
DRAWS = 4  # for each slip that is wanted: some make another word, or the same twice


def words_of(
    example: Example, fields: Sequence[str], kinds: Collection[str], tries: int, rng: np.random.Generator
) -> list[Word]:
    """Every word of some texts of a row, with up to `tries` changes of each kind that draws on chance.

    Slips keep the first and the last letter of a word, and leave words of less than four letters alone, as people then
    still read it (Pruthi, Dhingra and Lipton 2019, https://arxiv.org/abs/1905.11268); none makes a word that the
    package's lexicons know. Words for words are those that the perturbation of that name may put there.
    """
    words: list[Word] = []
    for field in fields:
        text = example[field] or ""
        tokens = tokens_in(text)
        offers = _Offers(field, text, tokens, len(words))
        found = [*_spelled(offers, kinds, tries, rng), *_said(offers, kinds)]
        changes: list[list[Change]] = [[] for _ in tokens]
        for change in sorted(dict.fromkeys(found), key=lambda change: change.size):
            changes[change.words[0] - len(words)].append(change)
        words += [
            Word(offers.change(start, end, "", "gone"), _distinct(at))
            for (start, end), at in zip(tokens, changes, strict=True)
        ]
    return words


class _Offers:
    """One text with the places of its words; the first of them is the row's word number `first`."""

    def __init__(self, field: str, text: str, tokens: Sequence[Place], first: int) -> None:
        self.field = field
        self.text = text
        self.tokens = tokens
        self._owners = [-1] * len(text)
        for number, (start, end) in enumerate(tokens, first):
            self._owners[start:end] = [number] * (end - start)

    def change(self, start: int, end: int, new: str, kind: str) -> Change:
        """A change of what stands from `start` to `end`."""
        words = tuple(sorted(set(self._owners[start:end]) - {-1}))
        return Change(self.field, start, end, new, kind, words, distance(self.text[start:end], new))


def _distinct(changes: Sequence[Change]) -> Changes:
    """The changes without those that come to the same, of which the first stays."""
    found: dict[tuple[int, int, str], Change] = {}
    for change in changes:
        found.setdefault((change.start, change.end, change.new), change)
    return tuple(found.values())


def _spelled(offers: _Offers, kinds: Collection[str], tries: int, rng: np.random.Generator) -> Iterator[Change]:
    """Words spelled otherwise: slips of the hand or the eye, and letters that only look the same."""
    for start, end in words_in(offers.text):
        word = offers.text[start:end]
        if len(word) > LONGEST:
            continue
        for kind, change in SPELLINGS.items():
            if kind in kinds and NEEDS.get(kind, bool)(word):
                draws = rng.random(DRAWS * tries).tolist()
                fits = _is_slip if kind in SLIPS else _is_other
                new = dict.fromkeys(other for draw in draws if fits(word, other := change(word, draw)))
                yield from (offers.change(start, end, other, kind) for other in list(new)[:tries])


def _said(offers: _Offers, kinds: Collection[str]) -> Iterator[Change]:
    """Words and phrases in place of others."""
    for kind, find in FINDERS.items():
        for start, end, choices in find(offers.text) if kind in kinds else ():
            was = offers.text[start:end]
            yield from (offers.change(start, end, new, kind) for new in choices if new != was)


def _is_other(word: str, new: str) -> bool:
    return new != word


def _is_slip(word: str, new: str) -> bool:
    """Whether a slip leaves a word that people read as the one it was."""
    kept = len(word) >= SHORTEST and (new[:1], new[-1:]) == (word[0], word[-1])
    return kept and new != word and new.lower() not in _known()


@cache
def _known() -> frozenset[str]:
    """Words that the package's lexicons know, which a slip must not make of others."""
    forms = verbs()
    sounds = (word for line in lines("homophones") for word in line.split())
    return frozenset({*sounds, *forms.past, *forms.past.values(), *forms.bases, *forms.participles})
