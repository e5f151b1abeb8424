"""Batched search: the searches of many rows at once, whose queries are run together in rounds."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from mqa_robustness.adversarial_attack.candidates import apply_edits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from mqa_registry import Example
    from mqa_robustness.adversarial_attack.attack import SampledRow
    from mqa_robustness.adversarial_attack.candidates import CandidateEdits
    from mqa_robustness.adversarial_attack.search import Search, SearchResult
    from mqa_robustness.adversarial_attack.victim import Prediction, Victim

CONCURRENT_ROWS = 64


@dataclass
class _RunningSearch:
    """A row under attack: the queries that its search has open, or its result."""

    row: SampledRow
    search: Search
    queries: Sequence[CandidateEdits] = ()
    result: SearchResult | None = None

    def advance(self, predictions: Sequence[Prediction] | None) -> None:
        """Send the search the predictions of its queries, and take its next ones or its result."""
        try:
            self.queries = self.search.send(predictions) if predictions is not None else next(self.search)
        except StopIteration as stop:
            self.result = stop.value

    def examples(self) -> Iterator[Example]:
        return (apply_edits(self.row.example, edits) for edits in self.queries)


def search_in_batches(
    rows: Iterable[SampledRow],
    start: Callable[[SampledRow], Search],
    victim: Victim,
    after_round: Callable[[], None] = lambda: None,
) -> Iterator[tuple[SampledRow, SearchResult]]:
    """Every row with the result of its search, in the order in which searches end; as one ends, the next begins."""
    waiting, running = iter(rows), list[_RunningSearch]()
    while True:
        for row in islice(waiting, CONCURRENT_ROWS - len(running)):
            running.append(_RunningSearch(row, start(row)))
            running[-1].advance(None)
        if not running:
            return
        _run_round(running, victim)
        after_round()
        yield from ((one.row, one.result) for one in running if one.result)
        running = [one for one in running if not one.result]


def _run_round(running: Sequence[_RunningSearch], victim: Victim) -> None:
    """Run the open queries of every row together, and advance each search by its own predictions."""
    row_ids = [one.row.id for one in running for _ in one.queries]
    predictions = iter(victim.predict(row_ids, [example for one in running for example in one.examples()]))
    for one in running:
        one.advance(list(islice(predictions, len(one.queries))))
