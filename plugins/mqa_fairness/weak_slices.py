"""The probe `fairness/weak-slices`: where a model is worst."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from annotated_types import Ge, Gt, Lt

from mqa_fairness.weak_slice_accuracy import assess_correctness, confirm_slices
from mqa_fairness.weak_slice_search import (
    MAX_CONFIRMED,
    Candidates,
    Split,
    find_target_copies,
    make_candidates,
    search_weak_slices,
    select_columns,
)
from mqa_registry import Evidence, ExampleRow, NotRunError, Probe, counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt

    from mqa_fairness.weak_slice_accuracy import Correctness, SliceResult
    from mqa_fairness.weak_slice_search import SearchResult
    from mqa_registry import ProbeContext, ViewContext

    Bools: TypeAlias = npt.NDArray[np.bool_]

SHARE, UNBOUNDED = (0.0, 1.0), (0.0, math.inf)
RANGES = {"value": SHARE, "weak_slices": UNBOUNDED, "candidate_slices": UNBOUNDED, "accuracy": SHARE}
MAX_REMARKS = 5  # slices in words
MAX_EXAMPLES = 5
SEARCH, HELD_OUT = "search", "held-out"
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("split", pa.string()),  # search or held-out, null where it was ignored
        ("ignored", pa.string()),  # why it was ignored, null where it counts
        ("correct", pa.bool_()),  # null where it was ignored
        ("slices", pa.list_(pa.int64())),  # those tested on the held-out rows that the row is in
        ("prediction", pa.string()),
        ("probability", pa.float64()),
        ("target", pa.string()),
        ("fields", pa.string()),  # of rows predicted wrong in one of them, as JSON
    ]
)


@dataclass(frozen=True)
class SearchSummary:
    """The metadata of the observations: the slices to be tested, and how the search found them."""

    slices: Sequence[str]
    n_candidates: int
    left_out: Sequence[str]
    confidence: float

    @classmethod
    def of(cls, observations: pa.Table) -> SearchSummary:
        return cls(**json.loads(observations.schema.metadata[b"search"]))

    def write(self, observations: pa.Table) -> pa.Table:
        return observations.replace_schema_metadata({"search": json.dumps(asdict(self))})


@dataclass(frozen=True, kw_only=True)
class WeakSliceOptions:
    """Which slices are tried, and how surely a weak one is confirmed.

    `min_rows` is how many rows a slice has inside and outside, in either half. `max_terms` is how many words of each
    text are tried, the most frequent ones. `columns` are tried instead of all but the texts, the targets, copies of them
    and the ids; `exclude_columns` are not tried. `confidence` is that of the tests together, and of each interval alone.
    """

    min_rows: Annotated[int, Ge(5)] = 30
    max_terms: Annotated[int, Ge(0)] = 500
    columns: list[str] | None = None
    exclude_columns: list[str] | None = None
    confidence: Annotated[float, Gt(0.5), Lt(1)] = 0.95


class WeakSlices(Probe[WeakSliceOptions]):
    """How far the accuracy in the worst slice lies below that elsewhere, of the slices where that is confirmed.

    Slices are the rows with a word, the quarters of the rows by number of words, the values of columns that have few,
    the quarters of columns of numbers, and any two of the worst of these together. They are sought on one half of the
    rows, drawn by the suite's seed; of those that look weak there the worst, 20 at most, are tested on the other half, by
    Fisher's exact test, one-sided, with Holm's correction. So what is confirmed anywhere, where there is nothing, is so
    in `1 - confidence` of all cases at most, however many slices were tried.

    `value` is the largest gap of a confirmed slice on the held-out half, as a difference of accuracies, 0 where none is
    confirmed. It is the largest of several, and so rather too large. `weak_slices` is the number of confirmed slices,
    `candidate_slices` that of slices that the search tried, and `accuracy` that of all rows that count. Rows without a
    prediction or a target are ignored, and of equal rows, or rows of one cluster, all but one: they are no further
    evidence. `accuracy` alone has an interval.
    """

    name = "weak-slices"
    inputs = "predictions"
    outputs = tuple(RANGES)
    ranges = RANGES
    text_columns = ("fields",)
    schemas = ("label",)
    version = 2

    def observe(self, context: ProbeContext, options: WeakSliceOptions) -> pa.Table:
        correctness = assess_correctness(context.view, context.rng)
        rows = np.flatnonzero(correctness.counted)
        _check_row_count(len(rows), correctness, options.min_rows)
        split = Split.draw(len(rows), options.min_rows, context.rng)
        candidates = _make_candidates(context.view, rows, split, options)
        result = search_weak_slices(candidates.slices, correctness.correct[rows], split)
        left_out = [*candidates.left_out, *_describe_left_out(result)]
        summary = SearchSummary(
            [each.name for each in result.candidates], result.n_candidates, left_out, options.confidence
        )
        return summary.write(_make_table(context.view, correctness, split, result))

    def numbers(self, table: pa.Table) -> Mapping[str, Any]:
        confirmed = _select_confirmed(_test_found_slices(table), table)
        correct = table.column("correct").drop_null()
        return {
            "value": max((each.gap for each in confirmed), default=0.0),
            "weak_slices": float(len(confirmed)),
            "candidate_slices": float(SearchSummary.of(table).n_candidates),
            "accuracy": np.array(correct.to_pylist(), dtype=bool),
        }

    def evidence(self, table: pa.Table) -> Evidence:
        """The confirmed slices in words, what was tried and left out, and wrong predictions in the worst of them."""
        tested = _test_found_slices(table)
        confirmed = _select_confirmed(tested, table)
        return Evidence(
            remarks=[*map(_describe_slice, confirmed[:MAX_REMARKS]), *_describe_search(table, tested, confirmed)],
            examples=_select_examples(table, [each.name for each in confirmed]),
            details={"slices": [_to_record(each, confirmed=each in confirmed) for each in tested]},
        )


def _check_row_count(rows: int, correctness: Correctness, min_rows: int) -> None:
    """Raise a NotRunError where too few rows count for slices of `min_rows`, inside and outside, in either half."""
    needed = 4 * min_rows
    if rows >= needed:
        return
    reasons = Counter(filter(None, correctness.ignored)).items()
    ignored = ", ".join(f"{count:,} {reason}" for reason, count in reasons)
    raise NotRunError(
        f"{counted(rows, 'row that counts is', 'rows that count are')} too few for slices of {min_rows}, which take {needed}"
        + (f" (ignored: {ignored})" if ignored else ""),
        hint="bring more rows, or lower `min_rows`",
    )


def _make_candidates(
    view: ViewContext, rows: npt.NDArray[np.int64], split: Split, options: WeakSliceOptions
) -> Candidates:
    """The slices that are tried, of the rows that count; raises a NotRunError where there is none."""
    lists = [name for name in view.rows.fields if pa.types.is_nested(view.rows.table.schema.field(name).type)]
    unread = list(dict.fromkeys([*view.rows.blobs, *lists]))
    table = view.rows.table.drop_columns(unread).take(pa.array(rows))
    fields = [name for name in view.rows.fields if name not in unread]
    columns = select_columns(table, fields, options.columns, options.exclude_columns)
    if not fields and not columns:
        raise NotRunError(
            "there is nothing to make slices of: the rows have no texts, and no columns but their ids and targets",
            hint="bring columns that say what rows are, such as a language or a source",
        )
    candidates = make_candidates(table, fields, columns, split, max_terms=options.max_terms)
    if not candidates.slices:
        raise NotRunError(
            f"no slice has {split.min_rows} rows inside and outside in either half", hint="lower `min_rows`"
        )
    copies = find_target_copies(table) if options.columns is None else []
    not_tried = [f"the column `{name}` has the values of the targets, and was not tried" for name in copies]
    return Candidates(candidates.slices, [*candidates.left_out, *not_tried])


def _make_table(view: ViewContext, correctness: Correctness, split: Split, result: SearchResult) -> pa.Table:
    """A row for each of the view, with what it takes to confirm the slices and to show them."""
    splits: list[str | None] = [None] * len(correctness.ignored)
    slices: list[list[int]] = [[] for _ in splits]
    for index, row in enumerate(np.flatnonzero(correctness.counted).tolist()):
        splits[row] = SEARCH if split.searched[index] else HELD_OUT
        slices[row] = [number for number, each in enumerate(result.candidates) if each.rows[index]]
    texts = (
        json.dumps({name: text for name, text in row.items() if isinstance(text, str)})
        for row in view.rows.named_examples()
    )
    in_slice = np.array([bool(numbers) for numbers in slices], dtype=bool)
    is_example = (in_slice & ~correctness.correct).tolist()
    columns = {
        "id": view.rows.ids.cast(pa.string()),
        "split": splits,
        "ignored": [reason or None for reason in correctness.ignored],
        "correct": pa.array(correctness.correct, mask=~correctness.counted),
        "slices": slices,
        "prediction": correctness.predictions,
        "probability": correctness.confidence,
        "target": correctness.targets,
        "fields": [text if keep else None for text, keep in zip(texts, is_example, strict=True)],
    }
    return pa.table(columns, schema=SCHEMA)


def _describe_left_out(result: SearchResult) -> Iterator[str]:
    if result.near_duplicates:
        yield f"{result.near_duplicates:,} that looked weak have nearly the rows of a weaker one, and were not tried again"
    if result.surplus:
        yield f"{result.surplus:,} more looked weak, beyond the {MAX_CONFIRMED} that were tested on the held-out rows"


def _test_found_slices(observations: pa.Table) -> list[SliceResult]:
    """Every slice that the search found, tested on the held-out rows, the largest gap first."""
    summary = SearchSummary.of(observations)
    rows = observations.filter(pc.field("split") == HELD_OUT)
    correct = np.array(rows.column("correct").to_pylist(), dtype=bool)
    inside = np.zeros((len(summary.slices), len(correct)), dtype=bool)
    for row, slices in enumerate(rows.column("slices").to_pylist()):
        inside[slices, row] = True
    tested = confirm_slices(summary.slices, list(inside), correct, summary.confidence)
    return sorted(tested, key=lambda each: -each.gap)


def _select_confirmed(tested: Sequence[SliceResult], observations: pa.Table) -> list[SliceResult]:
    level = 1 - SearchSummary.of(observations).confidence
    return [each for each in tested if each.adjusted_p_value <= level]


def _describe_slice(tested: SliceResult) -> str:
    return (
        f"{tested.accuracy:.1%} correct where {tested.name}, {tested.accuracy_elsewhere:.1%} elsewhere: a gap of "
        f"{tested.gap:.3f} ({tested.low:.3f} to {tested.high:.3f}), {counted(tested.rows, 'held-out row')}, "
        f"p {tested.adjusted_p_value:.2g} after correction"
    )


def _describe_search(
    observations: pa.Table, tested: Sequence[SliceResult], confirmed: Sequence[SliceResult]
) -> Iterator[str]:
    summary = SearchSummary.of(observations)
    if (more := len(confirmed) - MAX_REMARKS) > 0:
        yield f"{counted(more, 'more slice is', 'more slices are')} confirmed"
    tried = counted(summary.n_candidates, "slice was", "slices were")
    yield f"{tried} tried, {len(tested)} looked weak, {counted(len(confirmed), 'of them is', 'of them are')} confirmed"
    ignored = Counter(observations.column("ignored").drop_null().to_pylist())
    yield from (f"{counted(count, 'row was', 'rows were')} ignored: {reason}" for reason, count in ignored.items())
    yield from summary.left_out


def _select_examples(observations: pa.Table, worst: Sequence[str]) -> list[ExampleRow]:
    """Held-out rows of the worst slices that were predicted wrong, the most confident predictions first."""
    names = list(SearchSummary.of(observations).slices)
    wrong = [row for row in observations.to_pylist() if row["correct"] is False and row["split"] == HELD_OUT]
    wrong.sort(key=lambda row: -(row["probability"] or 0.0))
    examples: dict[str, ExampleRow] = {}
    for name in worst:
        for row in wrong:
            if names.index(name) in row["slices"]:
                examples.setdefault(row["id"], _to_example(row, name))
    return list(examples.values())[:MAX_EXAMPLES]


def _to_example(row: dict[str, Any], slice_name: str) -> ExampleRow:
    return ExampleRow(
        row["id"],
        json.loads(row["fields"]) if row["fields"] else {},
        target=row["target"],
        prediction=row["prediction"],
        probability=None if row["probability"] is None else round(row["probability"], 4),
        details={"slice": slice_name},
    )


def _to_record(tested: SliceResult, *, confirmed: bool) -> dict[str, Any]:
    return {
        "slice": tested.name, "rows": tested.rows, "accuracy": tested.accuracy,
        "accuracy_elsewhere": tested.accuracy_elsewhere, "gap": tested.gap, "low": tested.low, "high": tested.high,
        "p_value": tested.p_value, "adjusted_p_value": tested.adjusted_p_value, "confirmed": confirmed,
    }  # fmt: skip
