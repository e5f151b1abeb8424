"""Spans as services write them: lists of objects, those of a transformers pipeline too, or one tag for each token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from mqa_registry import DataError, TagScheme, counted, place_words
from mqa_replay.columns import ID, LogFormat, PredictionLog, parse_json, set_column
from mqa_replay.objects import BLOCK_ROWS, find_objects, is_list_of_objects

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SPANS, TAGS, TOKENS = "spans", "tags", "tokens"
SPAN_NAMES = ("entities", "predictions", "prediction", "output", "outputs", "result", "ner")
LABEL_KEYS = ("label", "entity_group", "entity", "type")  # of an object, the first that it has
SPAN = pa.list_(
    pa.struct([("start", pa.int64()), ("end", pa.int64()), ("label", pa.string()), ("score", pa.float64())])
)


def with_spans(log: PredictionLog, log_format: LogFormat) -> PredictionLog:
    """The log with a column `spans`: its own, else that of another usual name, else from `tags` of `tokens`."""
    source = find_objects(log, SPANS, SPAN_NAMES)
    if source:
        column = parse_json(log.table.column(source))
        if not is_list_of_objects(column.type) and not pa.types.is_null(column.type):
            return log  # refused by its type
        spans = _convert(column, _read_objects)
        remark = () if source == SPANS else (f"spans from `{source}`",)
        return log.with_table(set_column(log.table, SPANS, spans), *remark)
    if not log.has(TAGS):
        return log
    if not log.has(TOKENS):
        raise DataError(
            "`tags` are of tokens, and there is no column `tokens`",
            hint='write the words next to their tags, or name their column: `columns = { tokens = "..." }`',
        )
    table = pa.table({name: parse_json(log.table.column(name)) for name in (TAGS, TOKENS)})
    spans = _tags_to_spans(table, log.table.column(ID), log_format.classes)
    return log.with_table(set_column(log.table, SPANS, spans), "spans from `tags` of `tokens`")


def _convert(column: pa.ChunkedArray, read: Any) -> pa.ChunkedArray:
    blocks = (column.slice(start, BLOCK_ROWS).to_pylist() for start in range(0, max(1, len(column)), BLOCK_ROWS))
    return pa.chunked_array([pa.array(map(read, block), SPAN) for block in blocks], SPAN)


def _read_objects(row: Sequence[dict[str, Any]] | None) -> list[dict[str, Any]] | None:
    """The spans of a row; what an object lacks is null."""
    if row is None:
        return None
    return [
        {
            "start": span.get("start"),
            "end": span.get("end"),
            "label": next((span[key] for key in LABEL_KEYS if span.get(key) is not None), None),
            "score": span.get("score"),
        }
        for span in row
    ]


def _tags_to_spans(table: pa.Table, ids: pa.ChunkedArray, classes: Sequence[str] | None) -> pa.ChunkedArray:
    """The spans that tags mark, in characters of the tokens joined by single spaces; integers are positions of `classes`."""
    scheme = TagScheme.of(classes) if classes else TagScheme.of(_iter_tags(table))
    blocks = []
    for start in range(0, max(1, len(table)), BLOCK_ROWS):
        block = table.slice(start, BLOCK_ROWS).to_pylist()
        rows = [_read_tags(row, ids, number, scheme, classes) for number, row in enumerate(block, start)]
        blocks.append(pa.array(rows, SPAN))
    return pa.chunked_array(blocks, SPAN)


def _iter_tags(table: pa.Table) -> Iterator[str]:
    for batch in table.select([TAGS]).to_batches(max_chunksize=BLOCK_ROWS):
        yield from (str(tag) for tags in batch.column(0).to_pylist() for tag in tags or ())


def _read_tags(
    row: dict[str, Any], ids: pa.ChunkedArray, number: int, scheme: TagScheme, classes: Sequence[str] | None
) -> list[dict[str, Any]] | None:
    tags, tokens = row[TAGS], row[TOKENS]
    if tags is None or tokens is None:
        return None
    if len(tags) != len(tokens):
        raise DataError(
            f"row `{ids[number]}` has {counted(len(tags), 'tag')} for {counted(len(tokens), 'token')}",
            hint="each token has one tag, `O` outside of entities",
        )
    names = [_name_tag(tag, str(ids[number]), classes) for tag in tags]
    places = place_words(tokens)
    return [
        {"start": places[one.start][0], "end": places[one.stop - 1][1], "label": one.type, "score": None}
        for one in scheme.find_entities(names)
    ]


def _name_tag(tag: Any, name: str, classes: Sequence[str] | None) -> str:
    if not isinstance(tag, int):
        return str(tag)
    if classes is None or not 0 <= tag < len(classes):
        raise DataError(
            f"row `{name}` has the tag {tag}, which is no name",
            hint='name the tags in their order: `classes = ["O", "B-PER", ...]`',
        )
    return classes[tag]
