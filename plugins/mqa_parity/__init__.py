"""How far two predictions of the same rows lie apart: an export and its model, a release and the one before."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mqa_parity import company, flips, ratios
from mqa_parity.answers import agreement, flip_rate
from mqa_parity.invariance import invariance
from mqa_parity.numbers import FARTHEST, cosine, max_abs_diff, mean_kl
from mqa_parity.shift import score_shift
from mqa_parity.tensors import check_outputs, tensors
from mqa_registry import Comparison, Probe, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

ANSWERS = ("label", "labels", "spans", "text", "ranking")
SHARE, DISTANCE = (0.0, 1.0), (0.0, math.inf)


@hookimpl
def mqa_comparisons() -> Iterable[Comparison]:
    yield Comparison("agreement", agreement, takes=ANSWERS, evidence=flips.evidence, right=agreement, range=SHARE)
    yield Comparison("flip-rate", flip_rate, takes=ANSWERS, evidence=flips.evidence, right=agreement, range=SHARE)
    yield Comparison("max-abs-diff", max_abs_diff, takes=("label", "labels", "value", "vector"), range=DISTANCE)
    yield Comparison("mean-kl", mean_kl, takes=("label",), range=(0.0, FARTHEST))
    yield Comparison("cosine", cosine, takes=("vector",), range=(-1.0, 1.0))
    yield Comparison("score-shift", score_shift, takes=("label", "value"))


@hookimpl
def mqa_probes() -> Iterable[Probe]:
    yield Probe(
        "tensors",
        tensors,
        gives=ratios.GIVES,
        numbers=ratios.numbers,
        evidence=ratios.evidence,
        sees="runner",
        compares=True,
        texts=("fields",),
        version=9,
        ranges=dict.fromkeys(("ratio", "max_abs", "p999", "mean", "mismatches", "outside", "rerun"), DISTANCE)
        | {"cosine": (-1.0, 1.0)},
        check=check_outputs,
    )
    yield Probe(
        "invariance",
        invariance,
        gives=company.GIVES,
        numbers=company.numbers,
        evidence=company.evidence,
        sees="runner",
        texts=("fields",),
        version=3,
        ranges=dict.fromkeys(company.GIVES, DISTANCE),
    )
