"""What a new suite asks of rows that are worse than those at hand: does the model bear what people type, photograph, record?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from mqa_registry import SuggestedCheck

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import TypeAlias

    from mqa_registry import SuiteContext

    Perturbations: TypeAlias = tuple[tuple[str | Mapping[str, Any], float, str], ...]

DECISIONS = ("label", "labels", "spans", "answer", "text", "ranking")  # the schemas of answers that can flip
SCORED = ("label", "labels", "spans", "answer", "text")  # those that the task's metric scores row by row
NUMBER = "value"  # the schema of answers that are near or far
SHARE_OF_SPREAD = 0.1  # of the standard deviation of targets: how much larger an error may become
ROBUSTNESS = 20  # the order of such checks in a suite
MAX_FLIP_RATE = 0.2

# What a row goes through, by the modality of a field, how much worse the answers may be, and words for a comment.
TEXT: Perturbations = (
    ({"use": "robustness/typos", "rate": 0.1}, 0.10, "a typing mistake in every tenth word"),
    ("robustness/upper-case", 0.05, "capitals throughout"),
    ("robustness/strip-punctuation", 0.05, "no punctuation"),
)
PERTURBATIONS: Mapping[str, Perturbations] = {
    "text": TEXT,
    "image": (
        ({"use": "vision/gaussian-noise", "severity": 1}, 0.10, "the noise of a sensor in low light"),
        ({"use": "vision/brightness", "severity": 2}, 0.05, "more brightness"),
        ({"use": "vision/jpeg-compression", "severity": 1}, 0.05, "the loss of JPEG"),
    ),
    "audio": (
        ({"use": "audio/noise", "severity": -20}, 0.10, "noise at a hundredth of the power"),
        ({"use": "audio/gain", "severity": 12}, 0.05, "a quarter of the volume"),
        ({"use": "audio/mu-law", "severity": 8}, 0.05, "the sound of a telephone"),
    ),
    "columns": (({"use": "tabular/missing-values", "severity": 0.1}, 0.10, "a tenth of the values missing"),),
}


def suggest_robustness(context: SuiteContext) -> Iterator[SuggestedCheck]:
    """How much worse rows cost, such as those with typing mistakes; without targets, how many answers they change."""
    perturbations = [
        one for modality in PERTURBATIONS if modality in context.modalities for one in PERTURBATIONS[modality]
    ]
    if context.schema == NUMBER and "text" in context.modalities:
        yield from _suggest_for_numbers(context)
    if context.schema not in DECISIONS:
        return
    for perturbation, max_drop, words in perturbations:
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
    for perturbation, _, words in TEXT:
        yield SuggestedCheck(
            table={
                "measure": context.metric,
                "perturb": perturbation,
                "expect": {"max_rise": float(f"{SHARE_OF_SPREAD * spread:.2g}")},
            },
            about=f"How much larger does its error become: {words}?",
            order=ROBUSTNESS,
        )
