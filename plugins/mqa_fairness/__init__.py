"""Slices of rows into groups, metrics of how alike a model treats groups, counterfactuals, and weak slices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mqa_fairness.aif360_metrics import (
    average_abs_odds_difference,
    average_odds_difference,
    between_group_entropy,
    disparate_impact,
    generalized_entropy,
    statistical_parity_difference,
    theil,
    true_positive_rate_difference,
)
from mqa_fairness.cluster_slice import clusters
from mqa_fairness.column_slices import column, confidence, crossed, name_column, name_columns, quantiles, ranges
from mqa_fairness.counterfactuals import (
    swap_age,
    swap_gender,
    swap_names,
    swap_nationality,
    swap_religion,
    swap_words,
)
from mqa_fairness.fairlearn_metrics import (
    demographic_parity_difference,
    demographic_parity_ratio,
    equal_opportunity_difference,
    equal_opportunity_ratio,
    equalized_odds_difference,
    equalized_odds_ratio,
)
from mqa_fairness.suggestions import suggest_fairness
from mqa_fairness.text_slices import identity_terms, language, length, name_text_column, names, nationalities, script
from mqa_fairness.weak_slices import SHARE, UNBOUNDED, WeakSlices
from mqa_registry import Metric, Perturbation, Probe, Slice, Suggestion, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

LABEL = ("label",)
SIGNED = (-1.0, 1.0)


@hookimpl
def mqa_slices() -> Iterable[Slice]:
    yield Slice("column", column, inputs="table", columns=name_column)
    yield Slice("crossed", crossed, columns=name_columns)
    yield Slice("ranges", ranges, columns=name_column)
    yield Slice("quantiles", quantiles, inputs="table", columns=name_column)
    yield Slice("clusters", clusters, inputs="table", columns=name_column)
    yield Slice("identity-terms", identity_terms, columns=name_text_column)
    yield Slice("nationalities", nationalities, columns=name_text_column)
    yield Slice("names", names, columns=name_text_column)
    yield Slice("length", length, columns=name_text_column)
    yield Slice("script", script, columns=name_text_column)
    yield Slice("language", language, columns=name_text_column, requires=("py3langid",))
    yield Slice("confidence", confidence, inputs="predictions")


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
    yield Metric(
        "demographic-parity-difference", demographic_parity_difference, schemas=LABEL, range=SHARE, reads="counts"
    )
    yield Metric("demographic-parity-ratio", demographic_parity_ratio, schemas=LABEL, range=SHARE, reads="counts")
    yield Metric("equalized-odds-difference", equalized_odds_difference, schemas=LABEL, range=SHARE, reads="counts")
    yield Metric("equalized-odds-ratio", equalized_odds_ratio, schemas=LABEL, range=SHARE, reads="counts")
    yield Metric(
        "equal-opportunity-difference", equal_opportunity_difference, schemas=LABEL, range=SHARE, reads="counts"
    )
    yield Metric("equal-opportunity-ratio", equal_opportunity_ratio, schemas=LABEL, range=SHARE, reads="counts")
    yield Metric(
        "statistical-parity-difference", statistical_parity_difference, schemas=LABEL, range=SIGNED, reads="counts"
    )
    yield Metric("disparate-impact", disparate_impact, schemas=LABEL, range=UNBOUNDED, reads="counts")
    yield Metric(
        "true-positive-rate-difference", true_positive_rate_difference, schemas=LABEL, range=SIGNED, reads="counts"
    )
    yield Metric("average-odds-difference", average_odds_difference, schemas=LABEL, range=SIGNED, reads="counts")
    yield Metric("average-abs-odds-difference", average_abs_odds_difference, schemas=LABEL, range=SHARE, reads="counts")
    yield Metric("generalized-entropy", generalized_entropy, schemas=LABEL, range=UNBOUNDED, reads="counts")
    yield Metric("theil", theil, schemas=LABEL, range=UNBOUNDED, reads="counts")
    yield Metric("between-group-entropy", between_group_entropy, schemas=LABEL, range=UNBOUNDED, reads="counts")


@hookimpl
def mqa_probes() -> Iterable[Probe[Any]]:
    return [WeakSlices()]


@hookimpl
def mqa_suggestions() -> Iterable[Suggestion]:
    yield Suggestion("fairness", suggest_fairness)
