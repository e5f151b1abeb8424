"""Spans that were predicted elsewhere: as objects, and as tags of tokens."""

from __future__ import annotations

import json

import pytest

from mqa_registry import DataError
from mqa_replay.file import FileOptions, FileReplay

SPANS = [
    [{"start": 0, "end": 3, "label": "PER", "score": None}, {"start": 7, "end": 11, "label": "LOC", "score": None}],
    [],
]
TOKENS = [["Ann", "in", "Rome"], ["no"]]


@pytest.fixture
def read(tmp_path):
    def make(rows, **options):
        path = tmp_path / "spans.jsonl"
        lines = (json.dumps({"id": str(number), **row}) for number, row in enumerate(rows))
        path.write_text("\n".join(lines), "utf-8")
        return FileReplay().read("news", FileOptions(path=path, schema="spans", **options))

    return make


@pytest.mark.parametrize("key", ["label", "entity_group", "entity"])
def test_objects_of_a_pipeline_are_spans(read, key):
    rows = [
        {"entities": [{"start": one["start"], "end": one["end"], key: one["label"], "word": "x"} for one in row]}
        for row in SPANS
    ]
    predictions = read(rows)
    assert predictions.to_pylist() == SPANS
    assert predictions.read == "spans from `entities`"


@pytest.mark.parametrize(
    ("tags", "options"),
    [
        ([["B-PER", "O", "B-LOC"], ["O"]], {}),
        ([[1, 0, 2], [0]], {"classes": ("O", "B-PER", "B-LOC")}),
    ],
)
def test_tags_of_tokens_are_spans_of_the_tokens_joined_by_spaces(read, tags, options):
    predictions = read([{"tags": one, "tokens": words} for one, words in zip(tags, TOKENS, strict=True)], **options)
    assert predictions.to_pylist() == SPANS
    assert predictions.read == "spans from `tags` of `tokens`"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"tags": ["O"], "tokens": ["a", "b"]}, "row `0` has 1 tag for 2 tokens"),
        ({"tags": [1], "tokens": ["a"]}, "row `0` has the tag 1, which is no name"),
        ({"tags": ["O"]}, "there is no column `tokens`"),
        ({"spans": [{"start": 3, "end": 1, "label": "PER"}]}, "row `0` has a span from 3 to 1"),
        ({"spans": [{"start": 3, "end": 4}]}, "row `0` has spans without `label`"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_row(read, row, said):
    with pytest.raises(DataError) as refused:
        read([row])
    assert said in refused.value.message
