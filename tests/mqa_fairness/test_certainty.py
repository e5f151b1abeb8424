from __future__ import annotations

import pyarrow as pa
import pytest

from mqa_fairness.certainty import certainty
from mqa_registry import DataError, Predictions


def answers(surest):
    pairs = [None if one is None else [1 - one, one] for one in surest]
    labels = [None if one is None else ("yes" if one >= 0.5 else "no") for one in surest]
    columns = {
        "id": [str(n) for n in range(len(surest))],
        "label": pa.array(labels, pa.string()),
        "probability": pa.array(pairs, pa.list_(pa.float64())),
    }
    return Predictions("label", pa.table(columns), ("no", "yes"))


def test_rows_are_parted_by_the_probability_of_the_answer_whichever_it_is():
    found = certainty(answers([0.9, 0.1, 0.55, 0.4, 0.99, 0.2]), count=3)
    assert found == [f"certainty {part}/3" for part in (2, 2, 1, 1, 3, 2)]


def test_a_row_without_an_answer_is_in_no_group():
    assert certainty(answers([None, 0.9, 0.6]), count=2) == [None, "certainty 2/2", "certainty 1/2"]
    assert certainty(answers([])) == []


def test_labels_alone_are_refused():
    labels = Predictions("label", pa.table({"id": ["1"], "label": ["yes"]}), ("no", "yes"))
    with pytest.raises(DataError, match="certainty needs probabilities"):
        certainty(labels)
