"""Spans as targets: of a text, or as tags of words; and what is said of those that cannot be."""

from __future__ import annotations

import pyarrow as pa
import pytest

from mqa_registry import DataError
from mqa_registry.types import Rows, as_predictions, get_schema, read_targets
from mqa_registry.types.schemas import MisfitError

TAGS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")
KIND = pa.list_(pa.struct([("start", pa.int64()), ("end", pa.int64()), ("label", pa.string())]))


def read(targets, kind=None, classes=TAGS, **fields):
    columns = {"id": [str(row) for row in range(len(targets))], **fields, "target": pa.array(targets, kind)}
    targets = read_targets(Rows(pa.table(columns), tuple(fields)), "spans", classes, data="news")
    return [row and [(one["start"], one["end"], one["label"]) for one in row] for row in targets.to_pylist()]


def span(start, end, label="PER"):
    return {"start": start, "end": end, "label": label}


def refuse(targets, kind=KIND, **more):
    with pytest.raises(DataError) as refused:
        read(targets, kind, **more)
    return refused.value


def test_spans_of_a_text_are_read_in_their_order():
    found = read([[span(7, 11, "LOC"), span(0, 3)], [], None], KIND, text=["Ann in Rome", "no", "who"])
    assert found == [[(0, 3, "PER"), (7, 11, "LOC")], [], None]


@pytest.mark.parametrize(
    "tags",
    [
        ["B-PER", "I-PER", "O", "B-LOC"],
        [1, 2, 0, 3],
        ["I-PER", "I-PER", "O", "I-LOC"],
        ["B-PER", "L-PER", "O", "U-LOC"],  # another scheme than the model's
        ["B-PER", "I-PER", None, "B-LOC"],
    ],
    ids=["names", "positions", "without B", "BILOU", "a word without a tag"],
)
def test_tags_of_words_are_spans_of_the_words_joined_by_spaces(tags):
    words = ["Ann", "Lee", "in", "Rome"]
    assert read([tags], tokens=[words]) == [[(0, 7, "PER"), (11, 15, "LOC")]]


@pytest.mark.parametrize(
    "tags",
    [["PER", "PER", "O", "LOC"], ["B-PER", "I-PER", "O", "B-LOC"], ["B-PER", "L-PER", "O", "U-LOC"], [1, 1, 0, 2]],
)
def test_tags_with_and_without_prefixes_mark_the_same_for_a_model_whose_tags_have_none(tags):
    found = read([tags], classes=("O", "PER", "LOC"), tokens=[["Ann", "Lee", "in", "Rome"]])
    assert found == [[(0, 7, "PER"), (11, 15, "LOC")]]


@pytest.mark.parametrize(
    ("spans", "said"),
    [
        ([span(0, 12)], "row 2 of the data set `news` has a span from 0 to 12, and its text has 11 characters"),
        ([span(3, 3)], "row 2 of the data set `news` has a span from 3 to 3"),
        ([span(5, 3)], "row 2 of the data set `news` has a span from 5 to 3"),
        ([span(-1, 3)], "row 2 of the data set `news` has a span from -1 to 3"),
        ([span(0, 5), span(4, 6)], "row 2 of the data set `news` has spans that overlap, 0 to 5 and 4 to 6"),
        ([span(0, 3, "DOG")], "has a span with the label `DOG`, which the model does not know; it knows `LOC`, `PER`"),
        ([span(0, 3, None)], "row 2 of the data set `news` has a span without `label`"),
        ([None], "row 2 of the data set `news` has a span without `start`"),
    ],
)
def test_a_span_that_cannot_be_is_refused_with_its_row(spans, said):
    assert said in refuse([[], spans], text=["", "Ann in Rome"]).message


@pytest.mark.parametrize(
    ("position", "type_", "said"),
    [
        (1.5, pa.float64(), "1.5"),
        (float("inf"), pa.float64(), "inf"),
        ("1", pa.string(), "'1'"),
        (True, pa.bool_(), "True"),
    ],
)
@pytest.mark.parametrize("name", ["start", "end"])
def test_a_position_that_is_no_whole_number_is_refused_and_not_cut(name, position, type_, said):
    kinds = {"start": pa.int64(), "end": pa.int64()} | {name: type_}
    kind = pa.list_(pa.struct([*kinds.items(), ("label", pa.string())]))
    refused = refuse([[span(0, 3) | {name: position}]], kind, text=["Ann in Rome"])
    assert refused.message == f"row 1 of the data set `news` has a span whose `{name}` is {said}"
    assert "whole numbers" in refused.hint


def test_whole_positions_may_be_written_as_floats():
    """As pandas has them, where some are missing."""
    kind = pa.list_(pa.struct([("start", pa.float64()), ("end", pa.float64()), ("label", pa.string())]))
    (((start, end, _),),) = read([[span(0.0, 3.0)]], kind, text=["Ann in Rome"])
    assert (start, end) == (0, 3)
    assert type(start) is type(end) is int


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        (["B-PER"], "row 1 of the data set `news` has 1 tag for 2 tokens"),
        (["B-PER", "B-DOG"], "row 1 of the data set `news` has the tag `B-DOG`, which the model does not know"),
        ([1, 9], "row 1 of the data set `news` has the tag 9, and there are 5, numbered from 0"),
    ],
)
def test_tags_that_cannot_be_are_refused_with_their_row(tags, said):
    assert said in refuse([tags], None, tokens=[["Ann", "Lee"]]).message


def test_tags_need_the_words_that_they_are_of():
    refused = refuse([["O"]], None, text=["Ann"])
    assert refused.message == "the targets of the data set `news` are tags, and its rows have no `tokens`"
    assert "tokens" in refused.hint


def test_numbers_need_the_names_of_the_tags():
    assert "has the tag 1, and their names are not known" in refuse([[1]], None, classes=(), tokens=[["Ann"]]).message


def test_other_targets_are_refused_by_their_type():
    assert "holds string, and spans are needed" in refuse(["PER"], None, text=["Ann"]).message


def test_a_prediction_from_elsewhere_ends_behind_its_start():
    with pytest.raises(DataError, match="row `b` has a span from 4 to 2"):
        as_predictions(pa.table({"id": ["a", "b"], "spans": pa.array([[], [span(4, 2)]], KIND)}), "spans")


def test_a_codec_gives_spans_that_end_behind_their_start():
    column = pa.chunked_array([pa.array([[{**span(4, 2), "score": 0.5}]], get_schema("spans").type)])
    with pytest.raises(MisfitError, match="does not end behind its start"):
        get_schema("spans").check_decoded({"spans": column}, TAGS)


def test_spans_of_a_sound_are_not_held_against_the_length_of_a_text():
    targets = pa.array([[span(0, 900, "speech")]], KIND)
    columns = {"id": ["0"], "audio": [b"RIFF"], "source": ["calls"], "target": targets}
    rows = Rows(pa.table(columns), ("audio", "source"), blobs=("audio",))
    (row,) = read_targets(rows, "spans", ("O", "speech"), data="calls").to_pylist()
    assert [one["end"] for one in row] == [900]


def test_spans_are_equal_whatever_their_scores_and_order():
    canonicalize = get_schema("spans").canonicalize
    assert canonicalize([span(0, 1), {**span(2, 3), "score": 0.1}]) == canonicalize([span(2, 3), span(0, 1)])
    assert canonicalize([span(0, 1)]) != canonicalize([span(0, 1, "LOC")])
    assert canonicalize(None) is None
