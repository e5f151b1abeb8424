from __future__ import annotations

import re
from dataclasses import replace

import pytest

from mqa_registry import plan as plans
from mqa_registry.contributions import Perturbation
from mqa_registry.plan import RowSet, View
from mqa_registry.suite import Against, Expect, Use
from tests.stand_ins import make_probe


def expect(**bounds):
    return {"value": Expect(**bounds)}


def watching(name, inputs, **declared):
    return make_probe(name, lambda context: None, inputs=inputs, **declared)


def planned(engine, *checks, backends=("one", "two")):
    return plans.make(engine.suite(*checks, backends=backends))


def test_equal_views_are_in_the_plan_once(engine):
    plan = planned(engine, engine.check("a", on=("one", "two")), engine.check("b", on=("one",)))
    assert plan.views == (View("one", RowSet("words")), View("two", RowSet("words")))
    assert len(plan.cases) == 3


def test_a_drop_under_a_perturbation_is_held_against_the_unperturbed_rows_of_the_same_backend(engine, swap):
    plan = planned(engine, engine.check("a", swap, on=("two",), expect=expect(max_drop=0.1)))
    (step,) = plan.cases[0].steps
    assert step.reference == View("two", RowSet("words"))
    assert step.view.rows.perturb


def test_a_drop_without_a_perturbation_is_held_against_the_first_backend(engine):
    plan = planned(engine, engine.check("a", on=("one", "two"), expect=expect(max_drop=0.1)))
    assert [case.backend for case in plan.cases] == ["two"]
    assert plan.cases[0].steps[0].reference == View("one", RowSet("words"))


def test_a_comparison_under_a_perturbation_holds_backends_against_the_first(engine, swap):
    plan = planned(engine, engine.check("agreement", swap, on=("one", "two")))
    (case,) = plan.cases
    assert case.steps[0].reference == View("one", case.steps[0].view.rows)


def test_a_view_is_never_held_against_itself(engine):
    assert planned(engine, engine.check("agreement", on=("one",))).cases == ()


def test_other_bounds_of_a_check_remain_where_it_would_be_held_against_itself(engine):
    plan = planned(engine, engine.check("a", on=("one", "two"), expect=expect(min=0.5, max_drop=0.1)))
    assert [case.expect.bounds() for case in plan.cases] == [{"min": 0.5}, {"min": 0.5, "max_drop": 0.1}]


def test_against_says_what_differs(engine, swap):
    unperturbed = engine.check("agreement", swap, on=("two",), against=Against(unperturbed=True))
    both = engine.check("agreement", swap, on=("two",), against=Against(unperturbed=True, backend="one"))
    plan = planned(engine, unperturbed, both)
    assert plan.cases[0].steps[0].reference == View("two", RowSet("words"))
    assert plan.cases[1].steps[0].reference == View("one", RowSet("words"))


def test_a_check_that_only_bounds_its_value_needs_no_reference(engine, swap):
    plan = planned(engine, engine.check("a", swap, on=("one",)))
    assert plan.cases[0].steps[0].reference is None
    assert len(plan.views) == 1


def test_a_sweep_sees_the_unperturbed_rows_too_and_predicts_them_once(engine, swap):
    steps = engine.check("a", swap).steps * 2
    swept = [replace(step, severity=float(level)) for level, step in enumerate(steps)]
    plan = planned(engine, engine.check("a", steps=tuple(swept), on=("two",)), engine.check("b", on=("two",)))
    (case, other) = plan.cases
    assert case.clean == plans.Step(View("two", RowSet("words")))
    assert other.clean is None
    assert len(plan.views) == 2
    assert "  words on two: read by 2 results" in plans.describe(plan)


def test_a_sweep_of_a_comparison_sees_the_unperturbed_rows_of_both_sides(engine, swap):
    swept = tuple(replace(step, severity=1.0) for step in engine.check("a", swap).steps)
    exported = engine.check("agreement", steps=swept, on=("two",))
    steady = engine.check("agreement", steps=swept, on=("two",), against=Against(unperturbed=True))
    clean = [case.clean.reference.backend for case in planned(engine, exported, steady).cases]
    assert clean == ["one", "two"]


