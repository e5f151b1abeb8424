"""Questions about the data alone, which no model has to answer: whether rows repeat each other, overlap, or drift."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mqa_data import balance, drift, duplicates, overlap, profile
from mqa_registry import Probe, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

TEXTS = ("fields",)


@hookimpl
def mqa_probes() -> Iterable[Probe]:
    yield Probe(
        "overlap",
        overlap.overlap,
        gives=overlap.GIVES,
        numbers=overlap.numbers,
        evidence=overlap.evidence,
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
        sees="rows",
        texts=TEXTS,
    )
    yield Probe(
        "label-balance",
        balance.label_balance,
        gives=balance.GIVES,
        numbers=balance.numbers,
        evidence=balance.evidence,
        sees="rows",
    )
    yield Probe(
        "drift",
        drift.drift,
        gives=drift.GIVES,
        numbers=drift.numbers,
        evidence=drift.evidence,
        sees="rows",
        compares=True,
    )
    yield Probe(
        "profile",
        profile.profile,
        gives=profile.GIVES,
        numbers=profile.numbers,
        evidence=profile.evidence,
        sees="rows",
        texts=TEXTS,
        version=2,
    )
