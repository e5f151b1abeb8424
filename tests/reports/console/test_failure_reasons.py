"""Why a check does not hold: said once, of everything it holds for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mqa_registry.contributions import ExampleRow
from mqa_registry.judging.result import Verdict


@pytest.fixture(name="reasons")
def _reasons(make):
    """The lines that give a reason, of a report of these results."""

    def found(results, verbose=0):
        lines = make.rendered(make.finished(results), 160, verbose=verbose).split("\n")
        return [line.strip() for line in lines if line.startswith("  ") and any(str(v) in line for v in Verdict)]

    return found


def test_backends_that_differ_in_numbers_alone_share_a_reason(make, reasons):
    notes = {"torch": "value is 0.708 [0.670, 0.744], below 0.76", "onnx": "value is 0.709 [0.671, 0.745], below 0.76"}
    results = [make.result("one", name, verdict=Verdict.FAIL, note=note) for name, note in notes.items()]
    assert reasons(results) == [f"FAIL: {notes['torch']}"]
    assert reasons(results, verbose=1) == [f"FAIL on torch: {notes['torch']}", f"FAIL on onnx: {notes['onnx']}"]


def test_backends_that_fail_in_other_groups_have_a_reason_each(make, reasons):
    notes = {year: f"value in `{year}` is 0.000 [0.000, 0.018], below 0.8" for year in ("2023", "2024")}
    results = [make.result("one", name, verdict=Verdict.FAIL, note=note) for name, note in notes.items()]
    assert reasons(results) == [f"FAIL on {name}: {note}" for name, note in notes.items()]


def test_backends_that_fail_otherwise_in_one_group_have_a_reason_each(make, reasons):
    notes = {"torch": "value in `a` is 0.1 [0, 0.2], below 0.8", "onnx": "value in `a` is 0.3 [0.2, 0.4], below 0.8"}
    results = [make.result("one", name, verdict=Verdict.FAIL, note=note) for name, note in notes.items()]
    assert reasons(results) == [f"FAIL on {name}: {note}" for name, note in notes.items()]


def test_failures_to_run_that_differ_in_a_digit_have_a_reason_each(make, reasons):
    notes = {"torch": "no column `v1`", "onnx": "no column `v2`"}
    results = [make.result("one", name, verdict=Verdict.ERROR, note=note) for name, note in notes.items()]
    assert reasons(results) == [f"ERROR on {name}: {note}" for name, note in notes.items()]


def test_backends_that_differ_in_kind_have_a_reason_each(make, reasons):
    results = [
        make.result("one", "torch", verdict=Verdict.FAIL, note="value is 0.7, below 0.76"),
        make.result("one", "onnx", verdict=Verdict.ERROR, note="it crashed at 3"),
    ]
    assert reasons(results) == ["FAIL on torch: value is 0.7, below 0.76", "ERROR on onnx: it crashed at 3"]


def test_what_befell_a_backend_is_told_once(make, reasons):
    note = "`onnx` runs on the CPU"
    results = [make.result(name, "onnx", verdict=Verdict.NOT_RUN, note=note) for name in ("one", "two")]
    assert reasons(results) == [f"NOT-RUN: {note}", "NOT-RUN: as above"]


def test_the_rows_that_would_settle_it_are_told_once(make, reasons):
    def told(note):
        parts = {"verdict": Verdict.INCONCLUSIVE, "note": note, "evidence": {"required_rows": 12345}}
        return reasons([make.result("one", **parts)])

    assert told("it is open") == ["INCONCLUSIVE: it is open; about 12,345 rows would settle it"]
    assert told("it is open; 12,345 rows do") == ["INCONCLUSIVE: it is open; 12,345 rows do"]


def test_of_what_is_timed_repetitions_would_settle_it(make, reasons):
    def timed(backend, most):
        note = f"p99_ms is 9.1 [7.2, …], left open above by 200 repetitions; about {most:,} repetitions would settle it"
        evidence = {"required_rows": most, "required_unit": "repetitions"}
        return make.result("one", backend, verdict=Verdict.INCONCLUSIVE, note=note, evidence=evidence)

    (told,) = reasons([timed("torch", 368), timed("onnx", 1900)])
    assert told.endswith("about 1,900 repetitions would settle it")


def test_a_check_that_does_not_hold_without_a_reason_gets_a_plain_one(make, reasons):
    for verdict in set(Verdict) - {Verdict.PASS}:
        (line,) = reasons([make.result("one", verdict=verdict, critical=False)])
        assert line.startswith(f"{verdict}, not critical: ")
        assert len(line) > len(f"{verdict}, not critical: ")


def test_a_check_that_holds_gives_no_reason(make, reasons):
    assert reasons([make.result("one", note="of no interest")]) == []


@pytest.mark.parametrize(
    ("evidence", "verdict", "said"),
    [
        ({"changed": 4000, "mean_edits": 3.25, "declined": 2}, Verdict.PASS, ""),
        ({"changed": 1200, "mean_edits": 3.25}, Verdict.PASS, "rows: 1,200 changed by 3.2 edits each"),
        (
            {"changed": 4000, "mean_edits": 3.25, "declined": 2},
            Verdict.FAIL,
            "rows: 4,000 changed by 3.2 edits each, 2 declined",
        ),
        ({"changed": 4000}, Verdict.FAIL, "rows: 4,000 changed"),
    ],
)
def test_how_far_rows_were_perturbed_is_told_where_it_matters(make, evidence, verdict, said):
    results = make.perturbed("typos", 0.03, 0.05, evidence=evidence, verdict=verdict)
    shown = make.rendered(make.finished(results), 120)
    assert (f"  {said}\n" in shown) if said else ("rows:" not in shown)


@pytest.mark.parametrize(
    ("verdict", "note", "absent", "said"),
    [
        (Verdict.PASS, "", ["C"], "no row is of class `C`"),
        (Verdict.PASS, "", ["B", "C"], "no row is of the classes `B`, `C`"),
        (Verdict.PASS, "", list("abcdefg"), "no row is of the classes `a`, `b`, `c`, `d`, `e` and 2 more"),
        (Verdict.INCONCLUSIVE, "value is undefined, since no row is `C`", ["C"], ""),
    ],
)
def test_classes_without_a_row_are_named_once_whatever_the_verdict(make, verdict, note, absent, said):
    results = [make.result("one", verdict=verdict, note=note, evidence={"absent_classes": absent})]
    shown = make.rendered(make.finished(results), 120)
    assert (f"  {said}\n" in shown) if said else ("no row is of" not in shown)


def test_each_check_shows_an_example_that_no_other_has_shown(make):
    rows = [make.flip, replace(make.flip, id="nyt-0999")]
    results = [make.result(name, verdict=Verdict.FAIL, evidence={"examples": rows}) for name in ("one", "two", "three")]
    lines = make.rendered(make.finished(results), 120).split("\n")
    assert [line.split()[1].rstrip(":") for line in lines if line.startswith("  e.g.")] == [
        "nyt-0716",
        "nyt-0999",
        "nyt-0716",
    ]


@pytest.mark.parametrize(
    ("against", "row", "said"),
    [
        ({"perturb": False}, {"reference": "a", "prediction": "b", "probability": 0.9}, "e.g. r: a → b (0.900)"),
        ({"backend": "torch"}, {"reference": "a", "prediction": "b"}, "e.g. r: torch a, onnx b"),
        ({"backend": "torch"}, {"reference": "a"}, "e.g. r: torch a"),
        (None, {"reference": "a", "prediction": "b", "target": "a"}, "e.g. r: a → b, right is a"),
        (
            None,
            {"reference": "a", "prediction": "b", "target": "a", "margin": 3e-7},
            "e.g. r: a → b, right is a, margin 3.0e-07",
        ),
        (None, {"reference": "a", "prediction": "b", "margin": None}, "e.g. r: a → b"),
        (None, {"reference": "a", "prediction": {"label": None}}, "e.g. r: a → no answer"),
        (None, {"prediction": {"label": None}, "target": "a"}, "e.g. r: answered no answer, right is a"),
        (None, {"prediction": {"label": "b", "probability": 1.0}}, "e.g. r: answered b (1)"),
        (None, {"prediction": ["b", "c"], "target": []}, "e.g. r: answered b, c, right is none"),
        (None, {"prediction": 1.23456789, "target": 2.0}, "e.g. r: answered 1.235, right is 2"),
        (None, {}, "e.g. r"),
    ],
)
def test_an_example_says_what_was_answered(make, against, row, said):
    parts = {"verdict": Verdict.FAIL, "against": against, "evidence": {"examples": [ExampleRow("r", **row)]}}
    assert f"  {said}" in make.rendered(make.finished([make.result("one", "onnx", **parts)])).split("\n")


def test_an_example_shows_the_texts_of_all_members_of_a_group(make):
    row = ExampleRow("q", {"query": "which", "text": ["this one", "that one"]})
    lines = make.rendered(make.finished([make.result("one", verdict=Verdict.FAIL, evidence={"examples": [row]})]))
    assert 'text "this one | that one"' in lines


def remarked(make, **remarks):
    """The lines under a check that failed on every backend, with a remark on each."""
    parts = {"verdict": Verdict.FAIL, "note": "value is 0.9, below 0.99"}
    results = [make.result("flips", name, evidence={"remarks": [said]}, **parts) for name, said in remarks.items()]
    return [line.strip() for line in make.rendered(make.finished(results)).split("\n") if "flips: " in line]


def test_remarks_that_differ_stand_behind_their_backends(make):
    assert remarked(make, onnx="7 flips: 7 ties", half="9 flips: 9 ties") == [
        "onnx: 7 flips: 7 ties",
        "half: 9 flips: 9 ties",
    ]


def test_a_remark_that_all_share_is_said_once(make):
    assert remarked(make, onnx="7 flips: 7 ties", half="7 flips: 7 ties") == ["7 flips: 7 ties"]
    assert remarked(make, onnx="7 flips: 7 ties") == ["7 flips: 7 ties"]


def test_no_more_than_five_examples_are_shown_of_a_result(make):
    rows = [replace(make.flip, id=f"nyt-{number}") for number in range(20)]
    report = make.finished([make.result("one", verdict=Verdict.FAIL, evidence={"examples": rows})])
    assert make.rendered(report, verbose=1).count("e.g. nyt-") == 5


def test_a_remark_that_one_backend_gives_twice_is_its_own_and_stands_once(make):
    parts = {"verdict": Verdict.FAIL, "note": "value is 0.9, below 0.99"}
    said = {"onnx": ["7 ties", "7 ties"], "half": ["9 ties"]}
    results = [make.result("flips", name, evidence={"remarks": remarks}, **parts) for name, remarks in said.items()]
    shown = make.rendered(make.finished(results))
    assert [line.strip() for line in shown.split("\n") if "ties" in line] == ["onnx: 7 ties", "half: 9 ties"]


@pytest.mark.parametrize(("verbose", "lines"), [(0, 2), (1, 20)])
def test_a_long_text_is_cut_to_two_lines_and_with_verbose_to_twenty(make, verbose, lines):
    rows = [ExampleRow("r", {"text": "ß" * 5000})]
    report = make.finished([make.result("one", verdict=Verdict.FAIL, evidence={"examples": rows})])
    assert make.rendered(report, 80, verbose=verbose).count("ß") == 72 * lines - 1


def test_the_target_of_a_ranking_is_shown_by_the_names_of_what_is_relevant(make):
    example = ExampleRow(
        "u1", prediction=["a", "b"], target=[{"id": "b", "relevance": 1.0}, {"id": "c", "relevance": 2.0}]
    )
    result = make.result("one", "torch", verdict=Verdict.FAIL, evidence={"examples": (example,)})
    assert "e.g. u1: answered a, b, right is b, c" in make.rendered(make.finished([result]), 160)