def test_the_plan_is_described_in_lines(engine, swap):
    plan = planned(engine, engine.check("a", swap, expect=expect(max_drop=0.1)), engine.check("b"))
    first, *views = plans.describe(plan)
    assert first == "2 results from 2 views:"
    assert views[0] == "  words on one: read by 2 results"
    assert views[1].endswith(" on one: read by 1 result")


def test_a_view_of_a_probe_is_predicted_only_where_the_probe_reads_predictions(engine):
    def probed(name, sees, **rest):
        return engine.check(name, measure=Use(f"watch/{name}", watching(name, sees)), on=("one", "two"), **rest)

    plan = planned(engine, probed("runner", "runner"), probed("rows", "rows"), probed("predictions", "predictions"))
    assert [(request.use.name, request.view.backend) for request in plan.probe_requests] == [
        ("watch/runner", "one"),
        ("watch/runner", "two"),
        ("watch/rows", ""),
        ("watch/predictions", "one"),
        ("watch/predictions", "two"),
    ]
    assert planned(engine, probed("runner", "runner"), probed("rows", "rows")).views == ()
    assert plan.views == (View("one", RowSet("words")), View("two", RowSet("words")))
    assert list(plans.describe(plan))[-1] == "  words on two: observed by watch/predictions"


@pytest.mark.parametrize("inputs", ["runner", "rows", "predictions"])
def test_a_sweep_of_a_probe_sees_no_unperturbed_rows(engine, swap, inputs):
    swept = tuple(replace(step, severity=1.0) for step in engine.check("a", swap).steps)
    measure = Use("watch/scene", watching("scene", inputs))
    (case,) = planned(engine, engine.check(measure=measure, steps=swept)).cases
    assert case.clean is None
    assert [request.view for request in case.probe_requests] == [case.steps[0].view]


def test_equal_probe_requests_run_once(engine):
    use = Use("watch/scene", watching("scene", "runner"))
    plan = planned(engine, engine.check("a", measure=use), engine.check("b", measure=use, expect=expect(max=1)))
    assert len(plan.cases) == 2
    assert len(plan.probe_requests) == 1


def test_a_probe_that_compares_has_no_case_on_the_reference(engine):
    use = Use("watch/scene", watching("scene", "runner", compares=True))
    plan = planned(engine, engine.check("a", measure=use, on=("one", "two")))
    assert [case.backend for case in plan.cases] == ["two"]
    assert plan.probe_requests[0].views == (View("one", RowSet("words")), View("two", RowSet("words")))


def test_rows_are_named_by_their_data_and_perturbations_and_a_digest_of_these(swap):
    def perturbed(*names, **options):
        kinds = [Use(f"own/{name}", Perturbation(name, swap, modality="text"), options) for name in names]
        return RowSet("words", tuple(kinds)).name

    assert RowSet("words").name == "words"
    assert re.fullmatch(r"words\.swap-two-[0-9a-f]{6}", perturbed("Swap Two"))
    assert re.fullmatch(r"words\.a-b-[0-9a-f]{6}", perturbed("a", "b"))
    assert re.fullmatch(rf"words\.{'x' * 40}-[0-9a-f]{{6}}", perturbed("x" * 41))
    names = {
        perturbed("a"),
        perturbed("a", rate=0.1),
        perturbed("a", rate=0.2),
        perturbed("a", "b"),
        perturbed("b", "a"),
    }
    assert len(names) == 5


def test_rows_alone_are_held_against_rows_of_no_backend(engine):
    use = Use("watch/drift", watching("drift", "rows", compares=True))
    checks = [
        engine.check(name, measure=use, on=("one", "two"), against=against)
        for name, against in (("a", Against(data="train")), ("b", Against(data="train", backend="two")))
    ]
    cases = planned(engine, *checks).cases
    assert [case.backend for case in cases] == ["", ""]
    assert {case.steps[0].reference for case in cases} == {View("", RowSet("train"))}


@pytest.mark.parametrize(
    ("effects", "changes"), [(("stays",), False), (("moves",), False), (("stays", "changes"), True)]
)
def test_rows_have_other_targets_where_one_of_their_perturbations_changes_them(effects, changes):
    uses = [
        Use(f"acme/{effect}", Perturbation(effect, lambda example, rng: example, modality="text", target_effect=effect))
        for effect in effects
    ]
    assert RowSet("posts", tuple(uses)).changes_targets is changes
    assert RowSet("posts").changes_targets is False
