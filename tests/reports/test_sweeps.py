"""How far the rows of a sweep were perturbed, in words."""

from __future__ import annotations

import pytest

from mqa_registry.judging.result import StepEvidence
from mqa_registry.reports.sweeps import describe_perturbation


@pytest.mark.parametrize(
    ("changed", "rows", "text"),
    [
        (0, 1000, "0 %"), (1, 1000, "0.1 %"), (10, 1000, "1 %"), (15, 1000, "2 %"), (990, 1000, "99 %"),
        (995, 1000, "99.5 %"), (1000, 1000, "100 %"), (0, 0, ""),
    ],
)  # fmt: skip
def test_a_share_is_never_rounded_to_none_or_all(make, changed, rows, text):
    step = make.step(1, 0.1, evidence=StepEvidence(rows, changed, 0))
    assert describe_perturbation([step, make.step(2, 0.1)]) == ({"changed": [text, ""]} if text else {})


def test_edits_and_declined_rows_have_a_line_where_there_are_any(make):
    steps = [
        make.step(1, 0.1, evidence=StepEvidence(0, 0, 0, mean_edits=1.26)),
        make.step(2, 0.1, evidence=StepEvidence(0, 0, 1200)),
    ]
    assert describe_perturbation(steps) == {"edits a row": ["1.3", ""], "declined": ["", "1,200"]}
    assert describe_perturbation(steps[:1]) == {"edits a row": ["1.3"]}


def test_lost_rows_have_a_line_of_their_own(make):
    steps = [make.step(1, 0.1, evidence=StepEvidence(0, 0, 0, lost=3)), make.step(2, 0.1)]
    assert describe_perturbation(steps) == {"lost": ["3", ""]}
