"""What people see, at 80 columns and without colour; read the snapshots as one reads a report."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mqa_registry.contributions import ExampleRow
from mqa_registry.findings import Finding
from mqa_registry.judging.result import McNemarTest, Number, Part, ResultEvidence, StepEvidence, SweepSummary, Verdict

PASS, FAIL, INCONCLUSIVE = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE


@pytest.fixture(name="failing")
def _failing(make):
    """The demo with homoglyphs that do not hold."""

    def report(verdict=FAIL, **parts):
        note = "drop is 0.143 [0.135, 0.151], above 0.1"
        evidence = {"examples": [make.flip], "changed": 4100, "declined": 3}
        usual = {"verdict": FAIL, "note": note, "expect": {"max_drop": 0.1}, "evidence": evidence}
        return make.finished(make.changed(make.demo(), "homoglyphs", **(usual | parts)), verdict)

    return report


def test_all_checks_hold(make, snapshot):
    assert make.rendered(make.finished(make.demo())) == snapshot


def test_a_check_that_is_not_critical_fails(make, failing, snapshot):
    assert make.rendered(failing(PASS, critical=False)) == snapshot


def test_a_critical_check_fails(make, failing, snapshot):
    assert make.rendered(failing()) == snapshot


def test_verbose_unfolds_groups_and_examples(make, failing, snapshot):
    other = replace(make.flip, id="nyt-0999", fields={"premise": "He left.", "hypothesis": "Nobody left."})
    report = failing(evidence={"examples": [make.flip, other]})
    assert make.rendered(report, verbose=1) == snapshot


def test_quiet_leaves_the_verdict_alone(make, failing, snapshot):
    assert make.rendered(failing(), verbose=-1) == snapshot


def test_wide(make, failing, snapshot):
    assert make.rendered(failing(), 120) == snapshot


def test_ascii(make, failing, snapshot):
    assert make.rendered(failing(), encoding="ascii") == snapshot


def test_narrow(make, failing, snapshot):
    assert make.rendered(failing(), 50) == snapshot


def test_too_few_rows_to_settle(make, snapshot):
    value = Number(0.998, 0.9948, 0.9995, 1200, "exact")
    evidence = {"required_rows": 2730}
    parts = {"verdict": INCONCLUSIVE, "note": "value is 0.998 [0.995, 1.000], on both sides of 0.995"}
    open_check = make.parity("agreement", value, {"min": 0.995}, evidence=evidence, **parts)
    results = [*make.metric("accuracy", 0.813, {"min": 0.78}), open_check]
    assert make.rendered(make.finished(results, INCONCLUSIVE)) == snapshot


TIES = "7 flips: 5 ties (margins up to 0.002), 2 damage (margins up to 0.41)"
FLIPS = {
    "remarks": [f"{TIES}; 4 newly wrong, 1 newly right, McNemar p = 0.38"],
    "mcnemar": McNemarTest(4, 1, 0.375),
    "details": {"flips": {"count": 7, "ties": 5, "damage": 2, "largest_tie": 0.002, "tie_limit": 0.0023}},
}


@pytest.mark.parametrize("verdict", [FAIL, PASS])
@pytest.mark.parametrize("verbose", [0, 1])
def test_answers_flipped(make, snapshot, verdict, verbose):
    value = Number(0.0017, 0.0007, 0.0034, 4200, "exact")
    flip = replace(make.flip, perturbed={}, margin=0.4123, details={"tie": False})
    evidence = FLIPS | ({"examples": [flip]} if verdict is FAIL else {})
    note = "value is 0.002 [0.001, 0.003], above 0.0005" if verdict is FAIL else ""
    flips = make.parity("flip-rate", value, {"max": 0.0005}, evidence=evidence, verdict=verdict, note=note)
    report = make.finished([*make.metric("accuracy", 0.813, {"min": 0.78}), flips], verdict)
    assert make.rendered(report, verbose=verbose) == snapshot


def test_a_check_crashed(make, snapshot):
    crash = "the check crashed: ValueError: y_true has one class alone"
    broken = {"verdict": Verdict.ERROR, "note": crash, "numbers": {}}
    results = [*make.metric("accuracy", 0.813, {"min": 0.78}), *make.both("auroc", **broken)]
    results.append(
        make.result("nan", "onnx", verdict=FAIL, note="`onnx` gave NaN or Inf", evidence={"missing_predictions": 12})
    )
    assert make.rendered(make.finished(results, Verdict.ERROR)) == snapshot


def test_a_backend_landed_elsewhere(make, snapshot):
    note = "`onnx` was asked for CUDAExecutionProvider and runs on CPUExecutionProvider (see `mqa doctor`)"
    results = [
        replace(one, verdict=Verdict.NOT_RUN, numbers={}, groups={}, note=note) if one.backend == "onnx" else one
        for one in make.demo()[:10]
    ]
    assert make.rendered(make.finished(results, Verdict.ERROR)) == snapshot


def test_many_groups(make, snapshot):
    groups = {f"language {number:02}": make.part(0.70 + number / 500, 40 + 9 * number) for number in range(40)}
    groups |= {f"dialect {number}": make.part(0.5, 7, INCONCLUSIVE, "7 rows are too few") for number in range(5)}
    for number, verdict in enumerate([FAIL] * 5 + [INCONCLUSIVE], start=3):
        groups[f"language {number:02}"] = replace(groups[f"language {number:02}"], verdict=verdict)
    note = "value in `language 00` is 0.700 [0.574, 0.826], below 0.85"
    torch, onnx = make.sliced("languages", 0.08, groups, expect={"min": 0.6}, verdict=FAIL, note=note)
    swapped = groups | {"language 00": groups["language 39"], "language 39": groups["language 00"]}
    report = make.finished([torch, replace(onnx, groups=swapped)], FAIL)
    assert make.rendered(report) == snapshot


def test_a_sweep(make, snapshot):
    drops = [0.004, 0.012, 0.027, 0.049, 0.083]
    verdicts = [PASS, PASS, PASS, INCONCLUSIVE, FAIL]
    groups = {"nyt": make.part(0.69, 1050), "movies": make.part(0.8, 1050)}
    series = tuple(
        make.step(severity, drop, verdict, groups)
        for severity, drop, verdict in zip(range(1, 6), drops, verdicts, strict=True)
    )
    note = "drop at severity 5 is 0.083 [0.075, 0.091], above 0.05"
    broken = make.perturbed("typos", 0.1, 0.05, numbers={}, series=series, verdict=FAIL, note=note)
    whole = make.perturbed("spaces", 0.1, 0.05, numbers={}, series=(make.step(1, 0.004), make.step(2, 0.005)))
    assert make.rendered(make.finished([*broken, *whole], FAIL)) == snapshot


SWEEP = SweepSummary(
    passes_through=2,
    break_point=5,
    clean_value=0.813,
    corruption_error=0.2222,
    clean_error_ratio=1.188,
    non_monotonic_at=(),
)


@pytest.mark.parametrize("width", [80, 40])
def test_a_sweep_with_what_its_severities_come_to(make, snapshot, width):
    drops = [0.004, 0.012, 0.009, 0.049, 0.083]
    verdicts = [PASS, PASS, INCONCLUSIVE, INCONCLUSIVE, FAIL]
    changed = [20, 812, 2900, 4100, 4188]
    validity = [
        StepEvidence(4200 - declined, number, declined, mean_edits=1.26 * severity)
        for severity, number, declined in zip(range(1, 6), changed, [0, 0, 3, 3, 12], strict=True)
    ]
    series = tuple(
        make.step(severity, drop, verdict, evidence=evidence)
        for severity, drop, verdict, evidence in zip(range(1, 6), drops, verdicts, validity, strict=True)
    )
    broken = make.perturbed("typos", 0.1, 0.05, numbers={}, series=series, verdict=FAIL, note="drop is 0.083")
    turned = replace(SWEEP, non_monotonic_at=(3,), relative_corruption_error={"torch": 1.04})
    one, two = (
        replace(result, evidence=ResultEvidence(sweep=sweep))
        for result, sweep in zip(broken, (SWEEP, turned), strict=True)
    )
    assert make.rendered(make.finished([one, two], FAIL), width) == snapshot


def test_what_all_backends_come_to_is_said_once(make):
    series = (make.step(1, 0.01), make.step(2, 0.02))
    told = replace(SWEEP, clean_error_ratio=None, relative_corruption_error={"torch": 1.001})
    results = make.perturbed("typos", 0.1, 0.05, numbers={}, series=series, evidence={"sweep": told})
    shown = make.rendered(make.finished(results), 120)
    assert shown.count("holds to 2; breaks at 5; mean error 0.222\n") == 1


def test_three_backends(make, snapshot):
    results = []
    for one in make.demo():
        results.append(one)
        if one.backend == "onnx":
            results.append(replace(one, backend="onnx-fp16"))
    assert make.rendered(make.finished(results, backends=("torch", "onnx", "onnx-fp16"))) == snapshot


def test_one_backend(make, snapshot):
    results = [one for one in make.demo() if one.backend == "torch"]
    assert make.rendered(make.finished(results, backends=("torch",))) == snapshot


def test_names_that_were_made_are_told_without_their_plugins(make, snapshot):
    made = {"measure": {"use": "metrics/f1", "average": "macro"}, "by": {"use": "fairness/column", "column": "domain"}}
    results = [
        *make.both("metrics/f1 / robustness/typos / fairness/column", perturb="robustness/typos", **made),
        *make.both("metrics/f1 by hand", **made),
    ]
    assert make.rendered(make.finished(results)) == snapshot


def test_hostile_data(make, snapshot):
    groups = {"[red]\x1b[41m": make.part(0.7, 400), "\u202eevil\n": make.part(0.9, 400, note="\x07")}
    evidence = {
        "examples": [
            ExampleRow(
                "[link=https://example.org]x",
                {"text": "[bold]b[/bold] \x1b]0;title\x07 \u200b\u202e" + "😀日本" * 200},
                prediction="pos\x1b[2J",
                target="[/]",
                probability=0.5,
            )
        ]
    }
    parts = {"groups": groups, "evidence": evidence, "note": "[blink]\x1b[5m\n", "verdict": FAIL}
    results = make.both("[bold]\x1b[31m" + "long " * 30, by={"use": "\x1b[1m/x"}, **parts)
    report = make.finished([replace(one, backend=f"{one.backend}\x1b[0m") for one in results], FAIL, ())
    report = replace(report, suite=replace(report.suite, name="\x1b[31m[red]", path="a\nb"), run="\x1b[7m")
    assert make.rendered(report) == snapshot


def test_no_checks_at_all(make, snapshot):
    assert make.rendered(make.finished([])) == snapshot


def test_an_undefined_number(make, snapshot):
    numbers = {"value": Number(None, None, None, 0, "none")}
    part = Part(INCONCLUSIVE, numbers, "no row of it has a target")
    results = make.both("auroc", numbers=numbers, verdict=INCONCLUSIVE, groups={"nyt": part})
    assert make.rendered(make.finished(results, INCONCLUSIVE)) == snapshot


def test_what_there_is_to_say_beside_the_results_stands_before_the_verdict(make):
    note = Finding("note", "onnx", "its stamp says PASS")
    warning = Finding("warning", "onnx", "the file was \x1b[31mchanged", "run the suite again")
    report = replace(make.finished(make.demo()), findings=(note, warning))
    body, last = make.rendered(report).split("─\n")
    assert "  - onnx  its stamp says PASS\n" in body
    assert "  ! onnx  the file was \\x1b[31mchanged\n    fix: run the suite again\n" in body
    assert "onnx" not in last
    quiet = make.rendered(report, verbose=-1)
    assert "its stamp says PASS" not in quiet
    assert quiet.splitlines()[1:] == ["  ! onnx  the file was \\x1b[31mchanged", "    fix: run the suite again"]
