"""The probe `data/overlap`: rows that another data set says as well."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pyarrow as pa
from annotated_types import Ge, Le, MinLen

from mqa_data.alike import EMPTY, EXACT, NEAR, alike, distinct, is_empty
from mqa_data.said import as_fields, example, targets_of, texts_of
from mqa_registry import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mqa_registry import Scene

GIVES = ("value", "exact", "near", "conflicts")
ALONE = "alone"
MOST = 5  # examples
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
    scene: Scene,
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
    whose label is another. All are from 0 to 1. Rows without text have no say. Pairs are proposed by MinHash, which
    finds one just at the threshold with a probability of 99.9 %, and then compared shingle by shingle.
    """
    assert scene.reference is not None
    view, other = scene.view, scene.reference
    texts, theirs = texts_of(view, fields), texts_of(other, fields)
    here, there = distinct(texts), distinct(theirs)
    first = len(here.texts)
    pairs = alike([*here.texts, *there.texts], words, threshold, scene.rng, first=first)
    nearest = pairs.by_left()
    known = {text: number for number, text in enumerate(there.texts)}
    ids, their_ids = view.rows.ids.to_pylist(), other.rows.ids.to_pylist()
    targets, their_targets = targets_of(view), targets_of(other)
    rows = []
    for row, (text, number) in enumerate(zip(texts, here.numbers, strict=True)):
        kept: dict[str, Any] = {
            "id": str(ids[row]),
            "state": EMPTY if is_empty(text) else ALONE,
            "target": targets[row],
        }
        twin, similarity = (known[text], 1.0) if text in known else nearest.get(number, (-1, 0.0))
        if similarity and not is_empty(text):
            match = there.rows[twin if text in known else twin - first][0]
            kept |= {"state": EXACT if text in known else NEAR, "similarity": similarity}
            kept |= {"other": str(their_ids[match]), "other_target": their_targets[match]}
            kept |= {"fields": as_fields(view, fields, text), "other_fields": as_fields(other, fields, theirs[match])}
        rows.append(kept)
    meta = {"skipped": str(pairs.skipped), "threshold": f"{threshold:g}", "others": str(len(theirs))}
    return pa.Table.from_pylist(rows, schema=SCHEMA.with_metadata(meta))


def numbers(observations: pa.Table) -> dict[str, Any]:
    """The numbers of `data/overlap`, a score a row each."""
    states = np.array(observations.column("state").to_pylist(), dtype=str)
    states = states[states != EMPTY]
    return {
        "value": states != ALONE,
        "exact": states == EXACT,
        "near": states == NEAR,
        "conflicts": np.array([_conflicts(row) for row in observations.to_pylist() if _labelled(row)], dtype=bool),
    }


def evidence(observations: pa.Table) -> dict[str, Any]:
    """How many rows are in both, what was left out, and examples: those with another label first, then the most alike."""
    rows = observations.to_pylist()
    found = sorted(
        (row for row in rows if row["state"] in (EXACT, NEAR)),
        key=lambda row: (not (_labelled(row) and _conflicts(row)), -row["similarity"]),
    )
    return {"remarks": list(_remarks(rows, observations.schema.metadata)), "examples": list(map(_shown, found[:MOST]))}


def _labelled(row: Mapping[str, Any]) -> bool:
    return row["target"] is not None and row["other_target"] is not None


def _conflicts(row: Mapping[str, Any]) -> bool:
    return bool(row["target"] != row["other_target"])


def _remarks(rows: Sequence[Mapping[str, Any]], meta: Mapping[bytes, bytes]) -> Iterator[str]:
    states = Counter(row["state"] for row in rows)
    again = states[EXACT] + states[NEAR]
    yield (
        f"{again:,} of {counted(len(rows) - states[EMPTY], 'row')} {'is' if again == 1 else 'are'} among the "
        f"{int(meta[b'others']):,} others: {states[EXACT]:,} exactly, {states[NEAR]:,} nearly (Jaccard from {meta[b'threshold'].decode()})"
    )
    if conflicts := sum(_labelled(row) and _conflicts(row) for row in rows):
        yield f"{counted(conflicts, 'of them has', 'of them have')} another label there"
    if states[EMPTY]:
        yield f"{counted(states[EMPTY], 'row is without text, and has', 'rows are without text, and have')} no say"
    if int(meta[b"skipped"]):
        yield f"{counted(int(meta[b'skipped']), 'pair')} of very many that are alike {'was' if int(meta[b'skipped']) == 1 else 'were'} not compared"


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    """One row, and the one of the other data set that says the same."""
    other = {"id": row["other"], "fields": row["other_fields"], "target": row["other_target"]}
    return example(row, similarity=row["similarity"], other=example(other))
