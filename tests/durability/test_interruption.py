from __future__ import annotations

import signal

import numpy as np


def test_twenty_kills_change_no_number_and_cost_at_most_a_batch_each(letters, tmp_path_factory):
    assert letters.run()[0] in (0, 1, 4)
    whole, batches = letters.report(), letters.log
    assert len(batches) > 40
    letters.database.unlink()
    (letters.folder / "log").unlink()
    (letters.folder / "report.json").unlink()

    rng = np.random.default_rng(2026)
    for _ in range(20):
        code = letters.end(letters.start(), int(rng.integers(1, 3)), signal.SIGKILL, float(rng.uniform(0, 0.03)))
        assert code == -signal.SIGKILL
    assert not (letters.folder / "report.json").exists()
    assert letters.run()[0] in (0, 1, 4)

    assert letters.report() == whole
    assert set(letters.log) == set(batches)
    assert len(letters.log) <= len(batches) + 20


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
