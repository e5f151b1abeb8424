"""Answers move with edits of the context that they stand in; a row whose answer is cut is declined."""

from __future__ import annotations

import pyarrow as pa
import pytest

from mqa_registry.contributions import Perturbation
from mqa_registry.errors import UsageError
from mqa_registry.execution.rows.row_sets import apply_perturbations
from mqa_registry.suite import Use
from mqa_registry.types import Rows
from tests.stand_ins import make_task

CONTEXTS = ["Ann met Bo", "nobody", "Bo left Cy"]
ANSWERS = [
    {"text": ["Bo"], "answer_start": [8]},
    {"text": [], "answer_start": []},
    {"text": ["Bo", "Cy"], "answer_start": [0, 8]},
]
TASK = make_task(fields={"question": "text", "context": "text"}, schema="answer")


def insist(example, rng):
    """Every name starts with a letter more."""
    return {
        field: [(n, n + 1, text[n] * 2) for n in range(len(text)) if text[n].isupper()]
        for field, text in example.items()
    }


def halve(example, rng):
    """The second letter of the context and what follows, up to the fourth, is left out."""
    return {field: [(1, 3, "")] if field == "context" else [] for field in example}


def plain(example, rng):
    return {field: text.upper() for field, text in example.items()}


def perturb(function, targets=ANSWERS, task=TASK, *, edits=True):
    table = pa.table({"id": list("abc"), "question": ["Who?"] * 3, "context": CONTEXTS, "target": targets})
    use = Use(f"names/{function.__name__}", Perturbation(function.__name__, function, modality="text", edits=edits))
    return apply_perturbations(Rows(table, ("question", "context")), (use,), task, 7)


@pytest.mark.parametrize("task", [TASK, None], ids=["task", "no task"])
def test_answers_with_positions_move_with_the_context(task):
    table = perturb(insist, task=task).rows.table
    assert table["context"].to_pylist() == ["AAnn met BBo", "nobody", "BBo left CCy"]
    assert table["question"].to_pylist() == ["WWho?"] * 3
    assert table["target"].to_pylist() == [
        {"text": ["BBo"], "answer_start": [9]},
        {"text": [], "answer_start": []},
        {"text": ["BBo", "CCy"], "answer_start": [0, 9]},
    ]


def test_texts_move_where_a_task_says_that_they_are_answers():
    table = perturb(insist, targets=["Bo", "", "Cy"]).rows.table
    assert table["target"].to_pylist() == ["BBo", "", "CCy"]
    assert perturb(insist, targets=["Bo", "", "Cy"], task=None).rows.table["target"].to_pylist() == ["Bo", "", "Cy"]


def test_a_row_whose_answer_is_cut_is_declined_and_counted():
    perturbed = perturb(halve)
    assert (perturbed.rows.ids.to_pylist(), perturbed.declined) == (["a", "b"], 1)


def test_a_perturbation_without_edits_is_refused():
    with pytest.raises(UsageError, match="the targets lie in it"):
        perturb(plain, edits=False)
