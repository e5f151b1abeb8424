"""The probes `data/duplicates` and `data/overlap`: rows that match another row, word for word or nearly."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pyarrow as pa
from annotated_types import Ge, Le

from mqa_data.near_duplicates import DistinctTexts, find_near_duplicates
from mqa_data.text_columns import TextOptions, TextRows, to_example
from mqa_registry import Evidence, Probe, counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from mqa_data.near_duplicates import SimilarPairs, Text
    from mqa_registry import ProbeContext

EXACT, NEAR, NONE, EMPTY = (
    "exact",
    "near",
    "none",
    "empty",
)  # how a row matches another; a row without text matches none
MAX_EXAMPLES = 5
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("match", pa.string()),  # EXACT, NEAR, NONE or EMPTY
        ("similarity", pa.float64()),
        ("target", pa.string()),
        ("fields", pa.string()),  # the row's texts, as JSON
        ("match_id", pa.string()),  # of the row that it matches
        ("match_target", pa.string()),
        ("match_fields", pa.string()),
        ("conflict", pa.bool_()),  # whether that row has another label; null where this is not counted
    ]
)


@dataclass(frozen=True, kw_only=True)
class NearDuplicateOptions(TextOptions):
    """When two texts are nearly the same.

    `threshold` is the Jaccard similarity of their shingles from which two texts are nearly the same. `shingle_size` is
    the number of words in a shingle, whatever their case and the marks between them.
    """

    threshold: Annotated[float, Ge(0.1), Le(1)] = 0.8
    shingle_size: Annotated[int, Ge(1), Le(10)] = 3


class NearDuplicateProbe(Probe[NearDuplicateOptions]):
    """What the probes of near-duplicates share: they observe a table of SCHEMA."""

    inputs = "rows"
    outputs = ("value", "exact", "near", "conflicting_labels")
    ranges = dict.fromkeys(outputs, (0.0, 1.0))
    text_columns = ("fields", "match_fields")

    def columns(self, options: NearDuplicateOptions) -> list[str]:
        """Those with the texts, where they are named."""
        return options.fields or []

    def numbers(self, table: pa.Table) -> dict[str, Any]:
        """A score a row: of the rows with text, and for `conflicting_labels` of those where it is counted."""
        matches = np.array(table.column("match").to_pylist(), dtype=str)
        matches = matches[matches != EMPTY]
        return {
            "value": np.isin(matches, (EXACT, NEAR)),
            "exact": matches == EXACT,
            "near": matches == NEAR,
            "conflicting_labels": np.array(table.column("conflict").drop_null().to_pylist(), dtype=bool),
        }


class Duplicates(NearDuplicateProbe):
    """The share of rows that repeat an earlier row, word for word or nearly.

    `value` is the share of rows that repeat an earlier one; `exact` that of those that do so character for character,
    `near` that of the others. `conflicting_labels` is the share, of the rows with a label, of those that match a row with
    another label. All are from 0 to 1. Rows without text are ignored. Pairs are proposed by MinHash, which finds one just
    at the threshold with a probability of 99.9 %, and then compared shingle by shingle.
    """

    name = "duplicates"
    version = 3

    def observe(self, context: ProbeContext, options: NearDuplicateOptions) -> pa.Table:
        """A table of SCHEMA; a row with a conflict is matched with one of another label."""
        rows = TextRows.read(context.view, options.fields)
        distinct = DistinctTexts.of(rows.texts)
        pairs = find_near_duplicates(distinct.texts, options.shingle_size, options.threshold, context.rng)
        nearest = pairs.nearest_left()
        conflicts = _find_conflicts(distinct, pairs, rows.targets)
        records = []
        for row, text in enumerate(distinct.index):
            target = rows.targets[row]
            match = _match_earlier(row, distinct, nearest)
            conflict = None if target is None else conflicts.get(text, {}).get(target)
            record = _record_match(rows, row, rows, match if conflict is None else replace(match, row=conflict))
            record["conflict"] = None if target is None or match.kind == EMPTY else conflict is not None
            records.append(record)
        return pa.Table.from_pylist(records, schema=SCHEMA.with_metadata(_describe_pairs(pairs, options)))

    def evidence(self, table: pa.Table) -> Evidence:
        """How many rows repeat others, what was left out, and examples: those with different labels first."""
        rows = table.to_pylist()
        matched = [row for row in rows if row["match"] in (EXACT, NEAR) or row["conflict"]]
        matched.sort(key=lambda row: not row["conflict"])
        return _report_matches(table, _remark_on_duplicates(rows, table), matched)


class Overlap(NearDuplicateProbe):
    """The share of rows that are in the reference data as well, word for word or nearly.

    The reference data are those of `against`, as in `against = { data = "train" }`: a model is not tested by rows that it
    was trained on.

    `value` is the share of rows that are in the reference data; `exact` that of those that are there character for
    character, `near` that of the others. `conflicting_labels` is the share, of the rows that are there with a label, of
    those whose label is another. All are from 0 to 1. Rows without text are ignored. Pairs are proposed by MinHash, which
    finds one just at the threshold with a probability of 99.9 %, and then compared shingle by shingle.
    """

    name = "overlap"
    version = 2
    compares = True

    def observe(self, context: ProbeContext, options: NearDuplicateOptions) -> pa.Table:
        """A table of SCHEMA, a row for each of the view's, matched with the most similar row of the reference data."""
        assert context.reference is not None  # the probe compares
        current, reference = (TextRows.read(view, options.fields) for view in (context.view, context.reference))
        distinct, reference_distinct = DistinctTexts.of(current.texts), DistinctTexts.of(reference.texts)
        texts, n_current = [*distinct.texts, *reference_distinct.texts], len(distinct.texts)
        pairs = find_near_duplicates(texts, options.shingle_size, options.threshold, context.rng, n_first=n_current)
        first_rows = [rows[0] for rows in reference_distinct.rows]
        identical = dict(zip(reference_distinct.texts, first_rows, strict=True))
        nearest = {
            text: (first_rows[other - n_current], similarity)
            for text, (other, similarity) in pairs.nearest_right().items()
        }
        records = []
        for row, index in enumerate(distinct.index):
            match = _match_reference(distinct.texts[index], identical, nearest.get(index))
            records.append(_record_match(current, row, reference, match))
        meta = _describe_pairs(pairs, options) | {"n_reference": str(len(reference))}
        return pa.Table.from_pylist(records, schema=SCHEMA.with_metadata(meta))

    def evidence(self, table: pa.Table) -> Evidence:
        """How many rows are in both, what was left out, and examples: those with another label first, then the most similar."""
        rows = table.to_pylist()
        matched = [row for row in rows if row["match"] in (EXACT, NEAR)]
        matched.sort(key=lambda row: (not row["conflict"], -row["similarity"]))
        return _report_matches(table, _remark_on_overlap(rows, table), matched)


