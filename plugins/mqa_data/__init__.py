"""Questions about the data alone, which no model has to answer: whether rows repeat each other, overlap, or drift."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mqa_data import balance, drift, duplicates, overlap, profile
from mqa_registry import Probe, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

TEXTS = ("fields",)
SHARE, UPWARDS = (0.0, 1.0), (0.0, math.inf)


@hookimpl
def mqa_probes() -> Iterable[Probe]:
    yield Probe(
        "overlap",
        overlap.overlap,
        gives=overlap.GIVES,
        numbers=overlap.numbers,
        evidence=overlap.evidence,
        ranges=dict.fromkeys(overlap.GIVES, SHARE),
        sees="rows",
        compares=True,
        texts=("fields", "other_fields"),
    )
    yield Probe(
        "duplicates",
        duplicates.duplicates,
        gives=duplicates.GIVES,
        numbers=duplicates.numbers,
        evidence=duplicates.evidence,
        ranges=dict.fromkeys(duplicates.GIVES, SHARE),
        sees="rows",
        texts=TEXTS,
    )
    yield Probe(
        "label-balance",
        balance.label_balance,
        gives=balance.GIVES,
        numbers=balance.numbers,
        evidence=balance.evidence,
        ranges=dict.fromkeys(("value", "entropy", "missing"), SHARE)
        | {"imbalance": (1.0, math.inf), "labels": UPWARDS},
        sees="rows",
    )
    yield Probe(
        "drift",
        drift.drift,
        gives=drift.GIVES,
        numbers=drift.numbers,
        evidence=drift.evidence,
        ranges=dict.fromkeys(drift.GIVES, SHARE),
        requires=("scikit-learn",),
        sees="rows",
        compares=True,
    )
    yield Probe(
        "profile",
        profile.profile,
        gives=profile.GIVES,
        numbers=profile.numbers,
        evidence=profile.evidence,
        ranges=dict.fromkeys(("value", "right_to_left", "empty", "broken", "commonest_language"), SHARE)
        | dict.fromkeys(("words", "longest", "scripts", "languages"), UPWARDS),
        sees="rows",
        texts=TEXTS,
        version=2,
        requires=("py3langid",),
    )
