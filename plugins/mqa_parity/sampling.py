"""Rows of a view that a probe runs: drawn by the suite's seed, named by their ids, or the most different of all others."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_parity.runners import max_distance, run_candidate, run_reference
from mqa_parity.sample_batches import Row, find_valid_positions, make_batches
from mqa_registry import Blob, DataError, NotRunError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from mqa_parity.sample_batches import Arrays, Batch
    from mqa_parity.tensors.observations import TensorCheck
    from mqa_registry import Codec, EncodedRow, ProbeContext, ViewContext

OVERSAMPLING = 4  # times as many rows as asked for are encoded, to find the shortest and the longest among them
CHUNK_ROWS = 64  # rows encoded at a time: an encoded row may be an image
MAX_SCREENED_ROWS = 16
USUAL_QUANTILE = 0.9  # of the distances of an output: what most rows have


def require_codec(context: ProbeContext) -> Codec:
    """How rows become arrays; raises NotRunError where the suite has no model."""
    if context.model_under_test is None:
        raise NotRunError("there is no model whose outputs could be compared", hint="give the suite a `[model]`")
    return context.model_under_test.codec


def sample_rows(context: ProbeContext, number: int, including: Sequence[str] = ()) -> list[Row]:
    """`number` rows of the view by the suite's seed: the shortest and the longest of a larger draw, then others.

    Rows with the ids in `including` come before others; raises DataError for an id that no row has. Rows that cannot be
    encoded are lost.
    """
    codec, view = require_codec(context), context.view
    permuted = context.rng.permutation(len(view.rows))[: OVERSAMPLING * number + len(including)].tolist()
    drawn = [*dict.fromkeys([*_find_row_indices(view, including), *permuted])][: OVERSAMPLING * number]
    lengths = {row.id: _measure_length(codec, row.arrays) for row in _encode(context, drawn)}
    if not lengths:
        raise NotRunError("there are no rows to run")
    extremes = min(lengths, key=lengths.__getitem__), max(lengths, key=lengths.__getitem__)
    return select_rows(context, list(dict.fromkeys((*extremes, *lengths)))[:number])


def select_rows(context: ProbeContext, ids: Sequence[str]) -> list[Row]:
    """Rows of the view with these ids, in this order."""
    return _encode_rows(context, _find_row_indices(context.view, ids))


def _iterate_rows_except(context: ProbeContext, excluded: Collection[str]) -> Iterator[list[Row]]:
    """All rows of the view but those with the `excluded` ids, `CHUNK_ROWS` at a time."""
    ids = context.view.rows.ids
    others = np.flatnonzero(~np.asarray(pc.is_in(ids, value_set=pa.array(sorted(excluded), ids.type)), bool))
    for start in range(0, len(others), CHUNK_ROWS):
        yield _encode_rows(context, others[start : start + CHUNK_ROWS].tolist())


def find_most_different_rows(
    context: ProbeContext, check: TensorCheck, pairs: Mapping[str, str], sampled: Sequence[Row], budget: int
) -> tuple[list[str], int]:
    """The ids of at most `MAX_SCREENED_ROWS` rows that were not sampled, the most different first, and how many rows were run.

    The distance of an output is taken in units of what it is in most rows. A crash of the candidate, another shape and
    other integers are infinitely far.
    """
    distances: dict[str, dict[str, float]] = {name: {} for name in pairs}
    number = 0
    for chunk in _iterate_rows_except(context, {row.id for row in sampled}):
        ordered = sorted(chunk, key=lambda row: row.size)
        number += len(chunk)
        for batch in make_batches(require_codec(context), ordered, budget, check.batch_rows):
            for row, name, distance in _measure_distances(check, pairs, batch):
                distances[name][row] = max(distance, distances[name].get(row, 0.0))
    worst: dict[str, float] = {}
    for by_row in distances.values():
        usual = np.quantile([*by_row.values()], USUAL_QUANTILE, method="lower") if by_row else 0.0
        for row, distance in by_row.items():
            worst[row] = max(worst.get(row, 0.0), distance / usual if usual else math.inf if distance else 0.0)
    farthest = sorted((row for row in worst if worst[row]), key=lambda row: -worst[row])
    return farthest[:MAX_SCREENED_ROWS], number


def _measure_distances(check: TensorCheck, pairs: Mapping[str, str], batch: Batch) -> Iterator[tuple[str, str, float]]:
    """For each row and output its id, the output's name and their distance."""
    baseline = run_reference(check.runners.baseline, check.backend, batch)
    candidate = run_candidate(check.runners.candidate, batch)
    for name, theirs in pairs.items():
        values = candidate[theirs] if isinstance(candidate, Mapping) else None
        if values is not None and values.shape != baseline[name].shape:
            values = None
        for row, cut in check.determinism.layout.row_slices(name, batch):
            if row is None:
                continue
            distance = math.inf if values is None else max_distance(cut(baseline[name]), cut(values))
            yield row.id, name, distance if baseline[name].dtype.kind == "f" or not distance else math.inf


def find_token_limit(context: ProbeContext) -> int | None:
    """The longest row that the model takes, in tokens; None where it does not say, or all rows have one length."""
    if (
        context.model_under_test is None
        or not require_codec(context).padding_mask
        or require_codec(context).length is not None
    ):
        return None
    positions = context.model_under_test.model.about.get("max_positions")
    return positions if isinstance(positions, int) else None


def _encode_rows(context: ProbeContext, indices: Sequence[int]) -> list[Row]:
    codec = require_codec(context)
    return [
        Row(row.id, row.arrays, codec.cost(row.arrays), serialize_texts(row.example), _count_tokens(codec, row.arrays))
        for row in _encode(context, indices)
    ]


def _find_row_indices(view: ViewContext, ids: Sequence[str]) -> list[int]:
    if not ids:
        return []
    column = view.rows.ids
    numbers = np.asarray(pc.fill_null(pc.index_in(column, value_set=pa.array(ids, column.type)), -1))
    positions = {ids[numbers[index]]: int(index) for index in np.flatnonzero(numbers >= 0)}
    for name in ids:
        if name not in positions:
            raise DataError(f"there is no row `{name}` to look at", hint="rows are known by their `id`")
    return [positions[name] for name in ids]


def _encode(context: ProbeContext, indices: Sequence[int]) -> Iterator[EncodedRow]:
    """The rows of the view at these positions, a row that is run in parts as the costliest of them."""
    codec = require_codec(context)
    for start in range(0, len(indices), CHUNK_ROWS):
        for row in context.encode(context.view.take(indices[start : start + CHUNK_ROWS])):
            yield replace(row, arrays=max(codec.split(row.arrays), key=codec.cost)) if codec.splits else row


def _measure_length(codec: Codec, arrays: Arrays) -> int:
    tokens = _count_tokens(codec, arrays)
    return codec.cost(arrays) if tokens is None else tokens


def _count_tokens(codec: Codec, arrays: Arrays) -> int | None:
    """The number of valid positions; None without a mask."""
    valid = find_valid_positions(codec, arrays)
    return None if valid is None else int(np.count_nonzero(valid))


def serialize_texts(example: Mapping[str, Any]) -> str:
    """The texts of an example as JSON, lists of them included, and the names of its files."""
    named = {name: value.name if isinstance(value, Blob) else value for name, value in example.items()}
    texts = {name: value for name, value in named.items() if isinstance(value, str) or _has_texts(value)}
    return json.dumps(texts, ensure_ascii=False)


def _has_texts(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, str) for one in value)
