"""Metrics of answers that stand in a context, by the rules of SQuAD's evaluation: exact match, F1, and no answer.

Answers are compared as `normalize_answer` writes them, with the acceptable one that they are nearest to. The rules are those of
the evaluation of SQuAD 2.0 (Rajpurkar et al. 2018, https://arxiv.org/abs/1806.03822), which those of 1.1 are a part of.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from mqa_registry import DataError, Statistic, normalize_answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy.typing as npt

    from mqa_registry import Predictions, Targets

    Floats: TypeAlias = npt.NDArray[np.float64]

Questions: TypeAlias = Literal["all", "answerable", "unanswerable"]


def exact_match(predictions: Predictions, targets: Targets, *, questions: Questions = "all") -> Floats:
    """The share of answers that are one of the acceptable ones.

    From 0 to 1. Capitals, punctuation, articles and spaces do not count. No answer is right where the context has none.
    `questions` are `all`, or the `answerable` or `unanswerable` ones alone, which SQuAD calls HasAns and NoAns.
    """
    return _score_rows(predictions, targets, _match, questions)


def answer_f1(predictions: Predictions, targets: Targets, *, questions: Questions = "all") -> Floats:
    """The mean F1 of the words of answers.

    From 0 to 1. Of a row, it is that of the acceptable answer with the highest: the harmonic mean of the share of predicted
    words that are in it, and of its words that are predicted. No answer is right or wrong. `questions` are as for
    `metrics/exact-match`.
    """
    return _score_rows(predictions, targets, compute_f1, questions)


def no_answer_accuracy(predictions: Predictions, targets: Targets) -> Floats:
    """The share of questions that are rightly answered, with whichever answer, or rightly left without one.

    From 0 to 1.
    """
    pairs = zip(predictions.to_pylist(), targets.to_pylist(), strict=True)
    return np.array([bool(normalize_answer(one)) == _has_answer(acceptable) for one, acceptable in pairs], np.float64)


def best_answer_f1(predictions: Predictions, targets: Targets) -> Statistic:
    """The mean F1 of answers at the threshold of no answer that is best for these rows.

    From 0 to 1: what `metrics/answer-f1` would be if every row's answer were held against its `no_answer_score` at that
    threshold, which SQuAD 2.0 reports as best F1. It needs predictions with candidates.
    """
    table = predictions.table
    if not {"candidates", "no_answer_score"} <= set(table.column_names):
        raise DataError(
            "the predictions are answers alone, and the best threshold needs the scores of no answer and of candidates",
            hint="measure them with `metrics/answer-f1`",
        )
    rows = zip(table["candidates"].to_pylist(), table["no_answer_score"].to_pylist(), targets.to_pylist(), strict=True)
    scores = np.array([_score_both(*row) for row in rows], np.float64).reshape(-1, 3)
    order = np.argsort(scores[:, 0], kind="stable")
    last = np.append(np.diff(scores[order, 0]) > 0, True)[: len(order)]  # rows with one gap are answered together
    gained, unanswered = scores[order, 1] - scores[order, 2], scores[order, 2]

    def compute(times: Floats) -> Floats:
        ordered = times[..., order]
        sums = np.cumsum(ordered * gained, axis=-1)[..., last]
        best = np.maximum(sums.max(axis=-1, initial=0.0), 0.0) + (ordered * unanswered).sum(axis=-1)
        total = ordered.sum(axis=-1)
        return np.asarray(np.divide(best, total, out=np.full(np.shape(best), np.nan), where=total > 0))

    return Statistic(compute)


def compute_f1(answer: str, acceptable: str) -> float:
    """The F1 of the words of two answers; of an answer without words, whether neither has any."""
    words, others = normalize_answer(answer).split(), normalize_answer(acceptable).split()
    if not words or not others:
        return float(words == others)
    common = sum((Counter(words) & Counter(others)).values())
    return 2 * common / (len(words) + len(others))


def _match(answer: str, acceptable: str) -> float:
    return float(normalize_answer(answer) == normalize_answer(acceptable))


def _score_rows(
    predictions: Predictions, targets: Targets, score: Callable[[str, str], float], questions: Questions
) -> Floats:
    """The score of each row with the nearest acceptable answer; NaN for a row of other questions."""
    pairs = zip(predictions.to_pylist(), targets.to_pylist(), strict=True)
    return np.array(
        [
            max(score(answer, one) for one in _iter_acceptable(acceptable))
            if questions == "all" or _has_answer(acceptable) == (questions == "answerable")
            else math.nan
            for answer, acceptable in pairs
        ],
        np.float64,
    )


def _score_both(
    candidates: Sequence[dict[str, str | float]], no_answer: float, acceptable: Sequence[str]
) -> tuple[float, float, float]:
    """How far no answer is in front of the best answer, in logarithms, the F1 of that answer, and of no answer."""
    best = next((one for one in candidates if one["answer"]), None)
    text, score = (str(best["answer"]), float(best["score"])) if best is not None else ("", 0.0)
    gap = _log(no_answer) - _log(score)
    answered, unanswered = (
        max(compute_f1(answer, one) for one in _iter_acceptable(acceptable)) for answer in (text, "")
    )
    return gap, answered, unanswered


def _log(probability: float) -> float:
    return math.log(max(probability, np.finfo(np.float64).tiny))


def _iter_acceptable(acceptable: Sequence[str]) -> Iterator[str]:
    """The acceptable answers that have words, else no answer."""
    texts = [text for text in acceptable if normalize_answer(text)]
    yield from texts or [""]


def _has_answer(acceptable: Sequence[str]) -> bool:
    return any(normalize_answer(text) for text in acceptable)
