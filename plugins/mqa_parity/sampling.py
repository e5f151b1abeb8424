"""Rows of a view that a probe runs: drawn by the suite's seed, named by their ids, or all others."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from mqa_parity.batching import Row, valid_positions
from mqa_registry import DataError, NotRunError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from mqa_parity.batching import Arrays
    from mqa_registry import Codec, ProbeContext

OVERSAMPLING = 4  # times as many rows as asked for are encoded, to find the shortest and the longest among them
CHUNK_ROWS = 64  # rows encoded at a time: an encoded row may be an image


def require_codec(context: ProbeContext) -> Codec:
    """How rows become arrays; raises NotRunError where the suite has no model."""
    if context.model_under_test is None:
        raise NotRunError("there is no model whose outputs could be compared", hint="give the suite a `[model]`")
    return context.model_under_test.codec


def sample_rows(context: ProbeContext, number: int, including: Sequence[str] = ()) -> list[Row]:
    """`number` rows of the view by the suite's seed: the shortest and the longest of a larger draw, then others.

    Rows with the ids in `including` come before others; raises DataError for an id that no row has.
    """
    codec, table = require_codec(context), context.view.rows.table
    fields = list(context.view.rows.fields)
    order = dict.fromkeys([*_row_indices(table, including), *context.rng.permutation(table.num_rows).tolist()])
    drawn = table.take(pa.array([*order][: OVERSAMPLING * number], pa.int64()))
    lengths = np.array([_length(codec, row) for row in _encode(codec, drawn.select(fields))])
    if not len(lengths):
        raise NotRunError("there are no rows to run")
    extremes = (int(lengths.argmin()), int(lengths.argmax()))
    indices = list(dict.fromkeys((*extremes, *range(len(lengths)))))[:number]
    return _encoded_rows(codec, drawn.take(pa.array(indices)), fields)


def remaining_rows(context: ProbeContext, excluded: Collection[str]) -> Iterator[list[Row]]:
    """All rows of the view but those with the `excluded` ids, `CHUNK_ROWS` at a time."""
    codec, table, fields = require_codec(context), context.view.rows.table, list(context.view.rows.fields)
    others = table.filter(pa.array([name not in excluded for name in table.column("id").to_pylist()], pa.bool_()))
    for start in range(0, others.num_rows, CHUNK_ROWS):
        yield _encoded_rows(codec, others.slice(start, CHUNK_ROWS), fields)


def rows_by_id(context: ProbeContext, ids: Sequence[str]) -> list[Row]:
    """Rows of the view with these ids, in this order."""
    table, fields = context.view.rows.table, list(context.view.rows.fields)
    return _encoded_rows(require_codec(context), table.take(pa.array(_row_indices(table, ids), pa.int64())), fields)


def max_tokens(context: ProbeContext) -> int | None:
    """The longest row that the model takes, in tokens; None where it does not say, or all rows have one length."""
    if (
        context.model_under_test is None
        or not require_codec(context).padding_mask
        or require_codec(context).length is not None
    ):
        return None
    positions = context.model_under_test.model.about.get("positions")
    return positions if isinstance(positions, int) else None


def _encoded_rows(codec: Codec, table: pa.Table, fields: Sequence[str]) -> list[Row]:
    examples = table.select(fields)
    rows = zip(table.column("id").to_pylist(), _encode(codec, examples), examples.to_pylist(), strict=True)
    return [
        Row(str(name), arrays, codec.cost(arrays), _text_fields(example), _tokens(codec, arrays))
        for name, arrays, example in rows
    ]


def _row_indices(table: pa.Table, ids: Sequence[str]) -> list[int]:
    if not ids:
        return []
    indices = {name: index for index, name in enumerate(table.column("id").to_pylist())}
    for name in ids:
        if name not in indices:
            raise DataError(f"there is no row `{name}` to look at", hint="rows are known by their `id`")
    return [indices[name] for name in ids]


def _encode(codec: Codec, table: pa.Table) -> Iterable[Arrays]:
    for part in table.to_batches(max_chunksize=CHUNK_ROWS):
        yield from codec.encode(part.to_pylist())


def _length(codec: Codec, arrays: Arrays) -> int:
    tokens = _tokens(codec, arrays)
    return codec.cost(arrays) if tokens is None else tokens


def _tokens(codec: Codec, arrays: Arrays) -> int | None:
    """The number of valid positions; None without a mask."""
    valid = valid_positions(codec, arrays)
    return None if valid is None else int(np.count_nonzero(valid))


def _text_fields(example: Mapping[str, Any]) -> str:
    texts = {name: value for name, value in example.items() if isinstance(value, str)}
    return json.dumps(texts, ensure_ascii=False)
