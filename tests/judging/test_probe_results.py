"""What probes saw, judged: several numbers of one check, each with its own bounds."""

from __future__ import annotations

import json
import math
from dataclasses import asdict

import numpy as np
import pyarrow as pa
import pytest

from mqa_registry import plan as plans
from mqa_registry.contributions import Evidence, Perturbation, Quantile, Shortfall, Statistic
from mqa_registry.judging import Verdict, judge
from mqa_registry.judging.result import ResultEvidence, StepEvidence
from mqa_registry.suite import Expect, Severity, Use
from tests.stand_ins import make_probe


@pytest.fixture
def judged(engine):
    """The results of a suite with one check of this probe."""

    def results(probe, expect, **rest):
        check = engine.check("probed", measure=Use("watch/scene", probe), expect=expect, **rest)
        suite = engine.suite(check)
        return judge(plans.make(suite), engine.run(suite))

    return results


def probe(numbers, outputs=("value",), rows=50, **declared):
    return make_probe(
        "scene",
        lambda context: pa.table({"row": np.arange(rows)}),
        outputs=outputs,
        numbers=lambda table: numbers,
        **declared,
    )


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (22.0, "22, above 1"),
        (12345.0, "12,345, above 1"),
        (22.5, "22.500, above 1"),
        (Quantile(np.arange(200) / 2, 0.95), "94.500 [91.500, 98.000], above 1"),
        (math.inf, "inf, above 1"),
        (1e300, "1.0e+300, above 1"),
    ],
)
def test_a_reason_shows_whole_numbers_whole_and_others_with_decimals(judged, number, words):
    (result,) = judged(probe({"value": number}), {"value": Expect(max=1)})
    assert result.note == f"value is {words}"


def test_every_number_has_the_interval_of_its_form(judged):
    rows = np.arange(50)
    numbers = {
        "share": rows < 45,
        "mean": rows / 10,
        "other": Statistic(lambda counts: np.sum(counts * rows, axis=-1) / np.sum(counts, axis=-1)),
        "median": Quantile(rows, 0.5),
        "worst": 3.5,
    }
    (result,) = judged(probe(numbers, tuple(numbers)), {"share": Expect(min=0.5), "worst": Expect(max=3.5)})
    assert result.verdict is Verdict.PASS
    assert {name: number.method for name, number in result.numbers.items()} == {
        "share": "exact",
        "mean": "t",
        "other": "bca",
        "median": "order statistics",
        "worst": "none",
    }
    assert result.expect == {"share": {"min": 0.5}, "worst": {"max": 3.5}}
    assert (result.backend, result.definition) == ("", "scene/1")


def test_a_check_fails_where_one_of_its_numbers_does_and_says_which(judged):
    bounds = {"value": Expect(max=10), "p95_ms": Expect(max=20)}
    (result,) = judged(probe({"value": 3.0, "p95_ms": 21.0}, ("value", "p95_ms")), bounds)
    assert result.verdict is Verdict.FAIL
    assert result.note == "p95_ms is 21, above 20"
    assert result.expect == {"max": 10, "p95_ms": {"max": 20}}
    assert [result.numbers[name].verdict for name in bounds] == [Verdict.PASS, Verdict.FAIL]


@pytest.mark.parametrize(("reused", "unit"), [(False, "repetitions"), (True, "rows")])
def test_a_quantile_of_too_few_repetitions_is_open_and_says_how_many_it_takes(judged, reused, unit):
    numbers = {"value": np.arange(200.0), "p99_ms": Quantile(np.arange(200.0), 0.99)}
    bounds = {"p99_ms": Expect(max=1000)}
    (result,) = judged(probe(numbers, tuple(numbers), cacheable=reused), bounds)
    assert result.verdict is Verdict.INCONCLUSIVE
    required = result.evidence.required_rows
    assert 368 <= required <= 370
    assert result.evidence.required_unit == unit
    value_text = "p99_ms is 197 [194, …], left open above by 200"
    assert result.note == f"{value_text} {unit}; about {required} {unit} would settle it"
    assert (result.numbers["p99_ms"].low, result.numbers["p99_ms"].high) == (194.0, None)
    assert json.dumps(asdict(result.evidence))


def test_an_open_end_hinders_no_bound_on_the_other_side(judged):
    value = Quantile(np.arange(200.0), 0.99)
    assert judged(probe({"value": value}), {"value": Expect(max=190)})[0].note == "value is 197 [194, …], above 190"
    assert judged(probe({"value": value}), {"value": Expect(min=190)})[0].verdict is Verdict.PASS
    (result,) = judged(probe({"value": Quantile(-np.arange(200.0), 0.01)}), {"value": Expect(min=-1000)})
    assert result.note.startswith("value is -198 […, -194], left open below by 200 rows; about 3")


def test_a_share_in_percent_is_an_error_of_the_probes_check(judged):
    (result,) = judged(probe({"value": Quantile(np.arange(200.0), 99)}), {"value": Expect(max=190)})
    assert result.verdict is Verdict.ERROR
    assert "the probe `watch/scene` gave a quantile of the share 99" in result.note


