"""How far two models, or a model and its export, lie apart on the same rows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from mqa_parity.batch_invariance import BatchInvariance
from mqa_parity.closeness import close, closeness_evidence
from mqa_parity.comparisons import (
    LARGEST_KL,
    agreement,
    cosine,
    max_abs_diff,
    mean_kl,
    score_shift,
)
from mqa_parity.decisions import SCHEMAS
from mqa_parity.flips import flip_evidence, flip_rate
from mqa_parity.generation.probe import GenerationParity
from mqa_parity.inputs import InputParity
from mqa_parity.mask_flips import pixel_agreement
from mqa_parity.neighbours import neighbour_evidence, neighbour_flips
from mqa_parity.suggestions import suggest_parity
from mqa_parity.tensors.probe import TensorParity
from mqa_registry import Comparison, Probe, Suggestion, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

SHARE, DISTANCE = (0.0, 1.0), (0.0, math.inf)


@hookimpl
def mqa_comparisons() -> Iterable[Comparison]:
    yield Comparison(
        "agreement",
        agreement,
        schemas=SCHEMAS,
        evidence=flip_evidence,
        is_correct=agreement,
        range=SHARE,
        reads="rows",
    )
    yield Comparison(
        "flip-rate",
        flip_rate,
        schemas=SCHEMAS,
        evidence=flip_evidence,
        is_correct=agreement,
        range=SHARE,
        reads="rows",
    )
    yield Comparison("pixel-agreement", pixel_agreement, schemas=("masks",), range=SHARE, reads="rows")
    yield Comparison("max-abs-diff", max_abs_diff, schemas=("label", "labels", "value", "vector"), range=DISTANCE)
    yield Comparison("mean-kl", mean_kl, schemas=("label",), range=(0.0, LARGEST_KL))
    yield Comparison("cosine", cosine, schemas=("vector",), range=(-1.0, 1.0))
    yield Comparison("neighbour-flips", neighbour_flips, schemas=("vector",), evidence=neighbour_evidence, range=SHARE)
    yield Comparison(
        "close", close, schemas=("value", "vector"), evidence=closeness_evidence, range=SHARE, reads="rows"
    )
    yield Comparison("score-shift", score_shift, schemas=("label", "labels", "value"))


@hookimpl
def mqa_probes() -> Iterable[Probe[Any]]:
    return (TensorParity(), BatchInvariance(), GenerationParity(), InputParity())


@hookimpl
def mqa_suggestions() -> Iterable[Suggestion]:
    yield Suggestion("parity", suggest_parity)
