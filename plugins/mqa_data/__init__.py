"""Questions about the data alone, which no model has to answer: whether rows repeat each other, overlap, or drift."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mqa_data import drift, duplicates, label_balance, overlap, profile
from mqa_registry import Probe, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

SHARE = (0.0, 1.0)


@hookimpl
def mqa_probes() -> Iterable[Probe]:
    yield Probe(
        "overlap",
        overlap.overlap,
        gives=overlap.NUMBERS,
        numbers=overlap.compute_numbers,
        evidence=overlap.collect_evidence,
        ranges=dict.fromkeys(overlap.NUMBERS, SHARE),
        sees="rows",
        compares=True,
        texts=("fields", "other_fields"),
    )
    yield Probe(
        "duplicates",
        duplicates.duplicates,
        gives=duplicates.NUMBERS,
        numbers=duplicates.compute_numbers,
        evidence=duplicates.collect_evidence,
        ranges=dict.fromkeys(duplicates.NUMBERS, SHARE),
        sees="rows",
        texts=("fields",),
    )
    yield Probe(
        "label-balance",
        label_balance.label_balance,
        gives=tuple(label_balance.RANGES),
        numbers=label_balance.compute_numbers,
        evidence=label_balance.collect_evidence,
        ranges=label_balance.RANGES,
        sees="rows",
    )
    yield Probe(
        "drift",
        drift.drift,
        gives=drift.NUMBERS,
        numbers=drift.compute_numbers,
        evidence=drift.collect_evidence,
        ranges=dict.fromkeys(drift.NUMBERS, SHARE),
        requires=("scikit-learn",),
        sees="rows",
        compares=True,
    )
    yield Probe(
        "profile",
        profile.profile,
        gives=tuple(profile.RANGES),
        numbers=profile.compute_numbers,
        evidence=profile.collect_evidence,
        ranges=profile.RANGES,
        sees="rows",
        texts=("fields",),
        version=2,
        requires=("py3langid",),
    )
