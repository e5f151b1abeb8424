"""The probe `data/duplicates`: rows that say what another row says already."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from mqa_data.near_duplicates import (
    EMPTY,
    EXACT,
    NEAR,
    SCHEMA,
    DistinctTexts,
    NearDuplicateOptions,
    NearDuplicateProbe,
    find_near_duplicates,
    is_empty,
    report_duplicates,
)
from mqa_data.text_columns import dump_texts, read_targets, read_texts
from mqa_registry import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mqa_data.near_duplicates import SimilarPairs
    from mqa_registry import Evidence, ProbeContext

FIRST = "first"  # the state of a row that no earlier one says the same as


class Duplicates(NearDuplicateProbe):
    """The share of rows that say what an earlier row says, word for word or nearly.

    `value` is the share of rows that repeat an earlier one; `exact` that of those that do so character for character,
    `near` that of the others. `conflicts` is the share, of the rows with a label, of those that say the same as a row
    with another label. All are from 0 to 1. Rows without text are ignored. Pairs are proposed by MinHash, which finds
    one just at the threshold with a probability of 99.9 %, and then compared shingle by shingle.
    """

    name = "duplicates"
    version = 2  # `fields` had the texts of both rows

    def observe(self, context: ProbeContext, options: NearDuplicateOptions) -> pa.Table:
        """A table of SCHEMA; of a row with a conflict, `other` is one with another label."""
        texts = read_texts(context.view, options.fields)
        targets = read_targets(context.view)
        distinct = DistinctTexts.of(texts)
        pairs = find_near_duplicates(distinct.texts, options.words, options.threshold, context.rng)
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
                record |= {
                    "fields": dump_texts(context.view, options.fields, texts[row]),
                    "other": str(ids[other]),
                    "other_target": targets[other],
                    "other_fields": dump_texts(context.view, options.fields, texts[other]),
                }
            record["conflict"] = None if targets[row] is None or state == EMPTY else conflict is not None
            rows.append(record)
        meta = {"skipped": str(pairs.skipped), "threshold": f"{options.threshold:g}"}
        return pa.Table.from_pylist(rows, schema=SCHEMA.with_metadata(meta))

    def evidence(self, table: pa.Table) -> Evidence:
        """How many rows repeat others, what was left out, and examples: those with different labels first."""
        rows, meta = table.to_pylist(), table.schema.metadata
        repeated = [row for row in rows if row["state"] in (EXACT, NEAR) or row["conflict"]]
        repeated.sort(key=lambda row: not row["conflict"])
        states = Counter(row["state"] for row in rows)
        remarks = _iter_remarks(rows, states, meta[b"threshold"].decode())
        return report_duplicates(remarks, repeated, empty=states[EMPTY], skipped=int(meta[b"skipped"]))


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


def _iter_remarks(rows: Sequence[Mapping[str, Any]], states: Mapping[str, int], threshold: str) -> Iterator[str]:
    repeated = states[EXACT] + states[NEAR]
    yield (
        f"{repeated:,} of {counted(len(rows) - states[EMPTY], 'row')} {'says' if repeated == 1 else 'say'} what an earlier one says: "
        f"{states[EXACT]:,} exactly, {states[NEAR]:,} nearly (Jaccard from {threshold})"
    )
    if conflicts := sum(bool(row["conflict"]) for row in rows):
        yield f"{counted(conflicts, 'row says', 'rows say')} the same as a row with another label"
    if all(row["target"] is None for row in rows):
        yield "the rows have no labels, so that none can conflict"
