"""Answers that stand in a context: how they are written, which are the same, and how they move with edits."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_registry import DataError
from mqa_registry.types import Rows, edited, get_schema, move_answers, normalize_answer, read_targets
from mqa_registry.types.answers import Answer, parse_answers
from mqa_registry.types.schemas.schema import MisfitError

CONTEXT = "Ann met Bo in Rome. Bo left."
LISTS = {"text": ["Bo", "Rome"], "answer_start": [8, 14]}
OBJECTS = [{"text": "Bo", "answer_start": 8}, {"text": "Rome", "answer_start": 14}]


@pytest.mark.parametrize(
    ("text", "normalized"),
    [
        ("The Eiffel Tower!", "eiffel tower"),
        ("  an  apple a day ", "apple day"),
        ("theatre", "theatre"),
        ("U.S.", "us"),
        ("The", ""),
        ("Zoë's", "zoës"),
    ],
)
def test_answers_are_normalized_as_squad_does(text, normalized):
    assert normalize_answer(text) == normalized


@pytest.mark.parametrize(
    ("target", "answers"),
    [
        ("Bo", [Answer("Bo")]),
        ("", []),
        (["Bo", "Rome"], [Answer("Bo"), Answer("Rome")]),
        ([], []),
        (LISTS, [Answer("Bo", 8), Answer("Rome", 14)]),
        (OBJECTS, [Answer("Bo", 8), Answer("Rome", 14)]),
        ({"text": [], "answer_start": []}, []),
        ({"text": "Bo", "answer_start": 8}, [Answer("Bo", 8)]),
        ({"text": ["Bo"], "answer_start": None}, [Answer("Bo")]),
    ],
)
def test_a_target_is_a_text_a_list_of_texts_or_what_squad_has(target, answers):
    assert parse_answers(target) == answers


@pytest.mark.parametrize(
    ("target", "moved"),
    [
        (LISTS, {"text": ["Boo", "Rome"], "answer_start": [11, 18]}),
        (OBJECTS, [{"text": "Boo", "answer_start": 11}, {"text": "Rome", "answer_start": 18}]),
        (["Rome", ""], ["Rome", ""]),
        ("Rome", "Rome"),
        ("Bo", None),  # its second copy stays as it is
        ("Bern", "Bern"),
        ([], []),
    ],
)
def test_answers_move_with_edits_of_their_context(target, moved):
    assert move_answers(target, CONTEXT, [(3, 3, "ika"), (9, 10, "oo")]) == moved


def test_all_copies_of_an_answer_may_change_alike():
    edits = [(8, 10, "BO"), (20, 22, "BO")]
    assert move_answers("Bo", CONTEXT, edits) == "BO"
    assert move_answers(["Bo", "Rome"], CONTEXT, edits) == ["BO", "Rome"]


@pytest.mark.parametrize("edits", [[(8, 11, "")], [(6, 9, "xyzuv")], [(0, 28, "")]])
def test_an_answer_that_is_cut_or_taken_out_has_no_counterpart(edits):
    assert move_answers(LISTS, CONTEXT, edits) is None
    assert move_answers({"text": [], "answer_start": []}, CONTEXT, edits) == {"text": [], "answer_start": []}


@given(
    st.lists(st.integers(0, len(CONTEXT)), min_size=1, max_size=4, unique=True), st.text("ab ", min_size=1, max_size=3)
)
def test_a_moved_answer_stands_where_it_is_said_to(places, inserted):
    edits = [(place, place, inserted) for place in sorted(places)]
    moved, after = move_answers(LISTS, CONTEXT, edits), edited(CONTEXT, edits)
    for text, start in zip(moved["text"], moved["answer_start"], strict=True):
        assert after[start : start + len(text)] == text


def targets_of(values, kind=None, **columns):
    table = pa.table({"id": [str(n) for n in range(len(values))], **columns, "target": pa.array(values, kind)})
    return read_targets(Rows(table, tuple(columns)), "answer", (), data="notes").to_pylist()


def test_targets_are_lists_of_distinct_texts():
    assert targets_of([LISTS, None, {"text": ["Bo", "Bo"], "answer_start": [8, 20]}], context=[CONTEXT] * 3) == [
        ["Bo", "Rome"], None, ["Bo"],
    ]  # fmt: skip
    assert targets_of(["Bo", "", None]) == [["Bo"], [], None]


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ({"text": ["Bo"], "answer_start": [9]}, "row 2 of the data set `notes` has the answer `Bo` at 9, and its context has `o `"),
        ({"text": ["Bo"], "answer_start": [99]}, "row 2 of the data set `notes` has the answer `Bo` at 99, and its context has 28"),
        ({"text": ["Bo"], "answer_start": [-1]}, "`Bo` at -1"),
        ({"text": ["Bo", "Rome"], "answer_start": [8]}, "row 2 of the data set `notes` has answers with 2 texts, and 1 pos"),
    ],
)  # fmt: skip
def test_an_answer_that_is_not_where_it_is_said_to_be_is_refused_with_its_row(target, said):
    with pytest.raises(DataError) as refused:
        targets_of([LISTS, target], context=[CONTEXT] * 2)
    assert said in refused.value.message


def test_a_text_that_is_not_in_its_context_is_refused_with_its_row():
    with pytest.raises(
        DataError, match="row 1 of the data set `notes` has the answer `bo`, which is not in its context"
    ):
        targets_of(["bo"], context=[CONTEXT])


@pytest.mark.parametrize("kind", [pa.int64(), pa.list_(pa.list_(pa.string()))])
def test_targets_of_another_kind_are_refused(kind):
    with pytest.raises(DataError, match="and answers are needed"):
        targets_of([None], kind)


def test_an_answer_is_right_by_any_target_and_equal_by_its_text():
    agree = get_schema("answer").agree
    assert agree("the Bo.", ["Rome", "bo"])
    assert not agree("Rom", ["Rome"])
    assert agree("", [])
    assert not agree("Bo", [])
    assert not agree("bo", "Bo")
    assert agree("Bo", "Bo")


def test_an_answer_does_not_end_in_front_of_its_start():
    columns = {name: pa.chunked_array([[value]]) for name, value in (("answer", "Bo"), ("start", 3), ("end", 2))}
    with pytest.raises(MisfitError):
        get_schema("answer").check_decoded(columns, ())
