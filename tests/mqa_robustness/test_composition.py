"""Several perturbations of a row, one after the other: what a suite writes as a list."""

from __future__ import annotations

import pyarrow as pa
import pytest

from mqa_registry.execution.rows.row_sets import apply_perturbations
from mqa_registry.suite import Use
from mqa_registry.types import Rows
from mqa_registry.types.schemas import SPAN
from mqa_robustness import mqa_perturbations

EVERY = {one.name: one for one in mqa_perturbations()}
TEXTS = {
    "a": "I do not think that the 3 colors of Bogot\u00e1 are great",
    "b": "The theater of Bogot\u00e1 is good",
    "c": "Great!",
}


def use(name, **options):
    return Use(f"robustness/{name}", EVERY[name], options)


def after(*uses, targets=None):
    """The text of every row that is left, and its target."""
    columns = {"id": list(TEXTS), "text": list(TEXTS.values())}
    if targets is not None:
        columns["target"] = pa.array(targets, pa.list_(SPAN))
    return apply_perturbations(Rows(pa.table(columns), ("text",)), uses, None, 7).rows.table


def texts(*uses):
    table = after(*uses)
    return dict(zip(table["id"].to_pylist(), table["text"].to_pylist(), strict=True))


def test_each_sees_what_the_one_before_it_left():
    found = texts(use("numbers-to-words"), use("contractions"), use("british-spelling"), use("upper-case"))
    assert found["a"] == "I DON'T THINK THAT THE THREE COLOURS OF BOGOT\u00c1 ARE GREAT"


def test_the_order_matters():
    assert texts(use("contractions"), use("strip-punctuation"))["a"].startswith("I dont think")
    assert texts(use("strip-punctuation"), use("contractions"))["a"].startswith("I don't think")


def test_what_one_makes_another_can_take_back():
    assert texts(use("contractions"), use("expansions"))["a"] == TEXTS["a"]
    assert texts(use("british-spelling"), use("american-spelling")) == TEXTS


def test_a_row_that_one_declines_is_declined():
    assert texts(use("upper-case"), use("negation")) == {"b": "THE THEATER OF BOGOT\u00c1 IS NOT GOOD"}


def test_a_perturbation_draws_the_same_alone_and_after_another():
    alone = texts(use("word-order", rate=1.0))
    behind = texts(use("upper-case"), use("word-order", rate=1.0))
    assert behind == {name: text.upper() for name, text in alone.items()}


@pytest.mark.parametrize("name", ["homophones", "abbreviations", "repeated-word", "filler-words", "typos"])
def test_severities_nest_behind_another_perturbation(name):
    before = texts(use("expansions"))["a"]
    found = [texts(use("expansions"), use(name, severity=severity))["a"] for severity in (1, 2, 3, 4, 5)]
    changed = [differing(before, after) for after in found]
    assert changed == sorted(changed)
    assert changed[-1] > 0


def differing(before, after):
    """How many words of one text are not in the other."""
    return sum(word not in before.split() for word in after.split()) + abs(len(after.split()) - len(before.split()))


def test_spans_move_through_all_of_them():
    def spans(row):
        start = TEXTS[row].find("Bogot\u00e1")
        return [{"start": start, "end": start + 6, "label": "place", "score": None}] if start >= 0 else []

    uses = [
        use("numbers-to-words"),
        use("filler-words", rate=1.0),
        use("extra-sentence", position="before"),
        use("upper-case"),
    ]
    table = after(*uses, targets=[spans(row) for row in TEXTS])
    for text, (span,) in zip(table["text"].to_pylist()[:2], table["target"].to_pylist()[:2], strict=True):
        assert text[span["start"] : span["end"]] == "BOGOT\u00c1"
    assert table["target"].to_pylist()[2] == []