def test_numbers_that_are_not_bounded_are_shown_and_touch_no_verdict(judged):
    (result,) = judged(probe({"value": 1.0, "other": np.nan}, ("value", "other")), {"value": Expect(max=2)})
    assert result.verdict is Verdict.PASS
    assert result.numbers["other"].estimate is None


@pytest.mark.parametrize(("number", "verdict"), [(np.nan, Verdict.INCONCLUSIVE), (np.inf, Verdict.FAIL)])
def test_what_is_undefined_settles_nothing_and_what_is_infinite_is_beyond_any_bound(judged, number, verdict):
    (result,) = judged(probe({"value": number}), {"value": Expect(max=2)})
    assert result.verdict is verdict


def test_what_no_rows_would_settle_is_distinguished(judged):
    never = Statistic(
        lambda counts: np.full(counts.shape[:-1], np.nan), undefined="PyTorch has no int8", never_defined=True
    )
    wide = np.arange(50) % 2 == 0
    bounds = {"ratio": Expect(max=2), "fine": Expect(max=2)}
    (result,) = judged(probe({"ratio": never, "fine": 1.0}, ("ratio", "fine")), bounds)
    assert (result.verdict, result.note) == (
        Verdict.INCONCLUSIVE,
        "ratio is undefined, since PyTorch has no int8",
    )
    assert result.evidence == ResultEvidence(never_settles=True)
    (both,) = judged(probe({"ratio": never, "fine": wide}, ("ratio", "fine")), bounds | {"fine": Expect(max=0.55)})
    assert both.verdict is Verdict.INCONCLUSIVE
    assert both.evidence == ResultEvidence(required_rows=both.evidence.required_rows)
    (failed,) = judged(probe({"ratio": never, "fine": 3.0}, ("ratio", "fine")), bounds)
    assert (failed.verdict, failed.evidence) == (Verdict.FAIL, ResultEvidence())


def test_a_probe_that_makes_too_few_numbers_is_an_error(judged):
    (result,) = judged(probe({}, ("value",)), {"value": Expect(max=2)})
    assert result.verdict is Verdict.ERROR
    assert "made no number `value`" in result.note


def test_a_probe_that_crashed_is_an_error_with_its_trace(judged):
    def crash(context):
        raise ZeroDivisionError("no rows")

    broken = make_probe("scene", crash)
    (result,) = judged(broken, {"value": Expect(max=2)})
    assert result.verdict is Verdict.ERROR
    assert "ZeroDivisionError" in result.evidence.traceback


def test_evidence_is_what_the_probe_shows(judged):
    value_text = Evidence(remarks=["it is the third layer"], notes=["ok"], details={"worst": "encoder.layer.3"})
    (result,) = judged(probe({"value": 1.0}, evidence=lambda table: value_text), {"value": Expect(max=2)})
    assert result.evidence == ResultEvidence(
        remarks=("it is the third layer",), notes=("ok",), details={"worst": "encoder.layer.3"}
    )
    assert json.dumps(asdict(result.evidence))


def test_a_sweep_is_judged_at_every_severity_and_shows_where_it_first_fails(engine, judged):
    def strength(context):
        return pa.table({"score": [float(len("".join(context.view.rows.table.column("text").to_pylist())))]})

    def longer(example, rng, *, severity: int = 1):
        return {"text": example["text"] + "e" * severity}

    longest = sum(map(len, engine.table.column("text").to_pylist())) + 2 * len(engine.table)
    steps = tuple(
        Severity(
            (
                Use(
                    "letters/longer",
                    Perturbation("longer", longer, modality="text"),
                    {"severity": by},
                    {"severity": by},
                ),
            ),
            by,
        )
        for by in (1, 2, 3)
    )
    length = make_probe(
        "length",
        strength,
        numbers=lambda table: {"value": float(table.column("score")[0].as_py())},
        evidence=lambda table: Evidence(details={"characters": table.column("score")[0].as_py()}),
    )
    (result,) = judged(length, {"value": Expect(max=longest)}, steps=steps)
    assert [step.verdict for step in result.series] == [Verdict.PASS, Verdict.PASS, Verdict.FAIL]
    rows = len(engine.table)
    sweep = result.evidence.sweep
    assert result.evidence == ResultEvidence(changed=rows, sweep=sweep, details={"characters": longest + rows})
    assert (sweep.passes_through, sweep.break_point, sweep.clean_error_ratio) == (2, 3, None)
    assert [step.evidence.mean_edits for step in result.series] == [1, 2, 3]
    assert result.series[0].evidence == StepEvidence(rows, rows, 0, 1)


def test_a_perturbation_that_changes_nothing_is_not_run(engine, judged):

    same = Use("letters/same", Perturbation("same", lambda example, rng: dict(example), modality="text"))
    (result,) = judged(probe({"value": 1.0}), {"value": Expect(max=2)}, steps=(Severity((same,)),))
    assert (result.verdict, result.note) == (Verdict.NOT_RUN, "the perturbation changed no row, so nothing was tested")


