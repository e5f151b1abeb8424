"""What a new suite of a classifier asks: is it better than one that always gives the same answer?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pyarrow.compute as pc

from mqa_registry import SuggestedCheck

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mqa_registry import SuiteContext

CHANCE = 0.5  # the AUROC of answers that have nothing to do with the targets
MAX_ECE = 0.15
QUALITY = 10  # the order of such checks in a suite


def suggest_quality(context: SuiteContext) -> Iterator[SuggestedCheck]:
    """Accuracy, macro-F1, AUROC and calibration of a classifier, for rows with targets."""
    if context.schema != "label" or not context.has_targets:
        return
    counts = pc.value_counts(context.rows.column("target").drop_null())
    if len(counts) < 2:
        return
    shares = [count.as_py() / pc.sum(counts.field("counts")).as_py() for count in counts.field("counts")]
    largest = max(shares)
    most_frequent = counts.field("values")[shares.index(largest)].as_py()
    yield SuggestedCheck(
        table={"measure": "metrics/accuracy", "expect": {"min": _round_up(largest)}},
        about=f"Is it right more often than one that always answers `{most_frequent}`, the most frequent class?",
        bounds="least",
        order=QUALITY,
    )
    yield SuggestedCheck(
        table={
            "measure": {"use": "metrics/f1", "average": "macro"},
            "expect": {"min": _round_up(2 * largest / (1 + largest) / len(context.classes))},
        },
        about="The same for every class, rare or not.",
        bounds="least",
        order=QUALITY,
    )
    if len(context.classes) == 2:
        yield SuggestedCheck(
            table={"measure": "metrics/auroc", "expect": {"min": CHANCE}},
            about=f"Does it score rows of `{context.classes[1]}` higher than others?",
            bounds="least",
            order=QUALITY,
        )
    yield SuggestedCheck(
        table={"measure": "metrics/ece", "expect": {"max": MAX_ECE}},
        about="Is it right as often as its probabilities say?",
        order=QUALITY,
    )


def _round_up(share: float) -> float:
    """A share in whole hundredths, below 1."""
    return min(math.ceil(share * 100) / 100, 0.99)