@dataclass(frozen=True)
class Match:
    """How a row matches another, the index of that row, None where there is none, and the Jaccard similarity of both."""

    kind: str
    row: int | None = None
    similarity: float | None = None


def _is_empty(text: Text) -> bool:
    """Whether there is nothing but white space in every field."""
    return not any(map(str.strip, text))


def _match_earlier(row: int, distinct: DistinctTexts, nearest: Mapping[int, tuple[int, float]]) -> Match:
    """The earlier row that a row repeats; `nearest` has the most similar earlier text of each, with the similarity."""
    index = distinct.index[row]
    first = distinct.rows[index][0]
    if _is_empty(distinct.texts[index]):
        return Match(EMPTY)
    if row != first:
        return Match(EXACT, first, 1.0)
    if index in nearest:
        earlier, similarity = nearest[index]
        return Match(NEAR, distinct.rows[earlier][0], similarity)
    return Match(NONE)


def _match_reference(text: Text, identical: Mapping[Text, int], nearest: tuple[int, float] | None) -> Match:
    """The reference row that a text matches; `nearest` is the most similar one with the similarity, where one is near."""
    if _is_empty(text):
        return Match(EMPTY)
    if text in identical:
        return Match(EXACT, identical[text], 1.0)
    return Match(NONE) if nearest is None else Match(NEAR, *nearest)


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
            if conflict is not None and not _is_empty(distinct.texts[text]):
                conflicts.setdefault(text, {}).setdefault(label, conflict)
    return conflicts


