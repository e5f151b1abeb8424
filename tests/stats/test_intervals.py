"""An estimate lies within its own interval, whatever is measured, of whichever rows, in whichever form."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mqa_metrics.classification import accuracy, balanced_accuracy, f1, mcc, precision, recall
from mqa_metrics.probability import brier, ece, log_loss
from mqa_metrics.ranking import auroc
from mqa_registry import Quantile
from mqa_registry.judging.measurements import MeasureOutput, estimate, estimate_drop
from mqa_registry.stats.resampling import IntervalOptions
from mqa_registry.stats.unpaired_differences import difference, ratio
from tests.benchmarks.statistics import predictions, targets

MEASURES = (accuracy, f1, precision, recall, balanced_accuracy, mcc, auroc, brier, log_loss, ece)
SPANS = {mcc: (-1.0, 1.0), log_loss: (0.0, math.inf)}
# As few values as make ties, sure answers and rows that are alike; the chance of the second of two classes.
CHANCES = st.sampled_from([0.0, 0.01, 0.3, 0.5, 0.7, 0.99, 1.0])
ROWS = st.lists(st.tuples(CHANCES, CHANCES, st.integers(0, 1), st.integers(0, 3)), min_size=2, max_size=30)


def holds(one):
    for confidence in (0.5, 0.95, 0.999999):
        interval = one.interval(confidence)
        if interval is not None and not math.isnan(one.value):
            low, high = interval
            assert low <= one.value <= high, (one, confidence)


@settings(max_examples=60, deadline=None)
@given(measure=st.sampled_from(MEASURES), rows=ROWS, clustered=st.booleans())
def test_of_every_measure_alone_and_of_its_drops_differences_and_ratios(measure, rows, clustered):
    before, after, codes, clusters = (np.array(column) for column in zip(*rows, strict=True))
    how = IntervalOptions(7, "within", n_resamples=200, clusters=clusters if clustered else None)
    span = SPANS.get(measure, (0.0, 1.0))
    right = targets(codes)
    first, second = (
        MeasureOutput.of_metric(measure(predictions(chances.astype(float)), right), span) for chances in (before, after)
    )
    one, two = (estimate(each, len(rows), how) for each in (first, second))
    for made in (one, two, estimate_drop(first, second, len(rows), how), difference(one, two), ratio(one, two)):
        holds(made)


@settings(max_examples=60, deadline=None)
@given(
    values=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40),
    share=st.sampled_from([0.01, 0.5, 0.95]),
)
def test_of_quantiles_and_of_means_without_a_range(values, share):
    scores = np.array(values)
    for answer in (Quantile(scores, share), scores):
        holds(estimate(MeasureOutput.of(answer), len(scores), IntervalOptions(7, "within", n_resamples=200)))
