"""What the plugin says of its metrics and counterfactuals to the host."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

from mqa_fairness import mqa_metrics, mqa_perturbations
from mqa_registry import edited

METRICS = {metric.name: metric for metric in mqa_metrics()}
COUNTERFACTUALS = [one for one in mqa_perturbations() if one.name != "swap-words"]  # which needs a lexicon
TEXT = "Emily and her American uncle, a Muslim, met an old man of 71 years old"


@pytest.mark.parametrize("name", sorted(METRICS.keys() - {"theil"}))  # whose help refers to another metric's
def test_a_metric_has_the_range_that_its_help_states(name):
    low, high = re.search(r"From (-?\d) (?:to (\d)|up)", METRICS[name].documentation).groups()
    assert METRICS[name].range == (float(low), float(high) if high else math.inf)


def test_theils_index_has_the_range_of_the_entropy_that_it_is():
    assert METRICS["theil"].range == METRICS["generalized-entropy"].range


@pytest.mark.parametrize("counterfactual", COUNTERFACTUALS, ids=lambda one: one.name)
def test_a_counterfactual_gives_the_edits_of_a_text_so_that_spans_move_with_it(counterfactual):
    edits = counterfactual.function({"text": TEXT}, np.random.default_rng(0))["text"]
    assert counterfactual.edits
    assert edited(TEXT, edits) != TEXT
