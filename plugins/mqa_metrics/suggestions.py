"""What a new suite asks of predictions with targets: are they better than always giving the same answer?"""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_registry import SuggestedCheck

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from mqa_registry import SuiteContext

CHANCE = 0.5  # the AUROC of answers that have nothing to do with the targets
MAX_ECE = 0.15
MIN_SPAN_F1 = 0.5  # more right than wrong
MIN_AP50, MIN_BOX_RECALL = 0.5, 0.5
MIN_MASK_AP50, MIN_MASK_RECALL = 0.5, 0.5
MIN_MEAN_IOU, MIN_BOUNDARY_F1 = 0.5, 0.5
MIN_ANSWER_F1 = 0.5
DEPTH = 10  # of a ranking
MIN_MASKED_TOP_5 = 0.5  # more often than not
QUALITY = 10  # the order of such checks in a suite


def suggest_quality(context: SuiteContext) -> Iterator[SuggestedCheck]:
    """What a model has to be better than, by the targets of the rows, where its predictions need them; nothing without them."""
    if context.has_targets or context.schema in NEED_NO_TARGETS:
        yield from SUGGESTED.get(context.schema, ())
    if context.has_targets and context.schema in BY_TARGETS:
        yield from BY_TARGETS[context.schema](context)


def _ask_least(measure: str | dict[str, Any], expect: dict[str, float], about: str) -> SuggestedCheck:
    """A check of quality whose bound is the least that any model should reach."""
    return SuggestedCheck(table={"measure": measure, "expect": expect}, about=about, bounds="least", order=QUALITY)


def _suggest_for_classes(context: SuiteContext) -> Iterator[SuggestedCheck]:
    """Accuracy, macro-F1, AUROC and calibration of a classifier of one class a row."""
    if not len(context.rows):
        yield _ask_least("metrics/mcc", {"min": 0.0}, "Is it better than chance, however rare a class is?")
        return
    counts = pc.value_counts(context.rows.column("target").drop_null())
    if len(counts) < 2:
        return
    shares = [count.as_py() / pc.sum(counts.field("counts")).as_py() for count in counts.field("counts")]
    largest = max(shares)
    most_frequent = counts.field("values")[shares.index(largest)].as_py()
    yield _ask_least(
        "metrics/accuracy",
        {"min": _round_up(largest)},
        f"Is it right more often than one that always answers `{most_frequent}`, the most frequent class?",
    )
    yield _ask_least(
        {"use": "metrics/f1", "average": "macro"},
        {"min": _round_up(2 * largest / (1 + largest) / len(context.classes))},
        "The same for every class, rare or not.",
    )
    if len(context.classes) == 2:
        yield _ask_least(
            "metrics/auroc", {"min": CHANCE}, f"Does it score rows of `{context.classes[1]}` higher than others?"
        )
    yield SuggestedCheck(
        table={"measure": "metrics/ece", "expect": {"max": MAX_ECE}},
        about="Is it right as often as its probabilities say?",
        order=QUALITY,
    )


def _suggest_for_label_sets(context: SuiteContext) -> Iterator[SuggestedCheck]:
    """Micro-F1, exact match and the ranking of labels, of a model that gives a row any number of them."""
    targets = context.rows.column("target").drop_null()
    if not len(context.rows):
        yield _ask_least("metrics/ranking-loss", {"max": CHANCE}, "Does it score the labels of a row above the others?")
        return
    if not pa.types.is_list(targets.type) or not len(targets) or not context.classes:
        return
    n_labels = len(pc.list_flatten(targets))
    prevalence = n_labels / (len(targets) * len(context.classes))
    if not 0 < prevalence < 1:
        return
    yield _ask_least(
        {"use": "metrics/f1", "average": "micro"},
        {"min": _round_up(2 * prevalence / (1 + prevalence))},
        "Is it better than one that gives every row all labels?",
    )
    sets = Counter(tuple(sorted(set(row))) for row in targets.to_pylist())
    yield _ask_least(
        "metrics/accuracy",
        {"min": _round_up(max(sets.values()) / len(targets))},
        "Does it give exactly the right labels more often than one that always gives the most frequent set?",
    )
    yield _ask_least("metrics/ranking-loss", {"max": CHANCE}, "Does it score the labels of a row above the others?")


