"""The probe `data/overlap`: rows that another data set says as well."""

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

    from mqa_registry import Evidence, ProbeContext

ALONE = "alone"  # the state of a row that the other data set does not have


class Overlap(NearDuplicateProbe):
    """The share of rows that the other data set says as well, word for word or nearly.

    The other data set is that of `against`, as in `against = { data = "train" }`: a model is not tested by rows that it
    was trained on.

    `value` is the share of rows that are in the other data set; `exact` that of those that are there character for
    character, `near` that of the others. `conflicts` is the share, of the rows that are there with a label, of those
    whose label is another. All are from 0 to 1. Rows without text are ignored. Pairs are proposed by MinHash, which
    finds one just at the threshold with a probability of 99.9 %, and then compared shingle by shingle.
    """

    name = "overlap"
    compares = True

    def observe(self, context: ProbeContext, options: NearDuplicateOptions) -> pa.Table:
        """A table of SCHEMA, a row for each of the view's; `other` is the row of the other data set that is most alike."""
        assert context.reference is not None  # the probe compares
        view, reference = context.view, context.reference
        texts, other_texts = read_texts(view, options.fields), read_texts(reference, options.fields)
        here, there = DistinctTexts.of(texts), DistinctTexts.of(other_texts)
        first = len(here.texts)
        distinct = [*here.texts, *there.texts]
        pairs = find_near_duplicates(distinct, options.words, options.threshold, context.rng, first=first)
        nearest = pairs.nearest_right()
        exact = {text: index for index, text in enumerate(there.texts)}
        ids, other_ids = view.rows.ids.to_pylist(), reference.rows.ids.to_pylist()
        targets, other_targets = read_targets(view), read_targets(reference)
        rows = []
        for row, (text, index) in enumerate(zip(texts, here.index, strict=True)):
            record: dict[str, Any] = {"id": str(ids[row]), "state": ALONE, "target": targets[row]}
            if is_empty(text):
                record["state"] = EMPTY
            elif text in exact or index in nearest:
                original, similarity = (exact[text] + first, 1.0) if text in exact else nearest[index]
                other = there.rows[original - first][0]
                record |= {
                    "state": EXACT if text in exact else NEAR,
                    "similarity": similarity,
                    "fields": dump_texts(view, options.fields, text),
                    "other": str(other_ids[other]),
                    "other_target": other_targets[other],
                    "other_fields": dump_texts(reference, options.fields, other_texts[other]),
                }
                if targets[row] is not None and other_targets[other] is not None:
                    record["conflict"] = targets[row] != other_targets[other]
            rows.append(record)
        meta = {"skipped": str(pairs.skipped), "threshold": f"{options.threshold:g}", "others": str(len(other_texts))}
        return pa.Table.from_pylist(rows, schema=SCHEMA.with_metadata(meta))

    def evidence(self, table: pa.Table) -> Evidence:
        """How many rows are in both, what was left out, and examples: those with another label first, then the most similar."""
        rows, meta = table.to_pylist(), table.schema.metadata
        repeated = [row for row in rows if row["state"] in (EXACT, NEAR)]
        repeated.sort(key=lambda row: (not row["conflict"], -row["similarity"]))
        states = Counter(row["state"] for row in rows)
        remarks = _iter_remarks(rows, states, int(meta[b"others"]), meta[b"threshold"].decode())
        return report_duplicates(remarks, repeated, empty=states[EMPTY], skipped=int(meta[b"skipped"]))


def _iter_remarks(
    rows: Sequence[Mapping[str, Any]], states: Mapping[str, int], n_others: int, threshold: str
) -> Iterator[str]:
    shared = states[EXACT] + states[NEAR]
    yield (
        f"{shared:,} of {counted(len(rows) - states[EMPTY], 'row')} {'is' if shared == 1 else 'are'} among the "
        f"{n_others:,} others: {states[EXACT]:,} exactly, {states[NEAR]:,} nearly (Jaccard from {threshold})"
    )
    if conflicts := sum(bool(row["conflict"]) for row in rows):
        yield f"{counted(conflicts, 'of them has', 'of them have')} another label there"
