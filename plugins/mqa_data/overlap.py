"""The probe `data/overlap`: rows that another data set says as well."""

from __future__ import annotations

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

    from mqa_registry import ProbeContext

NUMBERS = ("value", "exact", "near", "conflicts")
ALONE = "alone"
MAX_EXAMPLES = 5
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("state", pa.string()),  # exact, near, alone; empty: it says nothing
        ("similarity", pa.float64()),
        ("target", pa.string()),
        ("fields", pa.string()),  # the row's texts, as JSON
        ("other", pa.string()),  # the row of the other data set that is most alike
        ("other_target", pa.string()),
        ("other_fields", pa.string()),
    ]
)


def overlap(
    context: ProbeContext,
    *,
    threshold: Annotated[float, Ge(0.1), Le(1)] = 0.8,
    words: Annotated[int, Ge(1), Le(10)] = 3,
    fields: Annotated[list[str], MinLen(1)] | None = None,
) -> pa.Table:
    """The share of rows that the other data set says as well, word for word or nearly.

    The other data set is that of `against`, as in `against = { data = "train" }`: a model is not tested by rows that it
    was trained on. `threshold` is the Jaccard similarity of their shingles from which two texts are nearly the same.
    `words` is the number of words in a shingle, whatever their case and the marks between them. `fields` are the
    columns with the texts, left out those that the model reads.

    `value` is the share of rows that are in the other data set; `exact` that of those that are there character for
    character, `near` that of the others. `conflicts` is the share, of the rows that are there with a label, of those
    whose label is another. All are from 0 to 1. Rows without text are ignored. Pairs are proposed by MinHash, which
    finds one just at the threshold with a probability of 99.9 %, and then compared shingle by shingle.
    """
    assert context.reference is not None
    view, reference = context.view, context.reference
    texts, other_texts = read_texts(view, fields), read_texts(reference, fields)
    here, there = DistinctTexts.of(texts), DistinctTexts.of(other_texts)
    first = len(here.texts)
    pairs = find_near_duplicates([*here.texts, *there.texts], words, threshold, context.rng, first=first)
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
                "other": str(other_ids[other]),
                "other_target": other_targets[other],
                "fields": dump_texts(view, fields, text),
                "other_fields": dump_texts(reference, fields, other_texts[other]),
            }
        rows.append(record)
    meta = {"skipped": str(pairs.skipped), "threshold": f"{threshold:g}", "others": str(len(other_texts))}
    return pa.Table.from_pylist(rows, schema=SCHEMA.with_metadata(meta))


def compute_numbers(observations: pa.Table) -> dict[str, Any]:
    """The numbers of `data/overlap`, a score a row each."""
    states = np.array(observations.column("state").to_pylist(), dtype=str)
    states = states[states != EMPTY]
    return {
        "value": states != ALONE,
        "exact": states == EXACT,
        "near": states == NEAR,
        "conflicts": np.array([_conflicts(row) for row in observations.to_pylist() if _has_labels(row)], dtype=bool),
    }


def collect_evidence(observations: pa.Table) -> dict[str, Any]:
    """How many rows are in both, what was left out, and examples: those with another label first, then the most similar."""
    rows = observations.to_pylist()
    found = sorted(
        (row for row in rows if row["state"] in (EXACT, NEAR)),
        key=lambda row: (not (_has_labels(row) and _conflicts(row)), -row["similarity"]),
    )
    return {
        "remarks": list(_remarks(rows, observations.schema.metadata)),
        "examples": list(map(_to_example, found[:MAX_EXAMPLES])),
    }


def _has_labels(row: Mapping[str, Any]) -> bool:
    """Whether both the row and the one that says the same have a label."""
    return row["target"] is not None and row["other_target"] is not None


def _conflicts(row: Mapping[str, Any]) -> bool:
    return bool(row["target"] != row["other_target"])


def _remarks(rows: Sequence[Mapping[str, Any]], meta: Mapping[bytes, bytes]) -> Iterator[str]:
    states = Counter(row["state"] for row in rows)
    shared = states[EXACT] + states[NEAR]
    yield (
        f"{shared:,} of {counted(len(rows) - states[EMPTY], 'row')} {'is' if shared == 1 else 'are'} among the "
        f"{int(meta[b'others']):,} others: {states[EXACT]:,} exactly, {states[NEAR]:,} nearly (Jaccard from {meta[b'threshold'].decode()})"
    )
    if conflicts := sum(_has_labels(row) and _conflicts(row) for row in rows):
        yield f"{counted(conflicts, 'of them has', 'of them have')} another label there"
    yield from left_out_remarks(states[EMPTY], int(meta[b"skipped"]))


def _to_example(row: dict[str, Any]) -> dict[str, Any]:
    """One row, and the one of the other data set that says the same."""
    other = {"id": row["other"], "fields": row["other_fields"], "target": row["other_target"]}
    return to_example(row, similarity=row["similarity"], other=to_example(other))
