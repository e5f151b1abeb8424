"""Bounds that no number of a measure can come near are refused, with what is meant; those of unknown ranges stay."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from mqa_registry.contributions import Comparison, Metric
from mqa_registry.plugins import Catalog, Plugin
from mqa_registry.suite import Expect, Severity, Use
from mqa_registry.suite.check_parser import Draft, ValidationContext
from mqa_registry.suite.rules import RULES
from mqa_registry.suite.toml import make_tree
from tests.stand_ins import make_probe

(RULE,) = (rule for rule in RULES if "range" in rule.__name__)


def draft(kind, bounds):
    """A check of a measure of this kind with these bounds, before it is validated."""
    named = {name: each for name, each in bounds.items() if isinstance(each, dict)}
    alone = {name: each for name, each in bounds.items() if name not in named}
    return Draft(
        node=make_tree("suite.toml", {"expect": bounds}, Path()),
        name="one",
        measure=Use("metrics/one", kind),
        steps=(Severity(),),
        by=None,
        on=("torch",),
        data="reviews",
        against=None,
        expect={"value": Expect(**alone)} | {name: Expect(**each) for name, each in named.items()},
    )


CONTEXT = ValidationContext({}, (), None, "interval", "exact", 0, Catalog({}))


def range_problems(kind, **bounds):
    return [f"{found.message}; {found.hint}" for found in RULE(draft(kind, bounds), CONTEXT)]


def metric(*ends):
    return Metric("one", lambda predictions, targets: 1.0, schemas=("label",), **({"range": ends} if ends else {}))


@pytest.mark.parametrize(
    ("ends", "bounds", "words"),
    [
        ((0, 1), {"min": 85}, "`min` is 85, and `metrics/one` lies between 0 and 1; it is not in per cent: write 0.85"),
        ((0, 1), {"max": 5}, "it is not in per cent: write 0.05"),
        ((0, 1), {"max": 100}, "it is not in per cent: write 1"),
        ((0, 1), {"max": 101}, "such a bound says nothing"),
        ((0, 1), {"max_drop": 2}, "`max_drop` is 2, and a drop of `metrics/one` lies between -1 and 1"),
        ((0, 1), {"max_rise": -2}, "a rise of `metrics/one` lies between -1 and 1"),
        ((0, 1), {"max_gap": 10}, "a gap of `metrics/one` lies between 0 and 1; it is not in per cent: write 0.1"),
        ((-1, 1), {"max_gap": 2.5}, "a gap of `metrics/one` lies between 0 and 2"),
        ((-1, 1), {"min": -1.5}, "lies between -1 and 1; such a bound says nothing"),
        ((0, math.inf), {"min": -1}, "`metrics/one` is never less than 0"),
        ((-math.inf, 0), {"max": 3}, "`metrics/one` is never more than 0"),
        ((0, 36.04), {"max": 85}, "lies between 0 and 36.04; such a bound says nothing"),
    ],
)
def test_a_bound_beyond_the_range_is_refused(ends, bounds, words):
    (problem,) = range_problems(metric(*ends), **bounds)
    assert words in problem


@pytest.mark.parametrize(
    ("ends", "bounds"),
    [
        ((0, 1), {"min": 0, "max": 1, "max_drop": -1, "max_rise": 1, "max_gap": 1, "min_ratio": 0.8}),
        ((-1, 1), {"min": -1, "max_gap": 2}),
        ((0, math.inf), {"max": 1e9, "max_gap": 1e9, "max_drop": -1e9}),
        ((), {"min": 85, "max": 1e9, "max_gap": 85}),
    ],
)
def test_a_bound_within_the_range_and_any_of_a_measure_without_one_stay(ends, bounds):
    assert range_problems(metric(*ends), **bounds) == []


def test_comparisons_and_the_numbers_of_probes_have_ranges_too():
    comparison = Comparison("one", lambda reference, candidate: 1.0, schemas=("label",), range=(0, 1))
    assert len(range_problems(comparison, min=99.5)) == 1
    probe = make_probe("one", lambda context: None, outputs=("value", "share"), ranges={"share": (0, 1)})
    assert range_problems(probe, max=100) == []
    (problem,) = range_problems(probe, share={"max": 50})
    assert "`share` of `metrics/one` lies between 0 and 1" in problem


def test_the_problem_stands_at_the_bound_with_a_caret(problems_with):
    message = problems_with(Metric("share", lambda predictions, targets: 1.0, schemas=("label",), range=(0.0, 1.0)))
    assert "`min` is 85, and `third/share` lies between 0 and 1" in message
    assert "expect = { min = 85 }" in message
    assert "^^" in message
    assert "write 0.85" in message


def test_every_number_of_the_built_in_measures_is_known_to_lie_somewhere():
    import mqa_fairness
    import mqa_metrics
    import mqa_parity

    measures = [*mqa_metrics.mqa_metrics(), *mqa_fairness.mqa_metrics(), *mqa_parity.mqa_comparisons()]
    unknown = [one.name for one in measures if not math.isfinite(one.range[0])]
    # Of values a difference can be anything, a fit as bad as one likes, and a lift as high.
    assert unknown == ["popularity-lift", "mean-error", "r2", "explained-variance", "score-shift"]


@pytest.fixture
def problems_with(tmp_path):
    from mqa_registry.errors import SuiteError
    from mqa_registry.suite import Overrides, read, render, validate
    from tests.suite.conftest import GIVEN

    def problems(contribution):
        path = tmp_path / "suite.toml"
        path.write_text(
            'format = 1\n[data.d]\nuse = "datasets/file"\npath = "d.csv"\n'
            '[backends.b]\nuse = "replay/file"\npath = "b.csv"\n'
            '[[check]]\nmeasure = "third/share"\nexpect = { min = 85 }\n'
        )
        given = {**GIVEN, "third": (contribution,)}
        catalog = Catalog({name: Plugin(name, "third", "1", each) for name, each in given.items()})
        with pytest.raises(SuiteError) as raised:
            validate(read(str(path), Overrides()), catalog)
        return "\n".join(map(render, raised.value.problems))

    return problems
