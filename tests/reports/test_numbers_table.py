"""The numbers of a report as tables in Python: a row each."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import replace

import pytest

from mqa_registry import Number, Verdict
from mqa_registry.judging.result import ResultEvidence, StepEvidence
from mqa_registry.observations import ViewLoss
from tests.reports.conftest import DOMAINS, demo, finished, part, perturbed, result, sliced, step

COLUMNS = [
    "run", "suite", "check", "backend", "data", "severity", "group", "number", "estimate", "low", "high",
    "corrected_low", "corrected_high", "rows", "method", "verdict", "lost",
]  # fmt: skip


def rows_of(*results):
    return finished(list(results)).to_table().to_pylist()


def test_a_row_has_one_number_and_what_it_is_of():
    (row,) = rows_of(result("accuracy"))
    assert list(row) == COLUMNS
    assert row == {
        "run": "20261121-222800-3f9a", "suite": "reviews", "check": "accuracy", "backend": "torch", "data": "reviews",
        "severity": None, "group": None, "number": "value", "estimate": 0.813, "low": pytest.approx(0.801), "high": pytest.approx(0.825),
        "corrected_low": None, "corrected_high": None, "rows": 4200, "method": "exact", "verdict": None, "lost": 0,
    }  # fmt: skip


def test_groups_and_severities_have_rows_of_their_own():
    rows = rows_of(*sliced("domains", 0.1, DOMAINS))
    assert [(row["backend"], row["group"], row["number"]) for row in rows[:6]] == [
        ("torch", None, "value"), ("torch", None, "gap"), *(("torch", name, "value") for name in DOMAINS),
    ]  # fmt: skip
    steps = (step(0.1, 0.02), step(0.2, 0.06, groups={"nyt": part(0.7, 300)}))
    swept = rows_of(*perturbed("typos", 0.03, 0.05, series=steps, numbers={}))
    assert [(row["severity"], row["group"], row["number"]) for row in swept[:5]] == [
        (0.1, None, "value"), (0.1, None, "drop"), (0.2, None, "value"), (0.2, None, "drop"), (0.2, "nyt", "value"),
    ]  # fmt: skip


def test_lost_rows_are_those_of_the_severity_or_of_the_view_that_lost_the_most():
    losses = {"lost": (ViewLoss("words", "one", 500, 2), ViewLoss("words.typos", "one", 500, 7))}
    (whole,) = rows_of(result("accuracy", evidence=losses))
    steps = (step(0.1, 0.02), replace(step(0.2, 0.06), evidence=StepEvidence(498, 9, 0, lost=2)))
    swept = rows_of(
        *(
            replace(one, evidence=ResultEvidence(**losses))
            for one in perturbed("typos", 0.1, 0.1, series=steps, numbers={})
        )
    )
    assert whole["lost"] == 7
    assert {(row["severity"], row["lost"]) for row in swept} == {(0.1, 0), (0.2, 2)}


def test_a_number_has_its_corrected_interval_and_the_verdict_of_its_bounds():
    judged = Number(0.8, 0.7, 0.9, 100, "exact", corrected=(0.6, 0.95), verdict=Verdict.FAIL)
    (row,) = rows_of(result("accuracy", numbers={"value": judged}))
    assert (row["corrected_low"], row["corrected_high"], row["verdict"]) == (0.6, 0.95, "FAIL")


def test_a_result_without_numbers_has_a_row_with_its_verdict():
    (row,) = rows_of(result("accuracy", "", verdict=Verdict.ERROR, numbers={}))
    assert (row["verdict"], row["number"], row["rows"], row["backend"]) == ("ERROR", None, None, None)


@pytest.mark.parametrize("value", [None, math.nan, math.inf])
def test_a_number_that_is_undefined_is_missing(value):
    (row,) = rows_of(result("accuracy", numbers={"value": Number(value, value, None, 3, "none")}))
    assert (row["estimate"], row["low"], row["rows"]) == (None, None, 3)


def test_half_a_surrogate_is_escaped():
    assert rows_of(result("a\ud83d"))[0]["check"] == r"a\ud83d"


def test_a_frame_has_the_same_rows():
    pandas = pytest.importorskip("pandas")
    report = finished([*demo(), result("crashed", verdict=Verdict.ERROR, numbers={})])
    frame = report.to_frame()
    assert list(frame.columns) == COLUMNS
    assert frame["rows"].dtype == pandas.Int64Dtype()
    assert frame["rows"].isna().sum() == 1
    assert frame["estimate"].dropna().tolist() == [
        row["estimate"] for row in report.to_table().to_pylist() if row["number"]
    ]


def test_a_frame_without_pandas_is_a_clear_error():
    program = """
import sys
from importlib import metadata

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "pandas":
            raise ModuleNotFoundError("No module named 'pandas'", name="pandas")

sys.meta_path.insert(0, Missing())
import mqa_registry.extras
from mqa_registry import UsageError
mqa_registry.extras.is_installed = lambda package: package != "pandas"
from tests.reports.conftest import demo, finished
try:
    finished(demo()).to_frame()
except UsageError as error:
    print(error.message, "|", error.hint)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == 'the package `pandas` is not installed | pip install "mqa-registry[tabular]"\n'


def test_a_report_read_from_a_table_of_many_checks_is_whole():
    report = finished([replace(result(f"check {number}"), seconds=0.1) for number in range(1000)])
    assert len(report.to_table()) == 1000
