"""The probe `data/duplicates`: rows that say what another row says already."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pyarrow as pa
from annotated_types import Ge, Le, MinLen

from mqa_data.near_duplicates import (
    EMPTY,
    EXACT,
    NEAR,
    DistinctTexts,
    find_near_duplicates,
    is_empty,
    left_out_remarks,
)
from mqa_data.text_columns import dump_texts, read_targets, read_texts, to_example
from mqa_registry import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mqa_data.near_duplicates import SimilarPairs
    from mqa_registry import ProbeContext

NUMBERS = ("value", "exact", "near", "conflicts")
FIRST = "first"
MAX_EXAMPLES = 5
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("state", pa.string()),  # first, exact, near; empty: it says nothing
        ("similarity", pa.float64()),
        ("target", pa.string()),
        ("other", pa.string()),  # the id of the row that says the same, of another label where there is one
        ("other_target", pa.string()),
        ("conflict", pa.bool_()),  # null where the row has no label
        ("fields", pa.string()),  # the texts of this row and the other, as JSON
    ]
)


def duplicates(
    context: ProbeContext,
    *,
    threshold: Annotated[float, Ge(0.1), Le(1)] = 0.8,
    words: Annotated[int, Ge(1), Le(10)] = 3,
    fields: Annotated[list[str], MinLen(1)] | None = None,
) -> pa.Table:
    """The share of rows that say what an earlier row says, word for word or nearly.

    `threshold` is the Jaccard similarity of their shingles from which two texts are nearly the same. `words` is the
    number of words in a shingle, whatever their case and the marks between them. `fields` are the columns with the
    texts, left out those that the model reads.

    `value` is the share of rows that repeat an earlier one; `exact` that of those that do so character for character,
    `near` that of the others. `conflicts` is the share, of the rows with a label, of those that say the same as a row
    with another label. All are from 0 to 1. Rows without text are ignored. Pairs are proposed by MinHash, which finds
    one just at the threshold with a probability of 99.9 %, and then compared shingle by shingle.
    """
    texts = read_texts(context.view, fields)
    targets = read_targets(context.view)
    distinct = DistinctTexts.of(texts)
    pairs = find_near_duplicates(distinct.texts, words, threshold, context.rng)
    conflicts = _find_conflicts(distinct, pairs, targets)
    nearest = pairs.nearest_left()
    ids = context.view.rows.ids.to_pylist()
    rows = []
    for row, index in enumerate(distinct.index):
        state, original, similarity = _find_original(row, distinct, nearest)
        conflict = conflicts.get(index, {}).get(targets[row] or "")
        other = original if conflict is None else conflict
        record = {"id": str(ids[row]), "state": state, "similarity": similarity, "target": targets[row]}
        if other is not None:
            both = [dump_texts(context.view, fields, texts[each]) for each in (row, other)]
            record |= {"other": str(ids[other]), "other_target": targets[other], "fields": json.dumps(both)}
        record["conflict"] = None if targets[row] is None or state == EMPTY else conflict is not None
        rows.append(record)
    meta = {"skipped": str(pairs.skipped), "threshold": f"{threshold:g}"}
    return pa.Table.from_pylist(rows, schema=SCHEMA.with_metadata(meta))


def compute_numbers(observations: pa.Table) -> dict[str, Any]:
    """The numbers of `data/duplicates`, a score a row each."""
    states = np.array(observations.column("state").to_pylist(), dtype=str)
    states = states[states != EMPTY]
    conflicts = observations.column("conflict").drop_null()
    return {
        "value": states != FIRST,
        "exact": states == EXACT,
        "near": states == NEAR,
        "conflicts": np.array(conflicts.to_pylist(), dtype=bool),
    }


def collect_evidence(observations: pa.Table) -> dict[str, Any]:
    """How many rows repeat others, what was left out, and examples: those with different labels first."""
    rows = observations.to_pylist()
    repeated = [row for row in rows if row["state"] in (EXACT, NEAR) or row["conflict"]]
    repeated.sort(key=lambda row: not row["conflict"])
    return {
        "remarks": list(_remarks(rows, observations.schema.metadata)),
        "examples": list(map(_to_example, repeated[:MAX_EXAMPLES])),
    }


def _find_conflicts(
    distinct: DistinctTexts, pairs: SimilarPairs, targets: Sequence[str | None]
) -> dict[int, dict[str, int]]:
    """For each text and label a row with another label, of the same text or of a near-duplicate."""
    first_rows = [_first_row_by_label(rows, targets) for rows in distinct.rows]
    near = list(zip(pairs.left.tolist(), pairs.right.tolist(), strict=True))
    same = [(text, text) for text, labels in enumerate(first_rows) if len(labels) > 1]
    conflicts: dict[int, dict[str, int]] = {}
    for text, other in [*same, *near, *((right, left) for left, right in near)]:
        for label in first_rows[text]:
            conflict = next((row for name, row in first_rows[other].items() if name != label), None)
            if conflict is not None and not is_empty(distinct.texts[text]):
                conflicts.setdefault(text, {}).setdefault(label, conflict)
    return conflicts


def _first_row_by_label(rows: Sequence[int], targets: Sequence[str | None]) -> dict[str, int]:
    first: dict[str, int] = {}
    for row in rows:
        if (label := targets[row]) is not None:
            first.setdefault(label, row)
    return first


def _find_original(
    row: int, distinct: DistinctTexts, nearest: Mapping[int, tuple[int, float]]
) -> tuple[str, int | None, float | None]:
    """The state of a row, and the earlier row that it repeats with the similarity, if there is one."""
    index = distinct.index[row]
    first = distinct.rows[index][0]
    if is_empty(distinct.texts[index]):
        return EMPTY, None, None
    if row != first:
        return EXACT, first, 1.0
    if index in nearest:
        original, similarity = nearest[index]
        return NEAR, distinct.rows[original][0], similarity
    return FIRST, None, None


def _remarks(rows: Sequence[Mapping[str, Any]], meta: Mapping[bytes, bytes]) -> Iterator[str]:
    states = Counter(row["state"] for row in rows)
    repeated = states[EXACT] + states[NEAR]
    yield (
        f"{repeated:,} of {counted(len(rows) - states[EMPTY], 'row')} {'says' if repeated == 1 else 'say'} what an earlier one says: "
        f"{states[EXACT]:,} exactly, {states[NEAR]:,} nearly (Jaccard from {meta[b'threshold'].decode()})"
    )
    if conflicts := sum(bool(row["conflict"]) for row in rows):
        yield f"{counted(conflicts, 'row says', 'rows say')} the same as a row with another label"
    if all(row["target"] is None for row in rows):
        yield "the rows have no labels, so that none can conflict"
    yield from left_out_remarks(states[EMPTY], int(meta[b"skipped"]))


def _to_example(row: dict[str, Any]) -> dict[str, Any]:
    """One row, and the one that says the same."""
    own, other = json.loads(row["fields"]) if row["fields"] else (None, None)
    duplicate = to_example({"id": row["other"], "fields": other, "target": row["other_target"]})
    return to_example(row | {"fields": own}, similarity=row["similarity"], other=duplicate)
