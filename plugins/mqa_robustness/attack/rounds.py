"""Rounds: many searches at once, each round of their questions asked together."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from mqa_robustness.attack.changes import changed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from mqa_registry import Example
    from mqa_robustness.attack.changes import Changes
    from mqa_robustness.attack.drawing import Row
    from mqa_robustness.attack.oracle import Answer, Oracle
    from mqa_robustness.attack.search import Asking, Found

TOGETHER = 64  # rows that are attacked at a time


@dataclass
class _Running:
    """A row under attack: what its search wants to know, or how it ended."""

    row: Row
    search: Asking
    asked: Sequence[Changes] = ()
    found: Found | None = None

    def go_on(self, answers: Sequence[Answer] | None) -> None:
        """Let the search make of some answers what it asks next."""
        try:
            self.asked = self.search.send(answers) if answers is not None else next(self.search)
        except StopIteration as ended:
            self.found = ended.value

    def examples(self) -> Iterator[Example]:
        return (changed(self.row.example, changes) for changes in self.asked)


def in_rounds(
    rows: Iterable[Row], start: Callable[[Row], Asking], oracle: Oracle, after_each: Callable[[], None] = lambda: None
) -> Iterator[tuple[Row, Found]]:
    """Every row with how its search ended, as each ends; as one does, the next begins. `after_each` round is called."""
    waiting, active = iter(rows), list[_Running]()
    while True:
        for row in islice(waiting, TOGETHER - len(active)):
            active.append(_Running(row, start(row)))
            active[-1].go_on(None)
        if not active:
            return
        _ask(active, oracle)
        after_each()
        yield from ((one.row, one.found) for one in active if one.found)
        active = [one for one in active if not one.found]


def _ask(active: Sequence[_Running], oracle: Oracle) -> None:
    """One round: the questions of every row, run together."""
    names = [one.row.id for one in active for _ in one.asked]
    answers = iter(oracle.answers(names, [example for one in active for example in one.examples()]))
    for one in active:
        one.go_on(list(islice(answers, len(one.asked))))
