"""An audit from end to end: a suite file, predictions from a file, the report, and the same run judged again."""

from __future__ import annotations

import csv
import json

import fairlearn.metrics as oracle
import numpy as np
import pytest

from mqa_fairness.counterfactuals import swap_religion
from mqa_registry import Perturbation, judge, run
from mqa_registry import plan as plans
from mqa_registry.judging import judge as judge_plan
from mqa_registry.reports import to_json
from mqa_registry.suite import Against, Expect, Severity, Use

HEAD = """\
format = 1
name = "audit"
seed = 7
[data.people]
use = "datasets/file"
path = "people.csv"
[backends.service]
use = "replay/file"
path = "predictions.csv"
"""
CHECK = """
[[check]]
measure = {measure}
by = {by}
expect = {expect}
"""
SEX = '{ use = "fairness/column", column = "sex" }'
ROWS = 240


class Audit:
    """A folder with people, predictions and a suite."""

    def __init__(self, folder):
        rng = np.random.default_rng(5)
        self.folder = folder
        self.sex = np.where(rng.random(ROWS) < 0.5, "F", "M")
        self.target = rng.integers(0, 2, ROWS)
        self.predicted = np.where(
            rng.random(ROWS) < np.where(self.sex == "F", 0.15, 0.35), 1 - self.target, self.target
        )
        self.age = rng.integers(18, 90, ROWS)
        self.p = np.where(self.predicted == 1, 0.5 + rng.random(ROWS) / 2, 0.5 - rng.random(ROWS) / 2)

    def write(self, sex=None):
        texts = [f"number {n} said so" for n in range(ROWS)]
        people = zip(texts, self.sex if sex is None else sex, self.age, self.target, strict=True)
        self._csv("people.csv", ["id", "text", "sex", "age", "target"],
                  [[n, text, one, age, ("no", "yes")[target]] for n, (text, one, age, target) in enumerate(people)])  # fmt: skip
        self._csv("predictions.csv", ["id", "no", "yes"], [[n, 1 - p, p] for n, p in enumerate(self.p.tolist())])

    def _csv(self, name, head, rows):
        with (self.folder / name).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([head, *rows])

    def suite(self, *checks):
        path = self.folder / "audit.toml"
        given = [{"by": SEX, "expect": "{ max = 0.9 }"} | check for check in checks]
        path.write_text(HEAD + "".join(CHECK.format(**check) for check in given), encoding="utf-8")
        return path

    def results(self, *checks, **how):
        return to_json(run(self.suite(*checks), **how))["results"]


@pytest.fixture
def audit(tmp_path):
    found = Audit(tmp_path)
    found.write()
    return found


def measure(name, **options):
    more = "".join(f', {key} = "{value}"' for key, value in options.items())
    return {"measure": f'{{ use = "fairness/{name}"{more} }}'}


def serialize(results):
    return json.dumps([{key: value for key, value in result.items() if key != "seconds"} for result in results])


FAIRLEARNS = [
    "demographic-parity-difference",
    "demographic-parity-ratio",
    "equalized-odds-difference",
    "equalized-odds-ratio",
    "equal-opportunity-difference",
    "equal-opportunity-ratio",
]


@pytest.mark.parametrize("name", FAIRLEARNS)
def test_a_suite_file_gives_fairlearns_number_with_an_interval_and_a_definition(audit, name):
    (result,) = audit.results(measure(name))
    number = result["numbers"]["value"]
    theirs = getattr(oracle, name.replace("-", "_"))(audit.target, audit.predicted, sensitive_features=audit.sex)
    assert number["estimate"] == pytest.approx(theirs)
    assert (number["method"], number["rows"]) == ("bca, pairwise", ROWS)
    assert number["low"] < number["estimate"] < number["high"]
    assert result["definition"] == f"{name}/1"
    assert set(result["groups"]) == {"F", "M"}


def test_signed_numbers_need_the_privileged_group_by_its_name(audit):
    (there,) = audit.results(measure("average-odds-difference", privileged="M"))
    assert there["numbers"]["value"]["estimate"] is not None
    missing, other = audit.results(
        measure("average-odds-difference", privileged="men"), measure("demographic-parity-difference")
    )
    assert missing["verdict"] == "NOT-RUN"
    assert missing["note"] == "`men` is none of the groups with enough rows (they are `F`, `M`)"
    assert other["verdict"] == "PASS"