def shortfall(share, claimed, rows=1000):
    """The numbers of a claim of a share, of which so much was measured."""
    return {"value": Shortfall("measured", claimed), "measured": np.arange(rows) < share * rows}


@pytest.mark.parametrize(
    ("claimed", "rows", "most", "verdict"),
    [
        (0.90, 1000, 0.03, Verdict.PASS),
        (0.80, 1000, 0.03, Verdict.PASS),  # it is better than claimed
        (0.91, 1000, 0.01, Verdict.INCONCLUSIVE),  # in the interval, which has room for other claims, too
        (0.90, 40, 0.03, Verdict.INCONCLUSIVE),
        (0.93, 1000, 0.03, Verdict.FAIL),  # above the interval, 0.880 to 0.918, and not within the bound
        (0.93, 1000, 0.06, Verdict.PASS),  # above the interval, and within the bound for certain
        (0.99, 1000, 0.03, Verdict.FAIL),
    ],
)
def test_a_claim_is_held_where_no_more_than_the_bound_is_lacking_and_fails_above_the_interval(
    judged, claimed, rows, most, verdict
):
    made = probe(shortfall(0.90, claimed, rows), ("value", "measured"), rows=rows)
    (result,) = judged(made, {"value": Expect(max=most)})
    assert result.verdict is verdict
    value, measured = result.numbers["value"], result.numbers["measured"]
    assert value.estimate == pytest.approx(claimed - measured.estimate)
    assert (value.low, value.high) == pytest.approx((claimed - measured.high, claimed - measured.low))
    assert (value.method, value.rows) == ("exact", rows)


def test_a_claim_that_lies_outside_of_the_interval_says_on_which_side_of_it(judged):
    made = probe(shortfall(0.90, 0.93), ("value", "measured"), rows=1000)
    (result,) = judged(made, {"value": Expect(max=0.03)})
    assert result.note == "value is 0.030 [0.012, 0.050], worse than claimed"


def test_a_model_that_is_better_than_claimed_fails_only_where_that_is_bounded(judged):
    made = probe(shortfall(0.90, 0.87), ("value", "measured"), rows=1000)
    (result,) = judged(made, {"value": Expect(min=-0.03, max=0.03)})
    assert (result.verdict, result.note) == (Verdict.FAIL, "value is -0.030 [-0.048, -0.010], better than claimed")
    (asked_for,) = judged(made, {"value": Expect(max=-0.02)})  # better by 2 points, which is not shown
    assert asked_for.verdict is Verdict.INCONCLUSIVE


def test_where_less_is_better_the_number_less_the_claim_is_the_shortfall(judged):
    numbers = {"value": Shortfall("measured", 0.10, less_is_better=True), "measured": np.arange(1000) < 150}
    (result,) = judged(probe(numbers, ("value", "measured"), rows=1000), {"value": Expect(max=0.03)})
    assert result.verdict is Verdict.FAIL
    value, measured = result.numbers["value"], result.numbers["measured"]
    assert (value.estimate, value.low) == pytest.approx((0.05, measured.low - 0.10))


def test_the_groups_that_a_probe_makes_are_judged_each_and_the_worst_is_shown(judged):
    groups = {"good": shortfall(0.90, 0.90), "bad": shortfall(0.90, 0.99), "better": shortfall(0.90, 0.70)}
    made = probe(groups, ("value", "measured"), rows=1000, grouped=True)
    (result,) = judged(made, {"value": Expect(max=0.03)})
    assert result.verdict is Verdict.FAIL
    assert {name: part.verdict for name, part in result.groups.items()} == {
        "good": Verdict.PASS, "bad": Verdict.FAIL, "better": Verdict.PASS,
    }  # fmt: skip
    assert result.note.startswith("value in `bad` is 0.090")
    assert result.numbers["value"].estimate == result.groups["bad"].numbers["value"].estimate
    assert result.groups["bad"].numbers["value"].corrected is not None  # by Holm, for three groups
    assert result.numbers["value"].verdict is Verdict.FAIL
    (turned,) = judged(made, {"value": Expect(min=-0.5)})
    assert turned.verdict is Verdict.PASS
    assert turned.numbers["value"].estimate == pytest.approx(-0.20)


@pytest.mark.parametrize("given", [{}, {"a": 1.0}, [1.0]])
def test_a_probe_that_makes_groups_and_gives_none_is_an_error(judged, given):
    (result,) = judged(probe(given, grouped=True), {"value": Expect(max=1)})
    assert result.verdict is Verdict.ERROR
    assert "the probe `watch/scene` made " in result.note


def test_rows_of_a_probe_that_were_drawn_in_clusters_tell_less(judged):
    rows = {"row": np.arange(1000)}
    one, two = (
        judged(
            make_probe("scene", lambda context, table=table: pa.table(table), cacheable=False,
                       numbers=lambda table: {"value": np.arange(1000) < 900}),
            {"value": Expect(min=0.5)},
        )[0].numbers["value"]
        for table in (rows, rows | {"cluster": np.arange(1000) // 10})
    )  # fmt: skip
    assert (one.method, two.method) == ("exact", "cluster exact")
    assert two.high - two.low > 2 * (one.high - one.low)
