"""Rounds: rows are asked about together, no more than there is room for, and each gets its own answers."""

from __future__ import annotations

from mqa_robustness.attack.drawing import Row
from mqa_robustness.attack.rounds import TOGETHER, in_rounds


class Echo:
    """Answers every question with the row's name, and notes how many rows are asked about at a time."""

    def __init__(self):
        self.rounds = []

    def answers(self, names, examples):
        self.rounds.append(len(set(names)))
        return list(names)


def asking(row):
    """Asks as many rounds as the row's number says, one question more in each."""
    heard = []
    for count in range(1, int(row.id) % 5 + 2):
        heard += yield [()] * count
    return heard


def test_each_row_gets_its_own_answers_and_few_wait_for_one_another():
    rows = [Row(str(number), {"text": "a"}, None, 7) for number in range(3 * TOGETHER)]
    echo = Echo()
    found = {row.id: heard for row, heard in in_rounds(rows, asking, echo)}
    assert set(found) == {row.id for row in rows}
    for name, heard in found.items():
        rounds = int(name) % 5 + 1
        assert heard == [name] * (rounds * (rounds + 1) // 2)
    assert max(echo.rounds) == TOGETHER
    assert len(echo.rounds) < 15
