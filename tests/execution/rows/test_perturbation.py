"""Perturbed rows: spans move with edits of a text, and rows know how far they lie from what they were."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_registry.contributions import Perturbation
from mqa_registry.errors import UsageError
from mqa_registry.execution.rows.edit_distance import MAX_COMPARED, edit_distance
from mqa_registry.execution.rows.row_sets import apply_perturbations
from mqa_registry.suite import Use
from mqa_registry.types import Rows
from mqa_registry.types.schemas import SPAN
from tests.stand_ins import make_task

TEXTS = ["Ann met Bo", "nobody", "Cy"]
SPANS = [
    [
        {"start": 0, "end": 3, "label": "person", "score": None},
        {"start": 8, "end": 10, "label": "person", "score": 1.0},
    ],
    [],
    None,
]


def insist(example, rng):
    """Every name starts with a letter more."""
    return {
        field: [(n, n + 1, text[n] * 2) for n in range(len(text)) if text[n].isupper()]
        for field, text in example.items()
    }


def hurry(example, rng):
    """The first word is left out; a row of one word is declined."""
    if any(" " not in text for text in example.values()):
        return None
    return {field: [(0, text.index(" ") + 1, "")] for field, text in example.items()}


def plain(example, rng):
    return {field: text.upper() for field, text in example.items()}


def shift(example, target, rng):
    spans = [{**span, "start": span["start"] + 1, "end": span["end"] + 1} for span in target]
    return {field: f" {text}" for field, text in example.items()}, spans


def rows(targets=SPANS, **more):
    kind = pa.list_(SPAN) if targets is SPANS else pa.string()
    columns = {"text": TEXTS, **more}
    table = pa.table({"id": ["a", "b", "c"], **columns, "target": pa.array(targets, kind)})
    return Rows(table, tuple(columns))


def use(function, **facts):
    return Use(f"letters/{function.__name__}", Perturbation(function.__name__, function, modality="text", **facts))


def after(rows, *uses):
    return apply_perturbations(rows, uses, None, 7)


def words(seen):
    """What each row's spans say now."""
    table = seen.rows.table
    pairs = zip(table["text"].to_pylist(), table["target"].to_pylist(), strict=True)
    return [spans and [text[span["start"] : span["end"]] for span in spans] for text, spans in pairs]


def test_the_text_is_edited_and_its_spans_move():
    seen = after(rows(), use(insist, edits=True))
    assert seen.rows.table["text"].to_pylist() == ["AAnn met BBo", "nobody", "CCy"]
    assert words(seen) == [["AAnn", "BBo"], [], None]
    assert seen.changed == 2


def test_a_span_keeps_its_label_and_its_score():
    seen = after(rows(), use(insist, edits=True))
    assert [(span["label"], span["score"]) for span in seen.rows.table["target"][0].as_py()] == [
        ("person", None),
        ("person", 1.0),
    ]


def test_spans_move_through_several_perturbations():
    assert words(after(rows(), use(insist, edits=True), use(insist, edits=True))) == [["AAAAnn", "BBBBo"], [], None]


def test_a_span_that_is_cut_out_is_gone_and_a_declined_row_with_its_target():
    seen = after(rows(), use(hurry, edits=True))
    assert words(seen) == [["Bo"]]
    assert seen.declined == 2


def test_another_target_is_left_as_it_is():
    seen = after(rows(["x", "y", None]), use(insist, edits=True))
    assert seen.rows.table["target"].to_pylist() == ["x", "y", None]


def test_a_perturbation_without_edits_is_refused_where_targets_are_spans():
    with pytest.raises(UsageError, match="does not say where"):
        after(rows(), use(plain))
    assert after(rows(["x", "y", "z"]), use(plain)).changed == 3


def test_one_that_moves_the_target_itself_does_so():
    whole = rows()
    seen = after(Rows(whole.table.slice(0, 2), whole.fields), use(shift, target_effect="moves"))
    assert words(seen) == [["Ann", "Bo"], []]


def test_spans_of_one_text_of_several_are_refused():
    with pytest.raises(UsageError, match="any of `other`, `text`"):
        after(rows(other=TEXTS), use(insist, edits=True))


@pytest.mark.parametrize("edits", [[(0, 99, "")], [(1, 0, "")], "no edits"])
def test_invalid_edits_are_an_error_of_the_perturbation(edits):
    def broken(example, rng):
        return dict.fromkeys(example, edits)

    failure = after(rows(), use(broken, edits=True))
    assert failure.message.startswith("the perturbation `")
    assert failure.message.endswith(", on row `a`")
    assert failure.trace


