"""How rows fall into groups that a model should treat alike, and how far it does."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mqa_fairness import weakness
from mqa_fairness.ages import swap_age
from mqa_fairness.between import (
    demographic_parity_difference,
    demographic_parity_ratio,
    equal_opportunity_difference,
    equal_opportunity_ratio,
    equalized_odds_difference,
    equalized_odds_ratio,
)
from mqa_fairness.certainty import certainty
from mqa_fairness.columns import column, crossed
from mqa_fairness.counterfactuals import swap_gender, swap_nationality, swap_religion, swap_words
from mqa_fairness.entropy import between_group_entropy, generalized_entropy, theil
from mqa_fairness.identity import identity_terms, nationalities
from mqa_fairness.languages import language
from mqa_fairness.lengths import length
from mqa_fairness.naming import names, swap_names
from mqa_fairness.numbers import quantiles, ranges
from mqa_fairness.privilege import (
    average_abs_odds_difference,
    average_odds_difference,
    disparate_impact,
    statistical_parity_difference,
    true_positive_rate_difference,
)
from mqa_fairness.scripts import script
from mqa_registry import Metric, Perturbation, Probe, Slice, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

LABEL = ("label",)
SHARE, UPWARDS = (0.0, 1.0), (0.0, math.inf)


@hookimpl
def mqa_slices() -> Iterable[Slice]:
    yield Slice("column", column)
    yield Slice("crossed", crossed)
    yield Slice("ranges", ranges)
    yield Slice("quantiles", quantiles, sees="table")
    yield Slice("identity-terms", identity_terms)
    yield Slice("nationalities", nationalities)
    yield Slice("names", names)
    yield Slice("length", length)
    yield Slice("script", script)
    yield Slice("language", language, requires=("py3langid",))
    yield Slice("certainty", certainty, sees="predictions")


@hookimpl
def mqa_perturbations() -> Iterable[Perturbation]:
    yield Perturbation("swap-gender", swap_gender, modality="text", edits=True)
    yield Perturbation("swap-names", swap_names, modality="text", edits=True)
    yield Perturbation("swap-nationality", swap_nationality, modality="text", edits=True)
    yield Perturbation("swap-religion", swap_religion, modality="text", edits=True)
    yield Perturbation("swap-age", swap_age, modality="text", edits=True)
    yield Perturbation("swap-words", swap_words, modality="text", edits=True)


@hookimpl
def mqa_metrics() -> Iterable[Metric]:
    yield Metric("demographic-parity-difference", demographic_parity_difference, takes=LABEL, range=SHARE)
    yield Metric("demographic-parity-ratio", demographic_parity_ratio, takes=LABEL, range=SHARE)
    yield Metric("equalized-odds-difference", equalized_odds_difference, takes=LABEL, range=SHARE)
    yield Metric("equalized-odds-ratio", equalized_odds_ratio, takes=LABEL, range=SHARE)
    yield Metric("equal-opportunity-difference", equal_opportunity_difference, takes=LABEL, range=SHARE)
    yield Metric("equal-opportunity-ratio", equal_opportunity_ratio, takes=LABEL, range=SHARE)
    yield Metric("statistical-parity-difference", statistical_parity_difference, takes=LABEL, range=(-1.0, 1.0))
    yield Metric("disparate-impact", disparate_impact, takes=LABEL, range=UPWARDS)
    yield Metric("true-positive-rate-difference", true_positive_rate_difference, takes=LABEL, range=(-1.0, 1.0))
    yield Metric("average-odds-difference", average_odds_difference, takes=LABEL, range=(-1.0, 1.0))
    yield Metric("average-abs-odds-difference", average_abs_odds_difference, takes=LABEL, range=SHARE)
    yield Metric("generalized-entropy", generalized_entropy, takes=LABEL, range=UPWARDS)
    yield Metric("theil", theil, takes=LABEL, range=UPWARDS)
    yield Metric("between-group-entropy", between_group_entropy, takes=LABEL, range=UPWARDS)


@hookimpl
def mqa_probes() -> Iterable[Probe]:
    yield Probe(
        "weak-slices",
        weakness.weak_slices,
        gives=weakness.GIVES,
        numbers=weakness.numbers,
        evidence=weakness.evidence,
        sees="predictions",
        texts=("fields",),
        takes=LABEL,
        ranges={"value": SHARE, "count": UPWARDS, "tried": UPWARDS, "score": SHARE},
    )