def _first_row_by_label(rows: Sequence[int], targets: Sequence[str | None]) -> dict[str, int]:
    first: dict[str, int] = {}
    for row in rows:
        if (label := targets[row]) is not None:
            first.setdefault(label, row)
    return first


def _record_match(rows: TextRows, row: int, others: TextRows, match: Match) -> dict[str, Any]:
    """A row of SCHEMA: `row` of `rows`, and the row of `others` that it matches."""
    target = rows.targets[row]
    record = {"id": rows.ids[row], "match": match.kind, "similarity": match.similarity, "target": target}
    if match.row is None:
        return record
    other_target = others.targets[match.row]
    return record | {
        "fields": rows.dump_texts(row),
        "match_id": others.ids[match.row],
        "match_target": other_target,
        "match_fields": others.dump_texts(match.row),
        "conflict": None if target is None or other_target is None else target != other_target,
    }


def _describe_pairs(pairs: SimilarPairs, options: NearDuplicateOptions) -> dict[str, str]:
    """The metadata of a table of observations."""
    return {"skipped": str(pairs.skipped), "threshold": f"{options.threshold:g}"}


def _remark_on_duplicates(rows: Sequence[Mapping[str, Any]], table: pa.Table) -> Iterator[str]:
    counts = Counter(row["match"] for row in rows)
    repeated = counts[EXACT] + counts[NEAR]
    yield (
        f"{repeated:,} of {counted(len(rows) - counts[EMPTY], 'row')} {'repeats' if repeated == 1 else 'repeat'} an "
        f"earlier one: {_describe_counts(counts, table)}"
    )
    if conflicts := sum(bool(row["conflict"]) for row in rows):
        yield f"{counted(conflicts, 'row matches', 'rows match')} a row with another label"
    if all(row["target"] is None for row in rows):
        yield "the rows have no labels, so that none can conflict"


def _remark_on_overlap(rows: Sequence[Mapping[str, Any]], table: pa.Table) -> Iterator[str]:
    counts = Counter(row["match"] for row in rows)
    shared, n_reference = counts[EXACT] + counts[NEAR], int(table.schema.metadata[b"n_reference"])
    yield (
        f"{shared:,} of {counted(len(rows) - counts[EMPTY], 'row')} {'is' if shared == 1 else 'are'} among the "
        f"{counted(n_reference, 'row')} of the reference data: {_describe_counts(counts, table)}"
    )
    if conflicts := sum(bool(row["conflict"]) for row in rows):
        yield f"{counted(conflicts, 'of them has', 'of them have')} another label there"


def _describe_counts(counts: Counter[str], table: pa.Table) -> str:
    threshold = table.schema.metadata[b"threshold"].decode()
    return f"{counts[EXACT]:,} exactly, {counts[NEAR]:,} nearly (Jaccard from {threshold})"


def _report_matches(table: pa.Table, remarks: Iterable[str], matched: Sequence[Mapping[str, Any]]) -> Evidence:
    """Remarks, with those on what was left out, and the first of the matched rows as examples, each with its match."""
    examples = [
        to_example(row, similarity=row["similarity"], match=_describe_match(row)) for row in matched[:MAX_EXAMPLES]
    ]
    return Evidence(remarks=[*remarks, *_remark_on_exclusions(table)], examples=examples)


def _describe_match(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row that a row matches: its id, its texts where the table has them, and its target."""
    fields = {"fields": json.loads(row["match_fields"])} if row["match_fields"] else {}
    target = {} if row["match_target"] is None else {"target": row["match_target"]}
    return {"id": row["match_id"]} | fields | target


def _remark_on_exclusions(table: pa.Table) -> Iterator[str]:
    if empty := table.column("match").to_pylist().count(EMPTY):
        yield f"{counted(empty, 'row is without text, and is', 'rows are without text, and are')} ignored"
    if skipped := int(table.schema.metadata[b"skipped"]):
        was = "was" if skipped == 1 else "were"
        yield f"{counted(skipped, 'pair')} of very many near-duplicates {was} not compared"