ANY_TEXT = st.text(st.characters(exclude_categories=[]), max_size=12)


def by_the_book(one, other):
    """Wagner and Fischer's table (J. ACM 21, 1974)."""
    table = np.zeros((len(one) + 1, len(other) + 1), dtype=int)
    table[0], table[:, 0] = np.arange(len(other) + 1), np.arange(len(one) + 1)
    for row, left in enumerate(one, 1):
        for column, right in enumerate(other, 1):
            swapped = table[row - 1, column - 1] + (left != right)
            table[row, column] = min(table[row - 1, column] + 1, table[row, column - 1] + 1, swapped)
    return int(table[-1, -1])


@given(ANY_TEXT, ANY_TEXT)
def test_the_edit_distance_is_the_textbooks_for_any_text(one, other):
    assert edit_distance({"text": one}, {"text": other}) == by_the_book(one, other)


def test_fields_add_up_and_what_is_no_text_does_not_count():
    before, after = {"a": "kitten", "b": "x", "n": 3}, {"a": "sitting", "b": "xy", "n": 4}
    assert edit_distance(before, after) == 4
    assert edit_distance({"n": 3}, {"n": 4}) is None


def test_of_enormous_texts_the_beginning_is_compared():
    assert edit_distance({"text": "a" * 10**6}, {"text": "b" * 10**6}) == MAX_COMPARED


@pytest.mark.parametrize(("put", "changed", "mean"), [("xyz", 4, 3.0), ("", 0, None)])
def test_perturbed_rows_know_how_far_they_lie_from_what_they_were(put, changed, mean):
    def longer(example, rng):
        return {"text": example["text"] + put}

    rows = Rows(pa.table({"id": ["1", "2", "3", "4"], "text": ["", "abc", "ab", "abcdef"]}), ("text",))
    found = apply_perturbations(rows, [Use("test/longer", Perturbation("longer", longer, modality="text"))], None, 7)
    assert (found.changed, found.edits) == (changed, mean)


def test_a_row_that_did_not_change_does_not_count_to_the_mean():
    def shorter(example, rng):
        return {"text": example["text"][:2]}

    rows = Rows(pa.table({"id": ["1", "2", "3", "4"], "text": ["", "abc", "ab", "abcdef"]}), ("text",))
    found = apply_perturbations(rows, [Use("test/shorter", Perturbation("shorter", shorter, modality="text"))], None, 7)
    assert (found.changed, found.edits) == (2, 2.5)


def swap(example, rng):
    """The whole text is another one, of which nothing tells where its words come from."""
    return {field: [(0, len(text), text[::-1])] if " " in text else [] for field, text in example.items()}


def test_a_row_whose_span_is_cut_is_declined_and_counted():
    seen = after(rows(), use(swap, edits=True))
    assert seen.rows.table["id"].to_pylist() == ["b", "c"]
    assert seen.declined == 1


WORDS = [["Ann", "met", "Bo"], ["nobody"]]
TAGS = [["B-PER", "O", "B-PER"], ["O"]]


def words_of(*uses, targets=TAGS):
    """The words and tags of rows of words, perturbed."""
    task = make_task(fields={"tokens": "words"}, schema="spans")
    table = pa.table({"id": ["a", "b"], "tokens": WORDS, "target": targets})
    seen = apply_perturbations(Rows(table, ("tokens",)), uses, task, 7)
    return seen, seen.rows.table.select(["tokens", "target"]).to_pydict()


def test_the_tags_of_words_move_with_them():
    seen, table = words_of(use(hurry, edits=True))
    assert table == {"tokens": [["met", "Bo"]], "target": [["O", "B-PER"]]}
    assert (seen.declined, seen.changed, seen.edits) == (1, 1, 4.0)


def test_a_word_that_is_inserted_has_no_tag():
    def greet(example, rng):
        return {field: [(0, 0, "oh ")] for field in example}

    _, table = words_of(use(greet, edits=True))
    assert table["tokens"] == [["oh", "Ann", "met", "Bo"], ["oh", "nobody"]]
    assert table["target"] == [[None, "B-PER", "O", "B-PER"], [None, "O"]]


def test_words_are_not_perturbed_by_what_gives_no_edits():
    with pytest.raises(UsageError, match="does not say where it changes a text"):
        words_of(use(plain))
