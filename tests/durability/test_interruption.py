from __future__ import annotations

import signal

import numpy as np
import pytest

MEASURING = 6  # forward passes by which a run learns how rows may be batched: five rows alone, and all at once


@pytest.mark.slow
def test_kills_change_no_number_and_cost_a_batch_each_once_batching_is_measured(letters):
    """What is measured first is kept as one whole: a kill before its end costs what was done of it, one after it a batch."""
    assert letters.run()[0] in (0, 1, 4)
    whole, batches = letters.report(), letters.log
    assert len(batches) > 40
    letters.database.unlink()
    (letters.folder / "log").unlink()
    (letters.folder / "report.json").unlink()

    rng = np.random.default_rng(2026)
    begun: list[list[str]] = []  # by each process that was killed
    for number in range(12):
        after = int(rng.integers(1, 4)) if number < 5 else MEASURING + 1 if number == 5 else 1
        before = len(letters.log)
        process = letters.start(
            LETTERS_SECONDS="0.06"
        )  # so that a late kill on a busy machine is not after the last batch
        code = letters.end(process, after, signal.SIGKILL, float(rng.uniform(0, 0.03)))
        assert code == -signal.SIGKILL
        begun.append(letters.log[before:])
    assert not (letters.folder / "report.json").exists()
    assert letters.run()[0] in (0, 1, 4)

    # A kill may come late on a busy machine: the first process that got beyond what is measured is looked for.
    measured = next(number for number, one in enumerate(begun) if len(one) > MEASURING)
    assert letters.report() == whole
    assert set(letters.log) == set(batches)
    assert len(letters.log) <= len(batches) + sum(map(len, begun[:measured])) + len(begun[measured:])


def test_ctrl_c_ends_with_130_and_the_next_run_goes_on_from_there(letters):
    process = letters.start()
    assert letters.end(process, 10, signal.SIGINT, 0.01) == 130
    begun = len(letters.log)
    assert letters.run()[0] in (0, 1, 4)
    again = len(letters.log) - len(set(letters.log))
    assert begun >= 10
    assert again <= 1


def test_ctrl_c_says_that_nothing_is_lost(letters):
    process = letters.start()
    while not letters.log:
        pass
    process.send_signal(signal.SIGINT)
    _, said = process.communicate()
    assert said.splitlines()[-2:] == [
        "interrupted",
        "hint: what was finished is kept; the same command goes on from there",
    ]
