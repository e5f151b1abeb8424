"""Beam search: several sequences run for each row, and the best that ended is its result."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mqa_registry.execution.inference.decoding.sequences import GeneratedSequence, log_softmax

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from mqa_registry.contributions import BeamSearch, Generation
    from mqa_registry.execution.inference.decoding.steps import DecoderSteps

    Floats: TypeAlias = npt.NDArray[np.floating[Any]]
    ProcessLogits: TypeAlias = Callable[[Floats, Sequence[Sequence[int]]], Floats]


@dataclass(frozen=True)
class _Candidate:
    """A running sequence with one more token. `parent` is the position of that sequence in the batch of the step."""

    sequence: GeneratedSequence
    score: float
    parent: int


@dataclass
class _RowBeams:
    """The beams of one row: those that run, the best first, and those that ended, with the length penalty in their score."""

    search: BeamSearch
    running: list[_Candidate] = field(default_factory=list)
    ended: list[tuple[float, GeneratedSequence]] = field(default_factory=list)
    is_done: bool = False

    def update(self, candidates: Sequence[_Candidate], end_tokens: Sequence[int], *, is_last: bool) -> None:
        """Take the best continuations of the running sequences, the best first, at the end of one step.

        Those that end count where they are among the best `beams`; the others are there so that as many can go on.
        """
        beams = self.search.beams
        self.running = []
        for rank, candidate in enumerate(candidates):
            if is_last or candidate.sequence.tokens[-1] in end_tokens:
                if rank < beams:
                    self._end(candidate.sequence)
            elif len(self.running) < beams:
                self.running.append(candidate)
        self.is_done = not self.running or self._cannot_improve()

    def invalidate(self) -> None:
        """End the row without a result, since there are no probabilities of the next token."""
        self.ended = [(float("nan"), self.running[0].sequence.invalidate())]
        self.is_done = True

    def best(self) -> GeneratedSequence:
        """The ended sequence with the highest score, the earliest of equal ones."""
        return max(self.ended, key=lambda one: one[0])[1]

    def _end(self, sequence: GeneratedSequence) -> None:
        self.ended.append((sequence.score(self.search.length_penalty), sequence))
        self.ended.sort(key=lambda one: -one[0])
        del self.ended[self.search.beams :]

    def _cannot_improve(self) -> bool:
        """Whether all `beams` sequences have ended, and the best running one could not replace the worst of them."""
        if len(self.ended) < self.search.beams:
            return False
        best = self.running[0]
        possible = best.score / len(best.sequence) ** self.search.length_penalty
        return self.search.early_stopping or possible <= self.ended[-1][0]


def search_beams(
    steps: DecoderSteps, mode: Generation, search: BeamSearch, process_logits: ProcessLogits
) -> list[GeneratedSequence]:
    """The best sequence of each row of a batch.

    Every step considers `max(2, 1 + end tokens) * beams` continuations of a row, of which at least `beams` do not end.
    """
    rows = [_RowBeams(search, [_Candidate(GeneratedSequence(), 0.0, row)]) for row in range(steps.rows)]
    count = max(2, 1 + len(mode.end_tokens)) * search.beams
    open_rows = rows
    for number in range(mode.max_new_tokens):
        sequences = [candidate.sequence for row in open_rows for candidate in row.running]
        log_probabilities = process_logits(log_softmax(steps.run()), [sequence.tokens for sequence in sequences])
        first = 0
        for row in open_rows:
            last = first + len(row.running)
            candidates = _continuations(row.running, log_probabilities[first:last], count, first)
            if candidates:
                row.update(candidates, mode.end_tokens, is_last=number + 1 == mode.max_new_tokens)
            else:
                row.invalidate()
            first = last
        open_rows = [row for row in open_rows if not row.is_done]
        if not open_rows:
            break
        running = [candidate for row in open_rows for candidate in row.running]
        tokens = np.array([candidate.sequence.tokens[-1] for candidate in running], np.int64)
        steps.advance(np.array([candidate.parent for candidate in running], np.int64), tokens)
    return [row.best() for row in rows]


def _continuations(
    running: Sequence[_Candidate], log_probabilities: Floats, count: int, first: int
) -> list[_Candidate]:
    """The `count` best sequences that are one of these with one more token, the best first; none where one has NaN.

    `log_probabilities`, shape (sequences, vocabulary), are those of the next token; `first` is the position of the first
    of them in the batch.
    """
    if np.isnan(log_probabilities).any():
        return []
    scores = np.array([candidate.score for candidate in running])[:, None] + log_probabilities
    flat = scores.ravel()
    best = np.argpartition(-flat, count - 1)[:count] if count < len(flat) else np.arange(len(flat))
    best = best[np.lexsort((best, -flat[best]))]
    beams, tokens = np.divmod(best, log_probabilities.shape[1])
    return [
        _Candidate(
            running[beam].sequence.append(int(token), float(log_probabilities[beam, token])),
            float(scores[beam, token]),
            first + int(beam),
        )
        for beam, token in zip(beams, tokens, strict=True)
        if scores[beam, token] > -np.inf
    ]
