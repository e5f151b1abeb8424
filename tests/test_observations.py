"""What observing a view gives, the rows that it lost included."""

import pickle

from hypothesis import given
from hypothesis import strategies as st

from mqa_registry.errors import ContributionError, DataError, NotRunError
from mqa_registry.observations import MAX_NAMED_LOST, LostRow, LostRows, failure_of_lost

CRASH = ContributionError("task", "acme/images", "crashed: OSError: image file is truncated\nwhile it was read")


def test_a_lost_row_has_its_reason_in_one_line() -> None:
    lost = LostRows.of_error(["a", "b"], CRASH)
    reason = "the task `acme/images` crashed: OSError: image file is truncated"
    assert (lost.count, lost.named) == (2, (LostRow("a", reason), LostRow("b", reason)))
    assert lost.cause is not None
    assert "ContributionError" in lost.cause.trace


def test_what_could_not_run_as_asked_has_no_traceback() -> None:
    lost = LostRows.of_errors([("a", NotRunError("no memory", hint="smaller rows"))])
    assert lost.cause is not None
    assert (lost.cause.message, lost.cause.hint, lost.cause.trace) == ("no memory", "smaller rows", "")


def test_no_rows_are_no_lost_rows() -> None:
    assert LostRows.of_errors([]) == LostRows.merge([]) == LostRows()
    assert not LostRows()


def test_of_many_lost_rows_all_are_counted_and_the_first_named() -> None:
    lost = LostRows.of_errors((str(number), CRASH) for number in range(MAX_NAMED_LOST + 5))
    assert lost.count == MAX_NAMED_LOST + 5
    assert [row.id for row in lost.named] == [str(number) for number in range(MAX_NAMED_LOST)]


@given(st.lists(st.integers(0, 700), max_size=6))
def test_lost_rows_of_shards_are_those_of_the_view_in_its_order(sizes: list[int]) -> None:
    starts = [sum(sizes[:number]) for number in range(len(sizes))]
    shards = [
        LostRows.of_errors((str(start + number), DataError(f"row {start + number}")) for number in range(size))
        for start, size in zip(starts, sizes, strict=True)
    ]
    merged = LostRows.merge(shards)
    assert merged.count == sum(sizes)
    assert [row.id for row in merged.named] == [str(number) for number in range(min(sum(sizes), MAX_NAMED_LOST))]
    assert merged.cause == next((shard.cause for shard in shards if shard), None)
    assert LostRows.merge([LostRows.merge(shards[:2]), *shards[2:]]) == merged


def test_lost_rows_travel_between_processes() -> None:
    lost = LostRows.of_errors([("a", CRASH)])
    assert pickle.loads(pickle.dumps(lost)) == lost


def test_a_view_that_lost_every_row_failed_as_its_first_row_did() -> None:
    lost = LostRows.of_errors([("a", CRASH), ("b", DataError("other"))])
    assert failure_of_lost(lost, rows_left=0) == lost.cause
    assert failure_of_lost(lost, rows_left=1) is None
    assert failure_of_lost(LostRows(), rows_left=0) is None


def test_a_view_that_lost_all_rows_that_were_not_declined_tested_nothing_and_says_why() -> None:
    lost = LostRows.of_errors([("a", CRASH), ("b", DataError("other"))])
    failure = failure_of_lost(lost, rows_left=0, declined=3)
    assert failure is not None
    assert failure.trace == ""
    assert "declined 3 of 5 rows" in failure.message
    assert f"row `a` because {lost.named[0].reason}" in failure.message
    assert failure_of_lost(LostRows(), rows_left=0, declined=3) is None
