"""From the logits of where an answer begins and ends to answers, as the pipeline for question answering of transformers finds them.

In each window, the tokens of the context and the one for no answer share one probability of beginning an answer, and one of
ending it. An answer has the product of both, the one of no answer that of the window where it is least.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow as pa

from mqa_transformers.tasks.answer_windows import IN_CONTEXT, NO_ANSWER, OTHER

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import numpy.typing as npt

    Floats: TypeAlias = npt.NDArray[np.float64]
    Ints: TypeAlias = npt.NDArray[np.int64]

CANDIDATES_PER_TEXT = 20  # spans that are looked at for each answer: several may have one text
CANDIDATE = pa.struct([("answer", pa.string()), ("score", pa.float64())])
COLUMNS = {
    "answer": pa.string(),
    "start": pa.int64(),
    "end": pa.int64(),
    "score": pa.float64(),
    "no_answer_score": pa.float64(),
    "candidates": pa.list_(CANDIDATE),
}
LARGEST_EXPONENT = 700.0  # of e, in float64


@dataclass(frozen=True)
class Span:
    """A part of the context, from `start` up to and without `end`, and its probability."""

    score: float
    start: int
    end: int


@dataclass(frozen=True)
class WindowLogits:
    """The logits of one window that an answer begins or ends with a token, shape (tokens,), and what `place_tokens` says of it."""

    start: Floats
    end: Floats
    roles: Ints
    offsets: Ints

    def find_spans(self, count: int, max_length: int) -> Iterator[Span]:
        """The likeliest parts of the context of at most so many tokens, the likeliest first."""
        tokens = np.flatnonzero(self.roles == IN_CONTEXT)
        if not len(tokens):
            return
        p, q = (self._probabilities(logits)[tokens] for logits in (self.start, self.end))
        n_tokens = len(tokens)
        lengths = range(min(max_length, n_tokens))
        scores = np.full((len(lengths), n_tokens), -1.0)  # of a span that begins with a token, by its length
        for length in lengths:
            scores[length, : n_tokens - length] = p[: n_tokens - length] * q[length:]
        order = _order_largest(scores.reshape(-1), count)
        for length, first in zip(*np.unravel_index(order, scores.shape), strict=True):
            if (score := float(scores[length, first])) >= 0:
                yield Span(score, int(self.offsets[tokens[first], 0]), int(self.offsets[tokens[first + length], 1]))

    @property
    def no_answer(self) -> float | None:
        """The probability that there is no answer in the window; None where no token says so."""
        place = np.flatnonzero(self.roles == NO_ANSWER)
        if not len(place):
            return None
        return float(self._probabilities(self.start)[place[0]] * self._probabilities(self.end)[place[0]])

    def _probabilities(self, logits: Floats) -> Floats:
        counted = self.roles != OTHER
        powers = np.where(counted, np.exp(logits - logits.max(initial=-np.inf, where=counted)), 0.0)
        return np.asarray(powers / powers.sum())


def decide(
    windows: Sequence[WindowLogits], context: str, *, n_best: int, max_length: int, threshold: float | None
) -> dict[str, Any]:
    """The answer to one question, as a row of `COLUMNS`.

    With a `threshold`, no answer is given where its probability, in logarithms, is that far or farther above the best
    answer's: its score among the candidates is divided by the exponential of the threshold.
    """
    spans = (span for window in windows for span in window.find_spans(n_best * CANDIDATES_PER_TEXT, max_length))
    best = _find_best_texts(spans, context)
    no_answer = min((one for window in windows if (one := window.no_answer) is not None), default=None)
    if threshold is not None or not best:
        weight = math.exp(min(-(threshold or 0.0), LARGEST_EXPONENT))
        best[""] = Span((no_answer or 0.0) * weight, 0, 0)
    ranked = sorted(best.items(), key=lambda pair: -pair[1].score)[:n_best]
    text, span = ranked[0]
    return {
        "answer": text,
        "start": span.start,
        "end": span.end,
        "score": span.score if text else no_answer,
        "no_answer_score": no_answer,
        "candidates": [{"answer": name, "score": one.score} for name, one in ranked],
    }


def _find_best_texts(spans: Iterable[Span], context: str) -> dict[str, Span]:
    """The likeliest span of every text."""
    best: dict[str, Span] = {}
    for span in spans:
        text = context[span.start : span.end]
        if text and (text not in best or best[text].score < span.score):
            best[text] = span
    return best


def _order_largest(scores: Floats, count: int) -> Ints:
    """The positions of the largest numbers, the largest first; of equal ones the first."""
    if len(scores) > count:
        least = -np.partition(-scores, count - 1)[count - 1]
        positions = np.flatnonzero(scores >= least)
    else:
        positions = np.arange(len(scores))
    return np.asarray(positions[np.argsort(-scores[positions], kind="stable")][:count])
