"""The search: from one row to the smallest edit that changes the model's prediction, within a budget of queries.

A search is a generator, so that the searches of many rows are queried in one batch: it yields the sets of edits whose
predictions it needs, and is sent the predictions. The order of words by what deleting one does to the prediction is that
of Jin, Jin, Zhou and Szolovits 2020, "Is BERT Really Robust?" (https://arxiv.org/abs/1907.11932), the greedy search from
word to word that of Gao, Lanchantin, Soffa and Qi 2018 (https://arxiv.org/abs/1801.04354).
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias

from mqa_robustness.adversarial_attack.candidates import apply_edits, count_perturbed_words, total_size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import numpy as np

    from mqa_registry import Example
    from mqa_robustness.adversarial_attack.attack import Prediction, SampledRow, Victim
    from mqa_robustness.adversarial_attack.candidates import CandidateEdit, CandidateEdits, CandidateWord

Search: TypeAlias = Generator["Sequence[CandidateEdits]", "Sequence[Prediction]", "SearchResult"]
Minimization: TypeAlias = Generator[
    "Sequence[CandidateEdits]", "Sequence[Prediction]", tuple["CandidateEdits", "Prediction"]
]
CONCURRENT_ROWS = 64  # whose searches are queried together


@dataclass(frozen=True)
class SearchLimits:
    """How far a search may go: the number of `queries`, and the `share` of a row's words that it may edit."""

    queries: int
    share: float

    def max_words(self, words: int) -> int:
        """The number of words that may be edited of so many: at least one."""
        return max(1, int(self.share * words))


@dataclass(frozen=True)
class SearchResult:
    """How a search ended: the original prediction of the row, and the perturbed one of the smallest edit that changes it.

    `perturbed` is None and `edits` are empty where no such edit was found. `queries` counts those of the search,
    `minimizing_queries` those that made the edit small, `queries_without_prediction` those of either that had no
    prediction. `words` is the number of words of the row, `editable` of those that some edit fits.
    """

    original: Prediction
    words: int
    editable: int
    perturbed: Prediction | None = None
    edits: CandidateEdits = ()
    queries: int = 1
    minimizing_queries: int = 0
    queries_without_prediction: int = 0


def search(
    words: Sequence[CandidateWord], target: str | None, limits: SearchLimits, rng: np.random.Generator
) -> Search:
    """The attack on one row; a row without a prediction, or whose prediction is not its `target`, is queried once."""
    (original,) = yield [()]
    budget = _Budget(limits.queries, original)
    editable = [word for word in words if word.candidates]
    success: tuple[CandidateEdits, Prediction] | None = None
    if original.label is not None and target in (None, original.label):
        ranked = yield from _rank_words(editable, budget, rng)
        success = yield from _search_greedily(ranked, limits.max_words(len(words)), budget)
        if success:
            success = yield from minimize(*success, original.label, words, budget.count_minimizing_queries)
    edits, perturbed = success or ((), None)
    return SearchResult(
        original,
        len(words),
        len(editable),
        perturbed,
        edits,
        queries=budget.queries,
        minimizing_queries=budget.minimizing_queries,
        queries_without_prediction=budget.queries_without_prediction,
    )


def minimize(
    edits: CandidateEdits,
    perturbed: Prediction,
    label: str,
    words: Sequence[CandidateWord],
    count: Callable[[Sequence[Prediction]], None],
) -> Minimization:
    """The edits without all that the prediction does not need to differ from `label`, and each as small as it can be.

    In every round one edit is undone or, where none can be, replaced by a smaller candidate of the same word. So at the
    end undoing any one of them brings the prediction back, and so does every smaller candidate of one word.
    """
    while smaller := (yield from _find_smaller_success(edits, label, words, count)):
        edits, perturbed = smaller
    return edits, perturbed


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


class _Budget:
    """The prediction that one search started from, and its queries so far."""

    def __init__(self, limit: int, original: Prediction) -> None:
        self.original = original
        self.left = limit - 1
        self.queries = 1
        self.minimizing_queries = 0
        self.queries_without_prediction = int(original.label is None)

    def count_queries(self, predictions: Sequence[Prediction]) -> None:
        """Count queries against the limit."""
        self.left -= len(predictions)
        self.queries += len(predictions)
        self._count_missing(predictions)

    def count_minimizing_queries(self, predictions: Sequence[Prediction]) -> None:
        """Count queries that the limit is not for."""
        self.minimizing_queries += len(predictions)
        self._count_missing(predictions)

    def _count_missing(self, predictions: Sequence[Prediction]) -> None:
        self.queries_without_prediction += sum(prediction.label is None for prediction in predictions)


