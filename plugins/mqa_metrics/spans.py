"""Metrics of spans: precision, recall and F1 by four rules of what counts as found, and accuracy of tokens.

The rules are those of SemEval-2013 task 9 (Segura-Bedmar et al. 2013, https://aclanthology.org/S13-2056), as nervaluate has them.
Every row is counted whole: its spans are a cluster, which resampling keeps together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from mqa_metrics.confusion_matrix import ConfusionCounts, divide, entities
from mqa_registry import NotRunError, Statistic, TagScheme, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from mqa_metrics.confusion_matrix import Entity, Floats, Ints
    from mqa_registry import Predictions, Targets

Match: TypeAlias = Literal["strict", "exact", "partial", "type"]
SpanAverage: TypeAlias = Literal["micro", "macro", "weighted"]

PARTIAL_CREDIT = 0.5  # of a span that overlaps the target
OUTSIDE = ""  # the type of a token in no span


def span_precision(
    predictions: Predictions,
    targets: Targets,
    *,
    match: Match = "strict",
    average: SpanAverage = "micro",
    label: str | None = None,
) -> Statistic:
    """The share of predicted spans that are right.

    From 0 to 1. `match` says which are: `strict` with the start, end and label of a target, `exact` with its start and end,
    `partial` likewise, and half of one that overlaps it, `type` one with its label that overlaps it. `average` is `micro` over
    all spans, `macro` for the mean over the labels that occur, `weighted` for the same by their targets; a label that is never
    predicted counts as 0. `label` leaves out spans of all others.
    """
    return _make_statistic(
        lambda counts: divide(counts.true_positives, counts.predicted),
        predictions,
        targets,
        _Rule(match, average, label),
    )


def span_recall(
    predictions: Predictions,
    targets: Targets,
    *,
    match: Match = "strict",
    average: SpanAverage = "micro",
    label: str | None = None,
) -> Statistic:
    """The share of spans of the targets that are found.

    From 0 to 1. `match`, `average` and `label` are as for `metrics/span-precision`.
    """
    return _make_statistic(
        lambda counts: divide(counts.true_positives, counts.actual), predictions, targets, _Rule(match, average, label)
    )


def span_f1(
    predictions: Predictions,
    targets: Targets,
    *,
    match: Match = "strict",
    average: SpanAverage = "micro",
    label: str | None = None,
) -> Statistic:
    """The harmonic mean of precision and recall of spans.

    From 0 to 1: 2 · right spans / (predicted spans + spans of the targets). `match`, `average` and `label` are as for
    `metrics/span-precision`; with the defaults it is what conlleval and seqeval call F1.
    """
    return _make_statistic(
        lambda counts: divide(2 * counts.true_positives, counts.predicted + counts.actual),
        predictions,
        targets,
        _Rule(match, average, label),
    )


def token_accuracy(predictions: Predictions, targets: Targets) -> Statistic:
    """The share of tokens with the right label, or rightly with none.

    From 0 to 1. Tokens are those that the model decided on, or words where it decided word by word. A token has the label of
    the target's span that it lies in; whether it begins the span does not matter.
    """
    if "decisions" not in predictions.table.column_names:
        raise NotRunError(
            "the predictions are spans alone, and token accuracy needs what was decided of each token",
            hint="measure them with `metrics/span-f1`",
        )
    scheme = TagScheme.of(predictions.classes)
    decided = predictions.table.column("decisions").to_pylist()
    rows = [
        _count_tokens(tokens or (), spans or (), scheme)
        for tokens, spans in zip(decided, targets.to_pylist(), strict=True)
    ]
    counts = np.array(rows, np.float64).reshape(-1, 2)
    kinds, bins = _find_kinds(counts, np.array([[0.0, counts[:, 1].max(initial=0.0)]]))

    def compute(times: Floats) -> Floats:
        sums = times @ kinds
        return divide(sums[..., 0], sums[..., 1])

    return Statistic(compute, bins, len(kinds))


@dataclass(frozen=True)
class _Rule:
    """Which predicted spans are right, and how labels are averaged."""

    match: Match
    average: SpanAverage
    label: str | None


def count_right(predicted: Collection[Entity], actual: Collection[Entity], match: Match) -> float:
    """How many predicted spans of a row are right, a partial one as half; none is held against two targets."""
    if match == "strict":
        return float(len(set(predicted) & set(actual)))
    left = sorted(actual)
    if match == "type":
        return float(sum(_take_same_type(span, left) for span in sorted(predicted)))
    right, rest = 0.0, []
    for span in sorted(predicted):
        same = next((one for one in left if one[:2] == span[:2]), None)
        if same is None:
            rest.append(span)
        else:
            left.remove(same)
            right += 1
    if match == "exact":
        return right
    for span in rest:
        if (other := next((one for one in left if _overlap(one, span)), None)) is not None:
            left.remove(other)
            right += PARTIAL_CREDIT
    return right


def _take_same_type(span: Entity, left: list[Entity]) -> bool:
    """Whether a target with its label overlaps a span; the nearest is taken, or the first of another label."""
    overlapping = [one for one in left if _overlap(one, span)]
    same = [one for one in overlapping if one[2] == span[2]]
    if same:
        left.remove(min(same, key=lambda one: abs(one[0] - span[0]) + abs(one[1] - span[1])))
    elif overlapping:
        left.remove(overlapping[0])
    return bool(same)


def _overlap(one: Entity, other: Entity) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def _make_statistic(
    score: Callable[[ConfusionCounts], Floats], predictions: Predictions, targets: Targets, rule: _Rule
) -> Statistic:
    pairs = list(zip(entities(predictions), entities(targets), strict=True))
    labels = sorted({span[2] for pair in pairs for side in pair for span in side})
    if rule.label is not None:
        known = TagScheme.of(predictions.classes).types(predictions.classes) or tuple(labels)
        if rule.label not in {*known, *labels} and known:
            raise UsageError(
                f"no span has the label `{rule.label}`", hint=f"there are {', '.join(f'`{one}`' for one in known)}"
            )
        labels = [rule.label]
    groups = [None] if not labels or (rule.average == "micro" and rule.label is None) else labels
    rows = np.array([[_count_row(*pair, group, rule.match) for group in groups] for pair in pairs], np.float64)
    rows = rows.reshape(len(pairs), len(groups), 3)
    _, most_predicted, most_actual = rows.max(axis=0, initial=0.0).T
    none_right = np.stack([np.zeros_like(most_actual), most_predicted, most_actual], axis=-1)
    all_right = np.stack([most_actual] * 3, axis=-1)
    kinds, bins = _find_kinds(
        rows.reshape(len(pairs), 3 * len(groups)), np.stack([none_right, all_right]).reshape(2, 3 * len(groups))
    )

    def compute(times: Floats) -> Floats:
        sums = (times @ kinds).reshape(*times.shape[:-1], len(groups), 3)
        counts = ConfusionCounts(*(sums[..., column] for column in range(3)))
        if len(groups) == 1:
            return score(counts)[..., 0]
        weights = counts.actual if rule.average == "weighted" else counts.occurs.astype(np.float64)
        return divide((np.nan_to_num(score(counts)) * weights).sum(axis=-1), weights.sum(axis=-1))

    return Statistic(compute, bins, len(kinds))


def _count_row(
    predicted: Collection[Entity], actual: Collection[Entity], label: str | None, match: Match
) -> tuple[float, int, int]:
    """Right, predicted and target spans of a row, of all labels or of one."""
    one, other = ([span for span in side if label in (None, span[2])] for side in (predicted, actual))
    return count_right(one, other, match), len(one), len(other)


def _find_kinds(rows: Floats, possible: Floats) -> tuple[Floats, Ints]:
    """The distinct rows of counts, with those that are possible besides, and which of them each row is."""
    kinds, kind_of_row = np.unique(np.concatenate([rows, possible]), axis=0, return_inverse=True)
    return kinds, kind_of_row.reshape(-1)[: len(rows)].astype(np.int64)


def _count_tokens(
    tokens: Sequence[Mapping[str, Any]], spans: Sequence[Mapping[str, Any]], scheme: TagScheme
) -> tuple[int, int]:
    """How many tokens of a row have the right label, and how many there are."""
    right = 0
    for token in tokens:
        covering = (span for span in spans if span["start"] < token["end"] and token["start"] < span["end"])
        actual = next((span["label"] for span in covering), OUTSIDE)
        right += scheme.parse(token["label"]).type == actual
    return right, len(tokens)
