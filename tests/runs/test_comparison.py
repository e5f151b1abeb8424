"""A run held against an earlier one: what is worse is shown, what is as good is not, and other rows are refused."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.stats import binomtest
from statsmodels.stats.contingency_tables import mcnemar

from mqa_registry import runs
from mqa_registry.errors import ExitCode, UsageError
from mqa_registry.judging.result import Verdict
from mqa_registry.reports import to_json
from mqa_registry.reports.report_file import parse_report
from mqa_registry.run_options import HistoryOptions, RunOptions
from mqa_registry.runs import history
from mqa_registry.runs.archive import find_name, find_report
from mqa_registry.runs.tags import tag_run

ROWS = 2000
DOMAINS = [f"d{number % 3}" for number in range(ROWS)]
SUITE = """
format = 1
name = "replayed"
[data.reviews]
use = "datasets/file"
path = "reviews.parquet"
[backends.service]
use = "replay/file"
path = "service.parquet"
classes = ["no", "yes"]
[[check]]
measure = "metrics/accuracy"
expect = { min = 0.5 }
[[check]]
measure = "metrics/f1"
expect = { min = 0.5 }
[[check]]
name = "calibrated"
measure = "metrics/brier"
expect = { max = 0.5 }
[[check]]
name = "domains"
measure = "metrics/accuracy"
by = { use = "fairness/column", column = "domain" }
expect = { max_gap = 0.5 }
"""
CHECK_OF_REGIONS = """
[[check]]
name = "regions"
measure = "metrics/accuracy"
by = {{ use = "fairness/column", column = "region" }}
expect = {{ min = 0.1, min_rows = {min_rows} }}
"""
CUTTING = '''
from mqa_registry import Slice, hookimpl

def cut(example):
    """It always crashes."""
    raise LookupError("no such row")

@hookimpl
def mqa_slices():
    yield Slice("cut", cut)
'''


@dataclass
class Service:
    """A suite that judges what a service answered, with other answers for every run."""

    folder: Path
    labels: np.ndarray

    @property
    def suite(self) -> Path:
        return self.folder / "suite.toml"

    def answer(self, wrong: np.ndarray, order: np.ndarray | None = None) -> None:
        """Let the service be wrong in these rows."""
        right = np.where(wrong, 1 - self.labels, self.labels)
        columns = {
            "id": [f"r{number}" for number in range(len(right))],
            "label": np.array(["no", "yes"])[right],
            "probability": [[0.1, 0.9] if one else [0.9, 0.1] for one in right],
        }
        table = pa.table(columns)
        pq.write_table(table if order is None else table.take(pa.array(order)), self.folder / "service.parquet")

    def write_rows(self, rows: int = ROWS, *, changed: int = 0, texts: str = "text", domains=DOMAINS) -> None:
        labels = self.labels[:rows].copy()
        labels[:changed] = 1 - labels[:changed]
        columns = {
            "id": [f"r{number}" for number in range(rows)],
            "text": [f"{texts} {number}" for number in range(rows)],
            "label": np.array(["no", "yes"])[labels],
            "domain": domains[:rows],
            "region": [f"r{number % 20}" for number in range(rows)],
        }
        pq.write_table(pa.table(columns), self.folder / "reviews.parquet")

    def run(self, **options):
        examples = options.pop("examples", True)
        return runs.run(self.suite, RunOptions(), history=HistoryOptions(**options), examples=examples)

    def compare(self, reference="v1", **options):
        return history.compare(reference, "last", store=self.folder / ".mqa", **options)


@pytest.fixture(name="service")
def _service(tmp_path):
    made = Service(tmp_path, np.random.default_rng(7).integers(2, size=ROWS))
    made.write_rows()
    made.suite.write_text(SUITE)
    made.answer(wrong=np.arange(ROWS) % 10 == 0)
    return made


@pytest.fixture(name="worse")
def _worse(service):
    """A run that is wrong in 60 more rows and right in 20 others, against one that was wrong in 200."""
    service.run(tag="v1")
    wrong = np.arange(ROWS) % 10 == 0
    wrong[np.flatnonzero(~wrong)[:60]] = True
    wrong[np.flatnonzero(np.arange(ROWS) % 10 == 0)[:20]] = False
    service.answer(wrong)
    return service.run(against="v1")


def change_of(comparison, check):
    (found,) = [one for one in comparison.changes if one.check == check]
    return found


def groups_of(comparison, check="domains"):
    return {one.group: one for one in comparison.changes if one.check == check}


def wrong_in(domain, every=10):
    """Rows that are wrong: of one domain each that many-th, of the others every tenth."""
    number = np.arange(ROWS) // 3
    return np.where(np.array(DOMAINS) == domain, number % every == 0, number % 10 == 0)


@pytest.fixture(name="shifted")
def _shifted(service):
    """A run that is worse in the domain `d1` and better in `d0` by as much, and as good as before on the whole."""
    service.answer(wrong_in("d0", every=5))
    service.run(tag="v1")
    service.answer(wrong_in("d1", every=5))
    return service.run(against="v1")


def test_what_is_worse_fails_the_run_with_the_drop_and_the_flips(worse):
    assert (worse.verdict, worse.exit_code, worse.against.run) == (Verdict.FAIL, ExitCode.FAILED, worse.run)
    assert {result.verdict for result in worse.results} == {Verdict.PASS}
    accuracy = change_of(worse.against, "metrics/accuracy")
    assert accuracy.verdict is Verdict.FAIL
    assert (accuracy.before.estimate, accuracy.now.estimate) == (0.9, 0.88)
    assert accuracy.change.estimate == pytest.approx(0.02)
    assert 0 < accuracy.change.low < 0.02 < accuracy.change.high
    (flips,) = worse.against.flips
    table = [[0, 60], [20, 0]]
    assert (flips.test.negative_flips, flips.test.positive_flips) == (60, 20)
    assert flips.test.p_value == pytest.approx(mcnemar(table, exact=True).pvalue)
    exact = binomtest(60, ROWS).proportion_ci(0.95)
    assert (flips.share.low, flips.share.high) == (pytest.approx(exact.low), pytest.approx(exact.high))
    assert {row.id for row in flips.examples} <= {f"r{number}" for number in range(ROWS)}
    assert len(flips.examples) == 60
    assert all(row.reference == row.target != row.prediction for row in flips.examples)


def test_a_measure_of_which_less_is_better_is_worse_where_it_rises(worse):
    brier = change_of(worse.against, "calibrated")
    assert brier.now.estimate > brier.before.estimate
    assert brier.change.estimate == pytest.approx(brier.now.estimate - brier.before.estimate)
    assert brier.verdict is Verdict.FAIL


def test_a_measure_of_several_checks_is_compared_once(worse):
    wholes = [one.check for one in worse.against.changes if not one.group]
    assert wholes == ["metrics/accuracy", "metrics/f1", "calibrated"]


def test_a_loss_in_a_group_does_not_hide_behind_a_gain_in_another(shifted):
    found = shifted.against
    assert (shifted.exit_code, found.verdict) == (ExitCode.FAILED, Verdict.FAIL)
    assert change_of(found, "metrics/accuracy").change.estimate == pytest.approx(0, abs=0.001)
    groups = groups_of(found)
    assert [groups[name].verdict for name in ("d0", "d1", "d2")] == [Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE]
    loss = groups["d1"]
    rows = np.array(DOMAINS) == "d1"
    before, now = (1 - wrong_in(name, every=5)[rows].mean() for name in ("d0", "d1"))
    assert (loss.before.estimate, loss.now.estimate) == (pytest.approx(before), pytest.approx(now))
    assert (loss.change.estimate, loss.change.rows) == (pytest.approx(before - now), rows.sum())
    assert 0 < loss.change.low < loss.change.estimate < loss.change.high
    assert loss.by == {"use": "fairness/column", "column": "domain"}


def test_the_flips_of_a_group_that_is_worse_are_counted(shifted):
    (flips,) = shifted.against.flips
    (group,) = flips.groups
    newly_wrong = wrong_in("d1", every=5) & ~wrong_in("d0", every=5)
    assert (group.group, group.by["column"]) == ("d1", "domain")
    assert (group.test.negative_flips, group.test.positive_flips) == (newly_wrong.sum(), 0)
    assert group.test.p_value == pytest.approx(binomtest(int(newly_wrong.sum()), int(newly_wrong.sum())).pvalue)
    rows = DOMAINS.count("d1")
    exact = binomtest(int(newly_wrong.sum()), rows).proportion_ci(0.95)
    assert (group.share.low, group.share.high) == (pytest.approx(exact.low), pytest.approx(exact.high))


def test_the_report_has_the_groups_and_reads_back(shifted, service):
    against = to_json(shifted)["against"]
    assert [one.get("group") for one in against["changes"]] == [None, None, None, "d0", "d1", "d2"]
    assert [one["group"] for one in against["flips"][0]["groups"]] == ["d1"]
    assert parse_report(json.loads(json.dumps(to_json(shifted))), "it").against.flips[0].groups[0].group == "d1"
    assert groups_of(service.compare()) == groups_of(shifted.against)


def test_groups_that_the_earlier_run_did_not_know_are_measured_on_the_same_rows(service):
    service.suite.write_text(SUITE[: SUITE.rindex("[[check]]")])
    table = pq.read_table(service.folder / "reviews.parquet")
    pq.write_table(table.drop_columns(["domain"]), service.folder / "reviews.parquet")
    service.answer(wrong_in("d0"))
    service.run(tag="v1")
    service.suite.write_text(SUITE)
    pq.write_table(table, service.folder / "reviews.parquet")
    service.answer(wrong_in("d2", every=4))
    groups = groups_of(service.run(against="v1").against)
    assert (groups["d1"].verdict, groups["d1"].change.estimate) == (Verdict.INCONCLUSIVE, 0)
    assert groups["d2"].verdict is Verdict.FAIL
    assert groups["d2"].before.estimate == pytest.approx(1 - wrong_in("d2")[2::3].mean())


PARITY = """
[[check]]
name = "parity"
measure = "fairness/demographic-parity-difference"
by = { use = "fairness/column", column = "domain" }
expect = { max = 0.9 }
"""


def test_a_gap_that_a_metric_makes_of_groups_is_held_as_one_number(service):
    service.suite.write_text(SUITE + PARITY)
    service.run(tag="v1")
    in_domain = np.array(DOMAINS) == "d1"
    service.answer((np.arange(ROWS) % 10 == 0) | in_domain & (service.labels == 0) & (np.arange(ROWS) % 2 == 0))
    report = service.run(against="v1")
    change = change_of(report.against, "parity")
    (now,) = [one.numbers["value"] for one in report.results if one.check == "parity"]
    assert (change.verdict, change.group, change.by["column"]) == (Verdict.FAIL, "", "domain")
    assert (change.now.estimate, change.before.estimate < 0.1 < now.estimate) == (now.estimate, True)
    assert change.change.estimate == pytest.approx(change.now.estimate - change.before.estimate)
    assert change.change.low > 0


def test_a_gap_of_fewer_than_two_groups_is_no_measure(service):
    service.suite.write_text(SUITE + PARITY)
    service.write_rows(domains=["d0"] * ROWS)
    service.run(tag="v1")
    assert "parity" not in {one.check for one in service.run(against="v1").against.changes}


def test_runs_that_are_kept_without_texts_are_compared_by_their_kept_groups(service):
    other = CHECK_OF_REGIONS.format(min_rows=30)
    service.suite.write_text(SUITE + other)
    service.answer(wrong_in("d0", every=5))
    service.run(tag="v1", examples=False)
    service.answer(wrong_in("d1", every=5))
    held = service.run(against="v1", examples=False).against
    assert groups_of(held)["d1"].verdict is Verdict.FAIL
    assert groups_of(held, "regions").keys() == {f"r{number}" for number in range(20)}
    assert service.compare().changes == held.changes


@pytest.mark.parametrize(("min_rows", "names"), [(30, {"d0", "d1", "d2"}), (20, {"d0", "d1", "d2", "rare"})])
def test_a_group_with_fewer_rows_than_the_check_judges_is_left_out(service, min_rows, names):
    """Of two checks with the same groups, the one that judges the smaller ones decides."""
    again = CHECK_OF_REGIONS.format(min_rows=min_rows).replace('"region"', '"domain"')
    service.suite.write_text(SUITE + again)
    service.write_rows(domains=["rare"] * 25 + DOMAINS[25:])
    service.run(tag="v1")
    service.answer(wrong=np.arange(ROWS) < 25)
    found = service.run(against="v1").against
    assert {one.group for one in found.changes if one.group} == names
    assert {one.group for one in found.changes if one.verdict is Verdict.FAIL} == names & {"rare"}


@pytest.mark.parametrize(
    ("max_drop", "verdict"), [(0.2, Verdict.PASS), (0.1, Verdict.INCONCLUSIVE), (0.01, Verdict.FAIL)]
)
def test_a_drop_that_is_allowed_holds_for_groups(shifted, service, max_drop, verdict):
    assert shifted
    found = service.compare(max_drop=max_drop)
    assert groups_of(found)["d1"].verdict is verdict
    assert found.verdict is verdict


def test_groups_that_are_made_of_predictions_are_left_out_with_the_reason(service):
    by = 'name = "sure"\nmeasure = "metrics/accuracy"\nby = "fairness/confidence"\nexpect = { min = 0.1 }\n'
    service.suite.write_text(f"{SUITE}[[check]]\n{by}")
    service.run(tag="v1")
    found = service.run(against="v1").against
    assert "sure" not in {one.check for one in found.changes}
    assert found.left_out == ("the groups of `sure`: `fairness/confidence` makes them of predictions",)


def test_a_slice_that_crashes_costs_its_own_groups_alone(service):
    (service.folder / "cutting.py").write_text(CUTTING)
    by = 'name = "cut"\nmeasure = "metrics/accuracy"\nby = "cutting/cut"\nexpect = { min = 0.1 }\n'
    service.suite.write_text(f"{SUITE}[[check]]\n{by}")
    options = RunOptions(plugin_files=(service.folder / "cutting.py",))
    runs.run(service.suite, options, history=HistoryOptions(tag="v1"))
    found = runs.run(service.suite, options, history=HistoryOptions(against="v1")).against
    assert len(found.changes) == 7
    (failed,) = [one for one in found.changes if one.check == "cut"]
    assert (failed.verdict, failed.group, failed.change) == (Verdict.ERROR, "", None)
    assert "no such row" in failed.note


def test_the_same_again_is_not_worse(service):
    service.run(tag="v1")
    again = service.run(against="v1")
    assert (again.verdict, again.against.verdict) == (Verdict.PASS, Verdict.PASS)
    assert [one.change.estimate for one in again.against.changes] == [0] * 6
    assert again.against.flips[0].groups == ()
    assert again.against.flips[0].test.negative_flips == 0


def test_the_order_of_rows_counts_for_nothing(service):
    service.run(tag="v1")
    service.answer(wrong=np.arange(ROWS) % 10 == 0, order=np.random.default_rng(1).permutation(ROWS))
    assert service.run(against="v1").against.flips[0].test.negative_flips == 0


def test_as_many_flips_in_both_directions_are_no_drop(service):
    service.run(tag="v1")
    service.answer(wrong=np.arange(ROWS) % 10 == 1)
    found = service.run(against="v1")
    assert (found.exit_code, found.against.verdict) == (ExitCode.OK, Verdict.PASS)
    assert found.against.flips[0].test.negative_flips == 200
    assert len(found.against.flips[0].examples) == 100


@pytest.mark.slow
def test_equal_models_fail_in_at_most_their_share_of_runs(service):
    """Of pairs of models that are equally good, with all measures together, and those of 23 groups."""
    service.suite.write_text(
        SUITE.replace('"metrics/brier"', '"metrics/brier"\nby = { use = "fairness/column", column = "region" }')
    )
    rng = np.random.default_rng(3)
    failed = 0
    for _ in range(20):
        service.answer(wrong=rng.random(ROWS) < 0.1)
        service.run(tag="v1")
        service.answer(wrong=rng.random(ROWS) < 0.1)
        found = service.run(against="v1").against
        assert sum(bool(one.group) for one in found.changes) == 23
        failed += found.verdict is Verdict.FAIL
    assert failed <= binomtest_limit(20, 0.025)


def binomtest_limit(runs, share):
    from scipy.stats import binom

    return binom.ppf(0.999, runs, share)


@pytest.mark.parametrize(
    ("max_drop", "verdict", "code"),
    [(0.05, Verdict.PASS, 0), (0.02, Verdict.INCONCLUSIVE, 4), (0.001, Verdict.FAIL, 1)],
)
def test_a_drop_that_is_allowed_has_to_be_shown_to_be_no_larger(worse, service, max_drop, verdict, code):
    assert worse
    found = service.run(against="v1", max_drop=max_drop)
    accuracy = change_of(found.against, "metrics/accuracy")
    assert (accuracy.verdict, int(found.exit_code)) == (verdict, code)


def test_a_run_that_fails_by_itself_fails(service):
    service.run(tag="v1")
    service.answer(wrong=np.arange(ROWS) % 10 < 6)
    found = service.run(against="v1")
    assert found.exit_code is ExitCode.FAILED
    changes = {(one.check, str(one.before), str(one.now)) for one in found.against.verdict_changes}
    assert ("metrics/accuracy", "PASS", "FAIL") in changes


def test_the_report_that_is_kept_has_the_comparison_and_reads_back(worse, service):
    content = json.loads(json.dumps(to_json(worse)))
    assert parse_report(content, "it").against == parse_report(to_json(worse), "it").against
    (kept,) = [one for one in history.list_kept_runs(service.folder / ".mqa") if one.run == worse.run]
    assert kept.report.against.changes[0].change == worse.against.changes[0].change
    assert kept.report.exit_code is ExitCode.FAILED


def test_kept_runs_are_compared_as_the_run_was(worse, service):
    again = service.compare()
    assert again.changes == worse.against.changes
    assert again.flips == worse.against.flips
    assert again.verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("options", "difference"),
    [
        ({"rows": 1500}, "500 rows are only there (`r1500`, `r1501`, `r1502`, ...)"),
        ({"changed": 2}, "2 rows with another `target`"),
        ({"texts": "words"}, "2,000 rows with another `text`"),
    ],
)
def test_other_rows_are_refused_with_what_differs(service, options, difference):
    first = service.run(tag="v1")
    service.write_rows(**options)
    found = service.run(against="v1")
    assert (found.exit_code, found.against) == (ExitCode.NOT_TRUSTWORTHY, None)
    assert found.note == (
        f"the run could not be held against `{first.run}`: the rows of `reviews` are not those of the run "
        f"`{first.run}`: {difference}"
    )
    with pytest.raises(UsageError, match="are not those of the run") as caught:
        service.compare()
    assert "--limit" in caught.value.hint


def test_a_backend_that_the_earlier_run_had_not_is_left_out_with_the_reason(service):
    service.run(tag="v1")
    table = '[backends.new]\nuse = "replay/file"\npath = "service.parquet"\nclasses = ["no", "yes"]\n'
    service.suite.write_text(SUITE.replace("[[check]]", f"{table}[[check]]", 1))
    found = service.run(against="v1").against
    assert {one.backend for one in found.changes} == {"service"}
    assert len(found.left_out) == 1
    assert "did not predict `reviews` on `new`" in found.left_out[0]


def test_runs_with_nothing_in_common_are_open(service):
    service.run(tag="v1")
    service.suite.write_text(SUITE.replace("backends.service", "backends.other"))
    found = service.run(against="v1")
    assert (found.against.verdict, found.exit_code) == (Verdict.INCONCLUSIVE, ExitCode.INCONCLUSIVE)


@pytest.mark.parametrize("name", ["last", "v9", "20200101"])
def test_a_run_that_is_not_there_is_told_before_anything_is_judged(service, name):
    with pytest.raises(UsageError, match="keeps no run"):
        service.run(against=name)
    assert not (service.folder / ".mqa" / "runs").exists()


def test_without_examples_no_text_of_a_row_is_in_the_comparison(service):
    service.run(tag="v1")
    service.answer(wrong=np.arange(ROWS) % 5 == 0)
    found = service.run(against="v1", examples=False)
    assert found.against.flips[0].test.negative_flips == 200
    assert "text 1" not in json.dumps(to_json(found))
    assert {row.id for row in found.against.flips[0].examples} >= {"r5"}
    assert "text 1" not in repr(service.compare(examples=False))


@pytest.mark.parametrize("drop", [-0.1, float("nan"), float("inf")])
def test_a_drop_that_makes_no_sense_is_refused(drop):
    with pytest.raises(UsageError, match="cannot be at most"):
        HistoryOptions(against="last", max_drop=drop)
    with pytest.raises(UsageError, match="says nothing"):
        HistoryOptions(max_drop=0.1)


def test_a_report_has_the_tags_of_its_run(service):
    assert service.run(tag="v1").tags == ("v1",)
    store = service.folder / ".mqa"
    tag_run(store, find_name("v1", store), "release")
    assert find_report("v1", store).tags == runs.judge("last", store=store).tags == ("release", "v1")


def test_a_tag_that_cannot_be_written_costs_no_verdict(service):
    service.run()
    (service.folder / ".mqa" / "tags").write_text("")  # which is a folder where there are any
    report = service.run(tag="v1")
    assert (report.exit_code, report.tags) == (ExitCode.NOT_TRUSTWORTHY, ())
    assert report.note.startswith("cannot write `")
    assert len(report.results) == 4


def test_the_tag_of_a_run_is_checked_before_it_runs(service):
    with pytest.raises(UsageError, match="cannot be a tag"):
        service.run(tag="../x")
    assert not (service.folder / ".mqa").exists()
