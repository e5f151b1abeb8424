"""Lost rows: a check is not judged where a view lost more of them than it allows, and says so where it is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mqa_registry import plan as plans
from mqa_registry.boundary import redact_messages
from mqa_registry.contributions import Dataset, Evidence, Slice
from mqa_registry.errors import ContributionError, DataError
from mqa_registry.judging import Verdict, judge
from mqa_registry.judging.view_summary import summarize_views
from mqa_registry.observations import LostRow, LostRows
from mqa_registry.suite import Against, Data, Expect, Severity, Use
from tests.stand_ins import make_probe

REASON = "the task `letters/count` crashed: OSError: truncated"
TRUNCATED = ContributionError("task", "letters/count", "crashed: OSError: truncated")


def lose(observations, lost, error=TRUNCATED):
    """The observations as they are where the views that have these names lost the rows at some positions."""
    views = dict(observations.views)
    for view, observed in observations.views.items():
        name = f"{view.rows.data}{'+' * bool(view.rows.perturb)} {view.backend}"
        positions = sorted(lost.get(name, []))
        left = np.delete(np.arange(len(observed.predictions)), positions)
        ids = observed.predictions.ids.take(pa.array(positions, pa.int64())).to_pylist()
        views[view] = replace(
            observed,
            perturbed=replace(observed.perturbed, rows=observed.perturbed.rows.leave_out(positions)),
            predictions=observed.predictions.take(left),
            lost=LostRows.of_errors((row, error) for row in ids),
        )
    return replace(observations, views=views)


@pytest.fixture
def judged(engine):
    """The results of checks on the letters model, of whose views some lost rows."""

    def results(*checks, lost, change=lambda suite: suite, **suite):
        whole = change(engine.suite(*checks, **suite))
        return judge(plans.make(whole), lose(engine.run(whole), lost))

    return results


def test_without_lost_rows_nothing_is_said_of_them(engine, judged):
    (result,) = judged(engine.check(), lost={})
    assert (result.verdict, result.evidence.lost, result.evidence.notes) == (Verdict.PASS, (), ())


def test_a_check_that_lost_a_row_is_not_run_and_says_which_and_why(engine, judged):
    (result,) = judged(engine.check(), lost={"words one": [3, 8]})
    (loss,) = result.evidence.lost
    row, other = (row.id for row in loss.first)
    assert (result.verdict, result.numbers) == (Verdict.NOT_RUN, {})
    assert result.note == (
        f"2 of 50 rows of `words` on `one` are lost, and `max_lost` is 0; the first is `{row}`: {REASON} "
        "(see why they fail, or allow so many with `max_lost`)"
    )
    assert (loss.view, loss.backend, loss.rows, loss.lost) == ("words", "one", 50, 2)
    assert loss.first == (LostRow(row, REASON), LostRow(other, REASON))
    assert result.evidence.notes == ()


def test_a_check_that_allows_them_counts_the_rows_that_are_left_and_says_so_where_it_holds(engine, judged):
    (result,) = judged(engine.check(max_lost=2), lost={"words one": [3, 8]})
    (loss,) = result.evidence.lost
    assert (result.verdict, result.numbers["value"].rows, loss.lost) == (Verdict.PASS, 48, 2)
    (note,) = result.evidence.notes
    assert note == (
        "2 of 50 rows of `words` on `one` are lost: no number counts them, which `max_lost = 2` allows; "
        f"the first is `{loss.first[0].id}`"
    )


@pytest.mark.parametrize(
    ("max_lost", "lost", "is_judged"),
    [(1, 1, True), (1, 2, False), (0.02, 1, True), (0.02, 2, False), (0.58, 29, True), (0.0, 1, False), (0, 0, True)],
)
def test_a_whole_number_is_one_of_rows_and_a_fraction_a_share_of_them(engine, judged, max_lost, lost, is_judged):
    (result,) = judged(engine.check(max_lost=max_lost), lost={"words one": list(range(lost))})
    assert (result.verdict is not Verdict.NOT_RUN) == is_judged


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=8)
@given(rows=st.sets(st.integers(0, 49), min_size=1, max_size=30))
def test_numbers_are_those_of_a_data_set_without_the_lost_rows(engine, rows):
    suite = engine.suite(engine.check(max_lost=50))
    observations = engine.run(suite)
    left = np.delete(np.arange(50), sorted(rows))
    (with_lost,) = judge(plans.make(suite), lose(observations, {"words one": sorted(rows)}))
    smaller = replace(engine, folder=engine.folder / str(sorted(rows)), table=engine.table.take(left))
    of_smaller = smaller.suite(*suite.checks)
    (without,) = judge(plans.make(of_smaller), smaller.run(of_smaller))
    assert with_lost.numbers == without.numbers


def test_the_reference_is_held_to_the_same_limit(engine, judged):
    check = engine.check("agreement", on=("one", "two"))
    (result,) = judged(check, lost={"words one": [0]}, backends=("one", "two"))
    assert (result.backend, result.verdict) == ("two", Verdict.NOT_RUN)
    assert result.note.startswith("1 of 50 rows of `words` on `one` is lost, and `max_lost` is 0")


def test_rows_that_one_side_lost_leave_both_sides(engine, judged, swap):
    drop = engine.check("swapped", swap, expect={"value": Expect(max_drop=0.5)}, max_lost=3)
    (result,) = judged(drop, lost={"words one": [0, 1], "words+ one": [1, 2, 3]})
    assert (result.numbers["value"].rows, result.numbers["drop"].rows) == (46, 46)
    assert [(loss.view.partition(".")[0], loss.lost) for loss in result.evidence.lost] == [("words", 2), ("words", 3)]
    assert "and rows of 1 other view too" in result.evidence.notes[0]


def test_every_severity_of_a_sweep_counts_and_has_its_own_number(engine, judged, shout, swap):
    steps = tuple(
        Severity((Use(f"letters/{one.__name__}", engine.check("x", one).steps[0].perturb[0].contribution),), severity)
        for severity, one in ((1.0, shout), (2.0, swap))
    )
    sweep = engine.check("sweep", steps=steps)
    (refused,) = judged(sweep, lost={"words+ one": [4]})
    assert refused.verdict is Verdict.NOT_RUN
    (result,) = judged(replace(sweep, max_lost=1), lost={"words+ one": [4]})
    assert [(step.evidence.rows, step.evidence.lost) for step in result.series] == [(49, 1), (49, 1)]


def test_the_clean_rows_of_a_sweep_count_too(engine, judged, shout):
    steps = (Severity(engine.check("x", shout).steps[0].perturb, 1.0),)
    (result,) = judged(engine.check("sweep", steps=steps), lost={"words one": [4]})
    assert result.verdict is Verdict.NOT_RUN


def test_other_checks_keep_their_own_limit(engine, judged):
    strict, lenient = judged(engine.check("strict"), engine.check("lenient", max_lost=0.1), lost={"words one": [5]})
    assert (strict.verdict, lenient.verdict) == (Verdict.NOT_RUN, Verdict.PASS)


def test_a_failure_of_the_whole_view_is_said_instead(engine, judged):
    engine.letters.crash_after = 0
    whole = engine.suite(engine.check(max_lost=0.9))
    (result,) = judge(plans.make(whole), engine.run(whole))
    assert (result.verdict, "on fire" in result.note, result.evidence.lost) == (Verdict.ERROR, True, ())


def test_the_groups_of_lost_rows_are_named_and_one_that_lost_all_its_rows_is_not_judged(engine, judged):
    initial = Use("letters/initial", Slice("initial", lambda row: row["text"][0]))
    (result,) = judged(
        engine.check(by=initial, expect={"value": Expect(min=0.2, min_rows=2)}, max_lost=12),
        lost={"words one": [1, *range(0, 50, 10), *range(7, 50, 10)]},
    )
    gone = result.groups["c"]
    assert (gone.verdict, gone.note) == (Verdict.INCONCLUSIVE, "0 rows are too few")
    assert result.evidence.notes[0].endswith("; of the groups, 5 in `c`, 5 in `t`, 1 in `b`")


def test_a_probe_that_reads_predictions_is_held_to_the_rows_of_its_views(engine, judged):
    probe = make_probe(
        "rows", lambda context, **_: context.view.rows.table.select(["id"]), inputs="predictions", outputs=("count",),
        numbers=lambda table: {"count": float(table.num_rows)}, evidence=lambda table: Evidence(notes=["seen"]),
    )  # fmt: skip
    count = engine.check(measure=Use("letters/rows", probe), expect={"count": Expect(min=1.0)})
    (refused,) = judged(count, lost={"words one": [0, 1]})
    assert (refused.verdict, refused.note.partition(";")[0]) == (
        Verdict.NOT_RUN,
        "2 of 50 rows of `words` on `one` are lost, and `max_lost` is 0",
    )
    (allowed,) = judged(replace(count, max_lost=2), lost={"words one": [0, 1]})
    assert allowed.verdict is Verdict.PASS
    assert [note.partition(" are")[0] for note in allowed.evidence.notes] == [
        "seen",
        "2 of 50 rows of `words` on `one`",
    ]


def test_a_probe_of_rows_is_held_to_those_that_it_could_not_read(engine):
    probe = make_probe(
        "rows", lambda context, **_: context.view.rows.table.select(["id"]), inputs="rows", outputs=("count",),
        numbers=lambda table: {"count": float(table.num_rows)}, evidence=lambda table: Evidence(),
    )  # fmt: skip
    suite = engine.suite(engine.check(measure=Use("letters/rows", probe), expect={"count": Expect(min=1.0)}))
    plan, observations = plans.make(suite), engine.run(suite)
    (request,) = plan.probe_requests
    result = replace(observations.probe_results[request], rows=49, lost=LostRows.of_errors([("a", TRUNCATED)]))
    observations = replace(observations, probe_results={request: result})
    (judged,) = judge(plan, observations)
    assert judged.note.startswith("1 of 50 rows of `words` is lost, and `max_lost` is 0; the first is `a`")


def of_two_data_sets(engine):
    """A change of a suite that adds a data set with the same ids in another order."""
    table = engine.table.append_column("id", [[f"row {number}" for number in range(50)]])
    engine.table = table
    other = Dataset("other", lambda context: table.take(list(range(49, -1, -1))))
    return lambda suite: replace(suite, data={**suite.data, "other": Data("other", Use("letters/other", other))})


@pytest.mark.parametrize("lost", [{"words one": [3]}, {"other one": [3]}, {"words one": [3], "other one": [7, 9]}])
def test_two_data_sets_with_the_same_ids_stay_paired_whichever_lost_rows(engine, judged, lost):
    change = of_two_data_sets(engine)
    agreement = engine.check("agreement", against=Against(data="other"), max_lost=2)
    (result,) = judged(agreement, lost=lost, change=change)
    assert (result.verdict, result.numbers["value"].rows) == (Verdict.PASS, 50 - sum(map(len, lost.values())))


@pytest.mark.parametrize(
    ("lost", "is_paired"), [({}, False), ({"words one": [3], "other one": [46]}, False), ({"other one": [0]}, True)]
)
def test_a_row_that_the_other_data_set_never_had_was_not_lost(engine, judged, lost, is_paired):
    change = of_two_data_sets(engine)
    engine.table = engine.table.slice(0, 49)  # the other one begins with row 49
    drop = engine.check(against=Against(data="other"), expect={"value": Expect(max_drop=0.5)}, max_lost=9)
    (result,) = judged(drop, lost=lost, change=change)
    assert result.evidence.unpaired != is_paired


def test_reasons_are_left_out_of_a_run_without_examples_and_ids_stay(engine):
    suite = engine.suite(engine.check())
    quoting = DataError("the text `secret` has no letter")
    observations = lose(engine.run(suite), {"words one": [0]}, quoting)
    with redact_messages(enabled=True):
        (result,) = judge(plans.make(suite), observations)
    assert "secret" not in str(result)
    assert result.evidence.lost[0].first[0].id in result.note


def test_a_result_names_the_first_twenty(engine, judged):
    (result,) = judged(engine.check(), lost={"words one": list(range(30))})
    (loss,) = result.evidence.lost
    assert (loss.lost, len(loss.first)) == (30, 20)


def test_the_summary_of_a_view_counts_them(engine):
    suite = engine.suite(engine.check())
    (summary,) = summarize_views(lose(engine.run(suite), {"words one": [0, 4]}))
    assert (summary.rows, summary.lost) == (48, 2)
