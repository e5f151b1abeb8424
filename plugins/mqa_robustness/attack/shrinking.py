"""Shrinking: from an edit that flips a row to a smaller one that still does."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, TypeAlias

from mqa_robustness.attack.changes import size_of, touched

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mqa_robustness.attack.changes import Change, Changes, Word
    from mqa_robustness.attack.oracle import Answer

Shrinking: TypeAlias = Generator["Sequence[Changes]", "Sequence[Answer]", tuple["Changes", "Answer"]]


def shrink(
    changes: Changes, after: Answer, label: str, words: Sequence[Word], count: Callable[[Sequence[Answer]], None]
) -> Shrinking:
    """The changes less all that are not needed for another answer than `label`, and each as small as it can be.

    In every round one change is undone or, where none can be, replaced by a smaller one of the same word; so at the end
    undoing any one of them brings the answer back, and so does every smaller change of one word that was on offer.
    """
    while True:
        for smaller in (_undone(changes), _lessened(changes, words)):
            answers = yield from _asked(smaller, count)
            flips = [pair for pair in zip(smaller, answers, strict=True) if pair[1].label != label]
            if flips:
                changes, after = min(flips, key=lambda pair: (touched(pair[0]), size_of(pair[0])))
                break
        else:
            return changes, after


def _asked(
    options: Sequence[Changes], count: Callable[[Sequence[Answer]], None]
) -> Generator[Sequence[Changes], Sequence[Answer], Sequence[Answer]]:
    if not options:
        return ()
    answers = yield options
    count(answers)
    return answers


def _undone(changes: Changes) -> list[Changes]:
    """The changes but one, for each of them; a single change is not undone, as that is the row itself."""
    return [_without(changes, one) for one in changes] if len(changes) > 1 else []


def _lessened(changes: Changes, words: Sequence[Word]) -> list[Changes]:
    """The changes with one of them made smaller, in every way that is on offer."""
    return [(*_without(changes, one), less) for one in changes for less in _less(one, _without(changes, one), words)]


def _less(one: Change, others: Changes, words: Sequence[Word]) -> Iterator[Change]:
    """Smaller changes of the same word, which touch no more words."""
    for change in words[one.words[0]].changes:
        fits = change.size < one.size and set(change.words) <= set(one.words)
        if fits and not any(change.meets(other) for other in others):
            yield change


def _without(changes: Changes, one: Change) -> Changes:
    return tuple(change for change in changes if change != one)