def _rank_words(
    editable: Sequence[CandidateWord], budget: _Budget, rng: np.random.Generator
) -> Generator[Sequence[CandidateEdits], Sequence[Prediction], list[CandidateWord]]:
    """The words that can be edited, the most important first: the one whose deletion lowers the probability most.

    Half of the budget is kept for the edits: of more words than that, a random sample is ranked.
    """
    sample = rng.permutation(len(editable))[: budget.left // 2].tolist()
    words = [editable[index] for index in sorted(sample)]
    if not words:
        return []
    predictions = yield [(word.deletion,) for word in words]
    budget.count_queries(predictions)
    label = budget.original.label
    order = sorted(range(len(words)), key=lambda index: predictions[index].probability_of(label))
    return [words[index] for index in order]


def _search_greedily(
    ranked: Sequence[CandidateWord], max_words: int, budget: _Budget
) -> Generator[Sequence[CandidateEdits], Sequence[Prediction], tuple[CandidateEdits, Prediction] | None]:
    """Word by word the edit that lowers the probability most, until the prediction changes or the budget is spent."""
    current: CandidateEdits = ()
    label, lowest = budget.original.label, budget.original.probability_of(budget.original.label)
    for word in ranked:
        options = list(_extend_edits(current, word, max_words))[: budget.left]
        if not options:
            continue
        predictions = yield options
        budget.count_queries(predictions)
        pairs = list(zip(options, predictions, strict=True))
        success = next((pair for pair in pairs if pair[1].label != label), None)
        if success:
            return success  # the smallest, as a word's candidates begin with those
        best, prediction = min(pairs, key=lambda pair: pair[1].probability_of(label))
        if prediction.probability_of(label) < lowest:
            current, lowest = best, prediction.probability_of(label)
    return None


def _extend_edits(current: CandidateEdits, word: CandidateWord, max_words: int) -> Iterator[CandidateEdits]:
    """The current edits with one more, of a word, of those that overlap none of them and stay within the limit."""
    for edit in word.candidates:
        if not any(edit.overlaps(other) for other in current) and count_perturbed_words((*current, edit)) <= max_words:
            yield (*current, edit)


def _find_smaller_success(
    edits: CandidateEdits,
    label: str,
    words: Sequence[CandidateWord],
    count: Callable[[Sequence[Prediction]], None],
) -> Generator[Sequence[CandidateEdits], Sequence[Prediction], tuple[CandidateEdits, Prediction] | None]:
    """The smallest success with one edit undone or, where there is none, with one edit replaced by a smaller one."""
    for options in (_undo_one(edits), _reduce_one(edits, words)):
        if options:
            predictions = yield options
            count(predictions)
            successes = [pair for pair in zip(options, predictions, strict=True) if pair[1].label != label]
            if successes:
                return min(successes, key=lambda pair: (count_perturbed_words(pair[0]), total_size(pair[0])))
    return None


def _undo_one(edits: CandidateEdits) -> list[CandidateEdits]:
    """The edits but one, for each of them; a single edit is not undone, as that is the row itself."""
    return [_remove_edit(edits, one) for one in edits] if len(edits) > 1 else []


def _reduce_one(edits: CandidateEdits, words: Sequence[CandidateWord]) -> list[CandidateEdits]:
    """The edits with one of them replaced by a smaller candidate of its word, in every way."""
    return [
        (*_remove_edit(edits, one), smaller)
        for one in edits
        for smaller in _find_smaller_candidates(one, _remove_edit(edits, one), words)
    ]


def _find_smaller_candidates(
    one: CandidateEdit, others: CandidateEdits, words: Sequence[CandidateWord]
) -> Iterator[CandidateEdit]:
    """Smaller candidates of the same word, which edit no more words."""
    for candidate in words[one.words[0]].candidates:
        is_smaller = candidate.size < one.size and set(candidate.words) <= set(one.words)
        if is_smaller and not any(candidate.overlaps(other) for other in others):
            yield candidate


def _remove_edit(edits: CandidateEdits, one: CandidateEdit) -> CandidateEdits:
    return tuple(edit for edit in edits if edit != one)


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


def _run_round(running: Sequence[_RunningSearch], victim: Victim) -> None:
    """Run the open queries of every row together, and advance each search by its own predictions."""
    row_ids = [one.row.id for one in running for _ in one.queries]
    predictions = iter(victim.predict(row_ids, [example for one in running for example in one.examples()]))
    for one in running:
        one.advance(list(islice(predictions, len(one.queries))))
