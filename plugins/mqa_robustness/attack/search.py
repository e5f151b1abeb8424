"""The search: from one row to an edit of it that the model answers otherwise, within a budget of queries.

A search is a generator, so that many of them can be asked in one batch: it yields the sets of changes that it wants to
know of, and is sent an answer for each. The order of words by what leaving one out does to the answer is that of Jin,
Jin, Zhou and Szolovits 2020, "Is BERT Really Robust?" (https://arxiv.org/abs/1907.11932), the greedy way from word to
word that of Gao, Lanchantin, Soffa and Qi 2018 (https://arxiv.org/abs/1801.04354).
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from mqa_robustness.attack.changes import size_of, touched
from mqa_robustness.attack.shrinking import shrink

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np

    from mqa_robustness.attack.changes import Changes, Word
    from mqa_robustness.attack.oracle import Answer

Asking: TypeAlias = Generator["Sequence[Changes]", "Sequence[Answer]", "Found"]


@dataclass(frozen=True)
class Limits:
    """How far a search may go: `queries` that it may ask in all, and the `share` of a row's words it may touch."""

    queries: int
    share: float

    def most(self, words: int) -> int:
        """The most words that may be touched of so many: at least one."""
        return max(1, int(self.share * words))


@dataclass(frozen=True)
class Found:
    """How a search ended: what the model said of the row, and what of the smallest edit that it answers otherwise.

    `after` is None and `changes` are empty where none was found. `queries` were asked to find it, `shrinking` more to
    make it small; `unanswered` of them all had no answer. `words` are those of the row, `able` those that the edits fit.
    """

    before: Answer
    words: int
    able: int
    after: Answer | None = None
    changes: Changes = ()
    queries: int = 1
    shrinking: int = 0
    unanswered: int = 0


def search(words: Sequence[Word], target: str | None, limits: Limits, rng: np.random.Generator) -> Asking:
    """The attack on one row; a row without an answer, or with one that is not its `target`, is asked once and left."""
    (before,) = yield [()]
    tally = _Tally(limits.queries, before, words)
    if before.label is not None and target in (None, before.label):
        order = yield from _ranked(tally, rng)
        found = yield from _greedy(order, limits.most(len(words)), tally)
        if found:
            changes, after = yield from shrink(*found, before.label, words, tally.asked_besides)
            return tally.found(after, changes)
    return tally.found()


class _Tally:
    """What one search knows from the start, and the queries that it has asked."""

    def __init__(self, budget: int, before: Answer, words: Sequence[Word]) -> None:
        self.before = before
        self.able = [word for word in words if word.changes]
        self._words = len(words)
        self.left = budget - 1
        self._queries = 1
        self._shrinking = 0
        self._unanswered = int(before.label is None)

    def asked(self, answers: Sequence[Answer]) -> None:
        """Count queries against the budget."""
        self.left -= len(answers)
        self._queries += len(answers)
        self._count(answers)

    def asked_besides(self, answers: Sequence[Answer]) -> None:
        """Count queries that the budget is not for."""
        self._shrinking += len(answers)
        self._count(answers)

    def _count(self, answers: Sequence[Answer]) -> None:
        self._unanswered += sum(answer.label is None for answer in answers)

    def found(self, after: Answer | None = None, changes: Changes = ()) -> Found:
        counts = self._queries, self._shrinking, self._unanswered
        return Found(self.before, self._words, len(self.able), after, changes, *counts)


def _ranked(tally: _Tally, rng: np.random.Generator) -> Generator[Sequence[Changes], Sequence[Answer], list[Word]]:
    """The words that can be changed, the one first without which the model is least sure of its answer.

    Half of the budget is kept for the changes: of more words than that, some by chance are weighed.
    """
    able, most = tally.able, tally.left // 2
    weighed = [able[place] for place in sorted(rng.permutation(len(able))[:most].tolist())]
    if not weighed:
        return []
    answers = yield [(word.gone,) for word in weighed]
    tally.asked(answers)
    ranks = sorted(range(len(weighed)), key=lambda place: answers[place].of(tally.before.label))
    return [weighed[place] for place in ranks]


def _greedy(
    order: Iterable[Word], most: int, tally: _Tally
) -> Generator[Sequence[Changes], Sequence[Answer], tuple[Changes, Answer] | None]:
    """Word by word, the change that lowers the sureness most, until the answer is another or the budget is spent."""
    taken: Changes = ()
    label, least = tally.before.label, tally.before.of(tally.before.label)
    for word in order:
        options = list(_options(taken, word, most))[: tally.left]
        if not options:
            continue
        answers = yield options
        tally.asked(answers)
        pairs = list(zip(options, answers, strict=True))
        flips = [pair for pair in pairs if pair[1].label != label]
        if flips:
            return min(flips, key=lambda pair: size_of(pair[0]))
        best, answer = min(pairs, key=lambda pair: pair[1].of(label))
        if answer.of(label) < least:
            taken, least = best, answer.of(label)
    return None


def _options(taken: Changes, word: Word, most: int) -> Iterable[Changes]:
    """What was taken with one change more, of those that the word has and that may be made beside the others."""
    for change in word.changes:
        if not any(change.meets(other) for other in taken) and touched((*taken, change)) <= most:
            yield (*taken, change)