def _suggest_for_numbers(context: SuiteContext) -> Iterator[SuggestedCheck]:
    """The mean absolute error, R² and the rank correlation of a model that gives a row a number."""
    targets = context.rows.column("target").drop_null()
    if len(context.rows):
        if not pa.types.is_floating(targets.type) or pc.count_distinct(targets).as_py() < 2:
            return
        values = np.asarray(targets.to_numpy())
        error = float(np.abs(values - np.median(values)).mean())
        yield _ask_least(
            "metrics/mae",
            {"max": float(f"{error:.3g}")},
            "Is it nearer to the targets than one that always predicts their median?",
        )
    yield _ask_least("metrics/r2", {"min": 0.0}, "Does it explain more than the mean of the targets does?")
    yield _ask_least("metrics/spearman", {"min": 0.0}, "Does it put rows in the order of their targets?")


def _suggest_for_rankings(context: SuiteContext) -> Iterator[SuggestedCheck]:
    """The nDCG of a model that ranks the members of groups."""
    members = next((name for name in context.fields if pa.types.is_list(context.rows.schema.field(name).type)), None)
    if members is None:
        return
    pairs = zip(context.rows.column("target").to_pylist(), context.rows.column(members).to_pylist(), strict=True)
    gains = [([one["relevance"] for one in relevant or ()], len(names)) for relevant, names in pairs]
    by_chance = [_expect_ndcg(some, size) for some, size in gains if some]
    if by_chance:
        yield _ask_least(
            {"use": "metrics/ndcg", "k": DEPTH},
            {"min": _round_up(float(np.mean(by_chance)))},
            "Does it put what is relevant before what is not? In a random order the first ten have less.",
        )


def _expect_ndcg(gains: list[float], size: int) -> float:
    """The mean nDCG of all orders of so many things, of which some have gains."""
    discounts = 1 / np.log2(np.arange(2, DEPTH + 2))
    best = np.sort(gains)[::-1][:DEPTH]
    return float(sum(gains) / size * discounts[:size].sum() / (best * discounts[: len(best)]).sum())


def _round_up(share: float) -> float:
    """A share in whole hundredths, below 1."""
    return min(math.ceil(share * 100) / 100, 0.99)


BY_TARGETS: Mapping[str, Callable[[SuiteContext], Iterator[SuggestedCheck]]] = {
    "label": _suggest_for_classes,
    "labels": _suggest_for_label_sets,
    "value": _suggest_for_numbers,
    "ranking": _suggest_for_rankings,
}  # checks whose bounds follow from the targets, by the schema
NEED_NO_TARGETS = ("tokens",)  # what stood behind a mask is in the row
SUGGESTED: Mapping[str, Sequence[SuggestedCheck]] = {
    "spans": (
        _ask_least(
            "metrics/span-f1",
            {"min": MIN_SPAN_F1},
            "Does it find the spans of the targets, with their ends and labels?",
        ),
    ),
    "boxes": (
        _ask_least(
            {"use": "metrics/box-map", "iou": 0.5},
            {"min": MIN_AP50},
            "Does it find the objects of every label, and rank them before what is none? This is COCO's AP50.",
        ),
        _ask_least(
            {"use": "metrics/box-recall", "iou": 0.5},
            {"min": MIN_BOX_RECALL},
            "How many of the objects does it find at all?",
        ),
    ),
    "instances": (
        _ask_least(
            {"use": "metrics/instance-map", "iou": 0.5},
            {"min": MIN_MASK_AP50},
            "Does it find the objects of every label by their masks, and rank them before what is none? This is COCO's AP50.",
        ),
        _ask_least(
            {"use": "metrics/instance-recall", "iou": 0.5},
            {"min": MIN_MASK_RECALL},
            "How many of the objects does it find at all?",
        ),
    ),
    "masks": (
        _ask_least(
            "metrics/mean-iou",
            {"min": MIN_MEAN_IOU},
            "Does it find the pixels of every label, rare or not, and give it no others?",
        ),
        SuggestedCheck(
            table={"measure": "metrics/boundary-f1", "expect": {"min": MIN_BOUNDARY_F1}},
            about="Does it meet the borders, within 0.75 % of the diagonal of the image?",
            order=QUALITY,
        ),
    ),
    "answer": (
        _ask_least(
            "metrics/answer-f1",
            {"min": MIN_ANSWER_F1},
            "How much of the words of its answers is right? `metrics/exact-match` counts whole answers.",
        ),
    ),
    "tokens": (
        _ask_least(
            {"use": "metrics/masked-top-k", "k": 5},
            {"min": MIN_MASKED_TOP_5},
            "Is the right token among its five likeliest? `metrics/pseudo-perplexity` tells how likely it is.",
        ),
    ),
}
