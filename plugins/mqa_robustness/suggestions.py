"""What a new suite of a model of text asks: does it bear what people type?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from mqa_registry import SuggestedCheck

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mqa_registry import SuiteContext

DECISIONS = ("label", "labels", "spans", "answer", "text", "ranking")  # the schemas of answers that can flip
SCORED = ("label", "labels", "spans", "answer", "text")  # those that the task's metric scores row by row
NUMBER = "value"  # the schema of answers that are near or far
SHARE_OF_SPREAD = 0.1  # of the standard deviation of targets: how much larger an error may become
ROBUSTNESS = 20  # the order of such checks in a suite
MAX_FLIP_RATE = 0.2

# What a text goes through, how much worse the answers may be, and its words for a comment.
PERTURBATIONS: tuple[tuple[str | Mapping[str, Any], float, str], ...] = (
    ({"use": "robustness/typos", "rate": 0.1}, 0.10, "a typing mistake in every tenth word"),
    ("robustness/upper-case", 0.05, "capitals throughout"),
    ("robustness/strip-punctuation", 0.05, "no punctuation"),
)


def suggest_robustness(context: SuiteContext) -> Iterator[SuggestedCheck]:
    """How much typing mistakes, capitals and missing punctuation cost; without targets, how many answers they change."""
    if "text" not in context.modalities or context.schema not in (*DECISIONS, NUMBER):
        return
    if context.schema == NUMBER:
        yield from _suggest_for_numbers(context)
        return
    for perturbation, max_drop, words in PERTURBATIONS:
        if context.has_targets and context.schema in SCORED:
            about, measured = f"What does it cost: {words}?", {"measure": context.metric}
            expect: dict[str, Any] = {"expect": {"max_drop": max_drop}}
        else:
            about, measured = f"How many answers does it change: {words}?", {"measure": "parity/flip-rate"}
            expect = {"against": {"perturb": False}, "expect": {"max": MAX_FLIP_RATE}}
        yield SuggestedCheck(table={**measured, "perturb": perturbation, **expect}, about=about, order=ROBUSTNESS)


def _suggest_for_numbers(context: SuiteContext) -> Iterator[SuggestedCheck]:
    """How much larger the error becomes; nothing without targets, since nobody knows how far a number may move."""
    targets = context.rows.column("target").drop_null() if context.has_targets else pa.chunked_array([[0.0]])
    spread = float(np.std(targets.to_numpy())) if pa.types.is_floating(targets.type) and len(targets) else 0.0
    if not spread:
        return
    for perturbation, _, words in PERTURBATIONS:
        yield SuggestedCheck(
            table={
                "measure": context.metric,
                "perturb": perturbation,
                "expect": {"max_rise": float(f"{SHARE_OF_SPREAD * spread:.2g}")},
            },
            about=f"How much larger does its error become: {words}?",
            order=ROBUSTNESS,
        )
