"""Comparisons: equal predictions differ by nothing, and evidence names rows that are there."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mqa_registry.boundary import check_correctness, check_evidence, check_example_ids
from mqa_registry.contributions import Comparison
from mqa_registry.errors import ContributionError
from mqa_registry.options import read_options
from mqa_registry.testing.measure_calls import accepted_pairs, are_equal, number_of
from mqa_registry.testing.predictions import make_pair
from mqa_registry.testing.rule import Rule
from mqa_registry.testing.rules.measures import make_inputs
from mqa_registry.testing.subject import CallError

if TYPE_CHECKING:
    from mqa_registry.testing.measure_calls import Pair
    from mqa_registry.testing.subject import Subject


def _pairs(subject: Subject) -> list[Pair]:
    return accepted_pairs(subject, lambda schema: make_inputs(subject, schema))


def _find_difference_of_equals(subject: Subject) -> str:
    neutral = [0.0, *filter(math.isfinite, subject.expect(Comparison).range)]
    for one, _ in _pairs(subject):
        number = number_of(subject, (one, one))
        if not math.isnan(number) and not any(are_equal(number, end) for end in neutral):
            ends = ", ".join(f"{end:g}" for end in dict.fromkeys(neutral))
            return f"{number:g} where both sides are equal, which is none of {ends}"
    return ""


def _find_wrong_evidence(subject: Subject) -> str:
    comparison = subject.expect(Comparison)
    names = set(read_options(comparison.evidence).names)
    options = {name: value for name, value in subject.options.items() if name in names}
    for reference, candidate in _pairs(subject):
        for pair in ((reference, candidate), (reference, reference)):
            try:
                evidence = subject.call_function(comparison.evidence, *pair, **options)
                checked = check_evidence(subject.contributor, evidence)
                check_example_ids(subject.contributor, checked.examples)
            except CallError as error:
                return f"`evidence` {error}"
            except ContributionError as error:
                return f"it {error.fault}"
            ids = set(pair[0].ids.to_pylist())
            if unknown := [row.id for row in checked.examples if row.id not in ids]:
                return f"an example of a row `{unknown[0]}`, which is not there"
    return ""


def _find_wrong_correctness(subject: Subject) -> str:
    is_correct = subject.expect(Comparison).is_correct
    for reference, _ in _pairs(subject):
        predictions, targets = make_pair(reference.schema, "right")
        try:
            correct = subject.call_function(is_correct, targets, predictions)
            checked = check_correctness(subject.contributor, correct, len(predictions))
        except CallError as error:
            return f"`is_correct` {error}"
        except ContributionError as error:
            return f"it {error.fault}"
        if not checked.all():
            return f"a right prediction of schema `{reference.schema}` is not correct by it"
    return ""


KINDS = (Comparison,)
RULES = (
    Rule(
        "equal-predictions",
        "Where both sides are equal, a comparison gives 0, or an end of its `range`.",
        "Subtract like from like; declare the `range`, as `(0.0, 1.0)` of an agreement, which is 1 there.",
        _find_difference_of_equals,
        KINDS,
    ),
    Rule(
        "evidence",
        "Evidence is an `Evidence`, and each of its examples has the `id` of a row that was compared.",
        "Take the ids from `reference.ids`, and give plain values.",
        _find_wrong_evidence,
        KINDS,
        lambda subject: subject.expect(Comparison).evidence is not None,
    ),
    Rule(
        "correctness",
        "`is_correct(targets, predictions)` says of every row whether it is right, as booleans.",
        "Mind the order of the two; compare them row by row.",
        _find_wrong_correctness,
        KINDS,
        lambda subject: subject.expect(Comparison).is_correct is not None,
    ),
)