def test_a_column_with_one_value_shows_nothing(audit):
    audit.write(sex=["F"] * ROWS)
    (result,) = audit.results(measure("demographic-parity-difference"))
    assert result["verdict"] == "INCONCLUSIVE"
    assert result["note"] == "too few groups have enough rows to be judged"


def test_rows_with_a_missing_value_are_a_group_of_their_own(audit):
    sex = audit.sex.copy()
    sex[:60] = ""
    audit.write(sex=sex)
    (result,) = audit.results(measure("statistical-parity-difference", privileged="(no sex)"))
    assert list(result["groups"]) == ["(no sex)", "F", "M"]
    assert result["groups"]["(no sex)"]["numbers"]["selection_rate"]["rows"] == 60
    expected = audit.predicted[60:].mean() - audit.predicted[:60].mean()
    assert result["numbers"]["value"]["estimate"] == pytest.approx(expected)


def test_calibration_is_judged_group_by_group(audit):
    (result,) = audit.results({"measure": '"metrics/ece"', "expect": "{ max = 0.9 }"})
    assert {name: part["verdict"] for name, part in result["groups"].items()} == {"F": "PASS", "M": "PASS"}
    assert all(part["numbers"]["value"]["method"] == "bca" for part in result["groups"].values())


@pytest.mark.parametrize(
    ("by", "groups"),
    [
        ('{ use = "fairness/crossed", columns = ["sex", "target"] }', ["F, no", "F, yes", "M, no", "M, yes"]),
        (
            '{ use = "fairness/ranges", column = "age", edges = [30, 60] }',
            ["age 30 to 60", "age 60 and over", "age under 30"],
        ),
        ('{ use = "fairness/confidence", n_bins = 3 }', ["confidence 1/3", "confidence 2/3", "confidence 3/3"]),
        ('"fairness/script"', ["latin"]),
        ('{ use = "fairness/language", languages = ["en", "de"] }', ["en"]),
    ],
)
def test_every_slice_is_at_hand_in_a_suite(audit, by, groups):
    (result,) = audit.results({"measure": '"metrics/accuracy"', "by": by, "expect": "{ min = 0.01 }"})
    assert list(result["groups"]) == groups
    assert sum(part["numbers"]["value"]["rows"] for part in result["groups"].values()) == ROWS


def test_a_kept_run_is_judged_again_to_the_same_numbers_with_texts_and_without(audit):
    checks = [
        measure("equalized-odds-difference"),
        measure("average-odds-difference", privileged="M") | {"expect": "{ min = -0.5, max = 0.5 }"},
        measure("between-group-entropy"),
        {"measure": '"metrics/accuracy"', "by": '{ use = "fairness/quantiles", column = "age" }'},
        {"measure": '"metrics/accuracy"', "by": '"fairness/confidence"', "expect": "{ min = 0.01 }"},
    ]
    store = audit.folder / ".mqa"
    first = audit.results(*checks)
    assert serialize(to_json(judge("last", store=store))["results"]) == serialize(first)
    bare = audit.results(*checks, examples=False)
    again = to_json(judge("last", store=store, examples=False))["results"]
    assert serialize(again) == serialize(bare)
    assert [one["numbers"] for one in bare] == [one["numbers"] for one in first]


def test_a_lexicon_that_matches_nothing_is_not_run_with_the_reason(engine):
    against = Against(unperturbed=True)
    use = Use("fairness/swap-religion", Perturbation("swap-religion", swap_religion, modality="text", edits=True))
    steps = (Severity((use,)),)
    suite = engine.suite(engine.check("agreement", steps=steps, against=against, expect={"value": Expect(min=0.9)}))
    (result,) = judge_plan(plans.make(suite), engine.run(suite))
    declined = "`fairness/swap-religion` declined all of 50 rows, so nothing was tested"
    assert (result.verdict, result.note) == ("NOT-RUN", declined)
