"""The probe `data/duplicates`: rows that say what another row says already."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pyarrow as pa
from annotated_types import Ge, Le, MinLen

from mqa_data.alike import EMPTY, EXACT, FIRST, NEAR, alike, distinct, is_empty
from mqa_data.said import as_fields, example, targets_of, texts_of
from mqa_registry import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mqa_data.alike import Distinct, Pairs
    from mqa_registry import Scene

GIVES = ("value", "exact", "near", "conflicts")
MOST = 5  # examples
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
    scene: Scene,
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
    with another label. All are from 0 to 1. Rows without text have no say. Pairs are proposed by MinHash, which finds
    one just at the threshold with a probability of 99.9 %, and then compared shingle by shingle.
    """
    texts = texts_of(scene.view, fields)
    targets = targets_of(scene.view)
    unique = distinct(texts)
    pairs = alike(unique.texts, words, threshold, scene.rng)
    others = _rivals(unique, pairs, targets)
    nearest = pairs.by_right()
    ids = scene.view.rows.ids.to_pylist()
    rows = []
    for row, number in enumerate(unique.numbers):
        state, twin, similarity = _place(row, unique, nearest)
        rival = others.get(number, {}).get(targets[row] or "")
        shown = twin if rival is None else rival
        kept = {"id": str(ids[row]), "state": state, "similarity": similarity, "target": targets[row]}
        if shown is not None:
            both = [as_fields(scene.view, fields, texts[each]) for each in (row, shown)]
            kept |= {"other": str(ids[shown]), "other_target": targets[shown], "fields": json.dumps(both)}
        conflict = None if targets[row] is None or state == EMPTY else rival is not None
        rows.append(kept | {"conflict": conflict})
    meta = {"skipped": str(pairs.skipped), "threshold": f"{threshold:g}"}
    return pa.Table.from_pylist(rows, schema=SCHEMA.with_metadata(meta))


def numbers(observations: pa.Table) -> dict[str, Any]:
    """The numbers of `data/duplicates`, a score a row each."""
    states = np.array(observations.column("state").to_pylist(), dtype=str)
    states = states[states != EMPTY]
    known = observations.column("conflict").drop_null()
    return {
        "value": states != FIRST,
        "exact": states == EXACT,
        "near": states == NEAR,
        "conflicts": np.array(known.to_pylist(), dtype=bool),
    }


def evidence(observations: pa.Table) -> dict[str, Any]:
    """How many rows repeat others, what was left out, and examples: those with different labels first."""
    rows = observations.to_pylist()
    repeated = [row for row in rows if row["state"] in (EXACT, NEAR) or row["conflict"]]
    repeated.sort(key=lambda row: not row["conflict"])
    return {
        "remarks": list(_remarks(rows, observations.schema.metadata)),
        "examples": list(map(_shown, repeated[:MOST])),
    }


def _rivals(unique: Distinct, pairs: Pairs, targets: Sequence[str | None]) -> dict[int, dict[str, int]]:
    """Of every text that is said with several labels, by itself or by one that is alike: by label a row with another."""
    own = [_firsts(rows, targets) for rows in unique.rows]
    found: dict[int, dict[str, int]] = {}
    near = list(zip(pairs.left.tolist(), pairs.right.tolist(), strict=True))
    itself = [(number, number) for number, labels in enumerate(own) if len(labels) > 1]
    for one, two in [*itself, *near, *((two, one) for one, two in near)]:
        for label in own[one]:
            rival = next((row for other, row in own[two].items() if other != label), None)
            if rival is not None and not is_empty(unique.texts[one]):
                found.setdefault(one, {}).setdefault(label, rival)
    return found


def _firsts(rows: Sequence[int], targets: Sequence[str | None]) -> dict[str, int]:
    """The first row of each label."""
    labels: dict[str, int] = {}
    for row in rows:
        if (label := targets[row]) is not None:
            labels.setdefault(label, row)
    return labels


def _place(
    row: int, unique: Distinct, nearest: Mapping[int, tuple[int, float]]
) -> tuple[str, int | None, float | None]:
    """What a row is to earlier ones, and to which."""
    number = unique.numbers[row]
    first = unique.rows[number][0]
    if is_empty(unique.texts[number]):
        return EMPTY, None, None
    if row != first:
        return EXACT, first, 1.0
    if number in nearest:
        twin, similarity = nearest[number]
        return NEAR, unique.rows[twin][0], similarity
    return FIRST, None, None


def _remarks(rows: Sequence[Mapping[str, Any]], meta: Mapping[bytes, bytes]) -> Iterator[str]:
    states = Counter(row["state"] for row in rows)
    again = states[EXACT] + states[NEAR]
    yield (
        f"{again:,} of {counted(len(rows) - states[EMPTY], 'row')} {'says' if again == 1 else 'say'} what an earlier one says: "
        f"{states[EXACT]:,} exactly, {states[NEAR]:,} nearly (Jaccard from {meta[b'threshold'].decode()})"
    )
    if conflicts := sum(bool(row["conflict"]) for row in rows):
        yield f"{counted(conflicts, 'row says', 'rows say')} the same as a row with another label"
    if all(row["target"] is None for row in rows):
        yield "the rows have no labels, so that none can conflict"
    if states[EMPTY]:
        yield f"{counted(states[EMPTY], 'row is without text, and has', 'rows are without text, and have')} no say"
    if int(meta[b"skipped"]):
        yield f"{counted(int(meta[b'skipped']), 'pair')} of very many that are alike {'was' if int(meta[b'skipped']) == 1 else 'were'} not compared"


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    """One row, and the one that says the same."""
    here, there = json.loads(row["fields"]) if row["fields"] else (None, None)
    other = example({"id": row["other"], "fields": there, "target": row["other_target"]})
    return example(row | {"fields": here}, similarity=row["similarity"], other=other)
