"""Batched search: rows are queried together, up to a number at a time, and each gets its own predictions."""

from __future__ import annotations

from mqa_robustness.adversarial_attack.attack import SampledRow
from mqa_robustness.adversarial_attack.batched_search import CONCURRENT_ROWS, search_in_batches


class Echo:
    """Predicts the row's id for every query, and records how many rows are queried at a time."""

    def __init__(self):
        self.rounds = []

    def predict(self, row_ids, examples):
        self.rounds.append(len(set(row_ids)))
        return list(row_ids)


def start(row):
    """A search of as many rounds as the row's number says, with one query more in each."""
    received = []
    for count in range(1, int(row.id) % 5 + 2):
        received += yield [()] * count
    return received


def test_each_row_gets_its_own_predictions_and_few_wait_for_one_another():
    rows = [SampledRow(str(number), {"text": "a"}, None, 7) for number in range(3 * CONCURRENT_ROWS)]
    echo = Echo()
    found = {row.id: received for row, received in search_in_batches(rows, start, echo)}
    assert set(found) == {row.id for row in rows}
    for name, received in found.items():
        rounds = int(name) % 5 + 1
        assert received == [name] * (rounds * (rounds + 1) // 2)
    assert max(echo.rounds) == CONCURRENT_ROWS
    assert len(echo.rounds) < 15
