"""Placeholders of a text, such as masks, stay as they are whatever perturbs the text."""

from __future__ import annotations

import pyarrow as pa
import pytest

from mqa_registry.contributions import Perturbation
from mqa_registry.execution.rows.row_sets import apply_perturbations
from mqa_registry.observations import Failure
from mqa_registry.suite import Use
from mqa_registry.types import Rows
from tests.stand_ins import make_task

TEXTS = ["a [MASK] is [MASK]", "nobody", "[MASK] m"]
TASK = make_task(fields={"text": "text"}, placeholders=r"\[MASK\]")


def each_letter(example, rng):
    """Every letter twice."""
    text = example["text"]
    return {"text": [(n, n + 1, text[n] * 2) for n in range(len(text)) if text[n].isalpha()]}


def between(example, rng):
    """Something in front of every letter and behind the text."""
    text = example["text"]
    return {"text": [(n, n, "_") for n in range(len(text) + 1) if text[n : n + 1] in ("", "[", "M", "m")]}


def across(example, rng):
    """All but the first letter is replaced."""
    return {"text": [(1, len(example["text"]), "...")]}


def shout(example, rng):
    return {"text": example["text"].upper()}


def whisper(example, rng):
    return {"text": example["text"].lower()}


def beyond(example, rng):
    return {"text": [(0, 100, "")]}


def perturb(function, *, edits=True, task=TASK):
    use = Use(f"letters/{function.__name__}", Perturbation(function.__name__, function, modality="text", edits=edits))
    return apply_perturbations(Rows(pa.table({"id": list("abc"), "text": TEXTS}), ("text",)), (use,), task, 7)


@pytest.mark.parametrize(
    ("function", "texts"),
    [
        (each_letter, ["aa [MASK] iiss [MASK]", "nnoobbooddyy", "[MASK] mm"]),
        (between, ["a _[MASK] is _[MASK]_", "nobody_", "_[MASK] _m_"]),
        (across, ["a [MASK] is [MASK]", "n...", "[MASK] m"]),
    ],
)
def test_edits_that_reach_into_a_placeholder_are_left_out(function, texts):
    assert perturb(function).rows.table["text"].to_pylist() == texts


def test_a_row_whose_placeholders_a_perturbation_without_edits_changes_is_declined():
    assert perturb(shout, edits=False).rows.table["text"].to_pylist() == ["A [MASK] IS [MASK]", "NOBODY", "[MASK] M"]
    whispered = perturb(whisper, edits=False)
    assert (whispered.rows.table["text"].to_pylist(), whispered.declined) == (["nobody"], 2)


def test_a_task_without_placeholders_has_its_texts_edited_everywhere():
    table = perturb(each_letter, task=make_task(fields={"text": "text"})).rows.table
    assert table["text"].to_pylist()[2] == "[MMAASSKK] mm"


def test_edits_that_cannot_be_are_refused_wherever_they_reach():
    failure = perturb(beyond)
    assert isinstance(failure, Failure)
    assert "edits that cannot be applied" in failure.message
