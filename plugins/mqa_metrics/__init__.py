"""Metrics of quality: predictions compared with targets, and claims of model cards held to them.

The names mean what they mean in scikit-learn, with one difference: a number that is undefined, such as the precision of
a class that was never predicted, is NaN and not 0, so that no verdict rests on it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mqa_metrics.metrics import METRICS
from mqa_metrics.model_cards.claimed import Claimed
from mqa_metrics.retrieval import Retrieval
from mqa_metrics.suggestions import suggest_quality
from mqa_registry import Metric, Probe, Suggestion, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable


@hookimpl
def mqa_metrics() -> Iterable[Metric]:
    return METRICS


@hookimpl
def mqa_probes() -> Iterable[Probe[Any]]:
    """`metrics/claimed` and `metrics/retrieval`."""
    yield Claimed()
    yield Retrieval()


@hookimpl
def mqa_suggestions() -> Iterable[Suggestion]:
    yield Suggestion("quality", suggest_quality)
