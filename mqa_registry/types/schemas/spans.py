"""Predictions that are spans of a text: named entities, and whatever else is marked in it."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from mqa_registry.errors import DataError
from mqa_registry.naming import counted, did_you_mean
from mqa_registry.types.columns import is_list
from mqa_registry.types.labels import is_missing, plain_label
from mqa_registry.types.schemas.schema import MisfitError, PartSchema
from mqa_registry.types.schemas.summarize import summarize_spans
from mqa_registry.types.tags import OUTSIDE, TagScheme, place_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mqa_registry.summaries import PredictionSummary
    from mqa_registry.types.predictions import Predictions, Targets
    from mqa_registry.types.schemas.schema import Columns
    from mqa_registry.types.targets import TargetColumn

SPAN = pa.struct([("start", pa.int64()), ("end", pa.int64()), ("label", pa.string()), ("score", pa.float64())])
DECISION = pa.struct([("start", pa.int32()), ("end", pa.int32()), ("label", pa.string()), ("margin", pa.float32())])
TOKENS = "tokens"  # the field of rows that are split into words
SAMPLE_LABEL, SAMPLE_END = "one", 8
BLOCK_ROWS = 4096  # of targets that are Python values at a time
LISTED_TYPES = 20  # that a hint lists


class SpansSchema(PartSchema):
    """Spans of a text: characters from `start` up to, and without, `end`; of a sound they are milliseconds.

    `decisions` has what was decided of each token or word, with the model's own tag: how sure that was is the `margin`
    between the probabilities of the likeliest tag and the next. Two predictions are equal where all spans have the same
    start, end and label.
    """

    name = "spans"
    column = "spans"
    type = pa.list_(SPAN)
    extra: ClassVar[Mapping[str, pa.DataType]] = {"decisions": pa.list_(DECISION)}
    has_classes = True
    required_fields = ("start", "end", "label")

    def check_rows(self, column: pa.ChunkedArray, ids: pa.ChunkedArray) -> None:
        """Every span has its needed fields, and ends behind its start, which is not in front of the text."""
        super().check_rows(column, ids)
        spans = pc.list_flatten(column)
        starts, ends = (pc.struct_field(spans, name) for name in ("start", "end"))
        wrong = pc.or_(pc.less(starts, 0), pc.less_equal(ends, starts))
        if pc.any(wrong).as_py():
            position = pc.index(wrong, value=True).as_py()
            row = pc.list_parent_indices(column)[position].as_py()
            raise DataError(
                f"row `{ids[row]}` has a span from {starts[position]} to {ends[position]}", hint=_range_hint()
            )

    def check_decoded(self, columns: Columns, classes: Sequence[str]) -> None:
        """No span is null or lacks a field, and each ends behind its start."""
        column = columns[self.column]
        spans = pc.list_flatten(column)
        if spans.null_count or any(pc.struct_field(spans, name).null_count for name in self.required_fields):
            raise MisfitError("gave a span without its start, end or label")
        starts, ends = (pc.struct_field(spans, name) for name in ("start", "end"))
        if pc.any(pc.or_(pc.less(starts, 0), pc.less_equal(ends, starts))).as_py():
            raise MisfitError("gave a span that does not end behind its start", _range_hint())

    def sample(self, classes: Sequence[str], *, as_targets: bool = False) -> tuple[Columns, tuple[str, ...]]:
        """A row with one span, and one with two, of which the second ends elsewhere in the targets."""
        label = next(iter(TagScheme.of(classes).types(classes)), SAMPLE_LABEL)
        last = SAMPLE_END + 1 if as_targets else SAMPLE_END
        one, other = ({"start": start, "end": end, "label": label, "score": None} for start, end in ((0, 3), (5, last)))
        return {self.column: pa.array([[one], [one, other]], self.type)}, tuple(classes)

    def canonicalize(self, prediction: Any) -> Any:
        """The start, end and label of every span, in whichever order."""
        return (
            None
            if prediction is None
            else frozenset((span["start"], span["end"], span["label"]) for span in prediction)
        )

    def summarize(self, predictions: Predictions, targets: Targets) -> PredictionSummary:
        """How often spans of each type are right."""
        return summarize_spans(predictions, targets)

    def read_targets(self, targets: TargetColumn, classes: Sequence[str]) -> pa.ChunkedArray:
        """Spans as they are, checked; tags, one for each of the row's `tokens`, as the spans that they mark.

        `classes` are the tags that the model knows, by name or by position; without any, labels are not checked.
        """
        kind = targets.values.type
        if not is_list(kind) or not (pa.types.is_struct(kind.value_type) or _is_tag(kind.value_type)):
            raise DataError(
                f"column `target` of the data set `{targets.data}` holds {kind}, and spans are needed",
                hint="lists of `{start, end, label}`, in characters of the text; or, with a column `tokens`, one tag each",
            )
        reader = _TargetReader(targets, classes)
        read = reader.read_spans if pa.types.is_struct(kind.value_type) else reader.read_tags
        blocks = [pa.array(block, self.type) for block in _iter_blocks(targets, read)]
        return pa.chunked_array(blocks, self.type)


class _TargetReader:
    """Reads the targets of rows, whose texts or tokens tell where spans may lie."""

    def __init__(self, targets: TargetColumn, classes: Sequence[str]) -> None:
        self._targets = targets
        self._classes = () if all(name.isdecimal() for name in classes) else classes  # numbers of tags without a model
        self._scheme = TagScheme.of(self._classes)
        self._labels = frozenset((*self._scheme.types(self._classes), *self._classes)) - {OUTSIDE}

    def read_spans(self, row: int, spans: Sequence[Any], context: str | list[str] | None) -> list[dict[str, Any]]:
        """The spans of a row in their order, checked."""
        length = None if context is None else len(context if isinstance(context, str) else " ".join(context))
        read = sorted(
            (self._read_span(row, span, length) for span in spans), key=lambda span: (span["start"], span["end"])
        )
        for one, other in pairwise(read):
            if other["start"] < one["end"]:
                places = " and ".join(f"{span['start']} to {span['end']}" for span in (one, other))
                raise self._error(row, f"has spans that overlap, {places}", "a character is in one span at most")
        return read

    def read_tags(self, row: int, tags: Sequence[Any], context: str | list[str] | None) -> list[dict[str, Any]]:
        """The spans that the tags of a row's tokens mark, in characters of the tokens joined by single spaces."""
        if not isinstance(context, list):
            raise DataError(
                f"the targets of the data set `{self._targets.data}` are tags, and its rows have no `tokens`",
                hint='map the column of the words that they tag: `columns = { tokens = "..." }`; or give spans',
            )
        if len(tags) != len(context):
            given, needed = counted(len(tags), "tag"), counted(len(context), "token")
            raise self._error(row, f"has {given} for {needed}", "each token has one tag, `O` outside of entities")
        names = [None if tag is None else self._read_tag(row, tag) for tag in tags]
        scheme = self._find_scheme([name for name in names if name is not None])
        places = place_words(context)
        return [
            {"start": places[entity.start][0], "end": places[entity.stop - 1][1], "label": entity.type}
            for entity in scheme.find_entities(names)
        ]

    def _find_scheme(self, names: Sequence[str]) -> TagScheme:
        """The scheme of a row's tags: the model's where they are its own, else one with prefixes."""
        if not self._classes:
            return TagScheme.of(names)
        return self._scheme if {*names} <= {*self._classes, OUTSIDE} else TagScheme(have_prefixes=True)

    def _read_span(self, row: int, span: Any, length: int | None) -> dict[str, Any]:
        values: Mapping[str, Any] = span or {}
        if lacking := [name for name in ("start", "end", "label") if is_missing(values.get(name))]:
            raise self._error(row, f"has a span without `{lacking[0]}`", "a span has `start`, `end` and `label`")
        start, end = (self._read_position(row, name, values[name]) for name in ("start", "end"))
        label = plain_label(values["label"])
        if not 0 <= start < end:
            raise self._error(row, f"has a span from {start} to {end}", _range_hint())
        if length is not None and end > length:
            raise self._error(
                row, f"has a span from {start} to {end}, and its text has {length} characters", _range_hint()
            )
        if self._labels and label not in self._labels:
            raise self._unknown(row, "a span", label, sorted(self._labels - set(self._classes)) or sorted(self._labels))
        return {"start": start, "end": end, "label": label}

    def _read_position(self, row: int, name: str, value: Any) -> int:
        """A whole number, which may be written as a float; to cut another would move the span."""
        is_whole = value.is_integer() if isinstance(value, float) else type(value) is int
        if not is_whole:
            raise self._error(row, f"has a span whose `{name}` is {value!r:.40}", f"whole numbers; {_range_hint()}")
        return int(value)

    def _read_tag(self, row: int, tag: Any) -> str:
        """The tag by its name; an integer is its position among the model's."""
        if isinstance(tag, int):
            if self._classes and 0 <= tag < len(self._classes):
                return self._classes[tag]
            known = f"there are {len(self._classes)}, numbered from 0" if self._classes else "their names are not known"
            raise self._error(row, f"has the tag {tag}, and {known}", "write tags by their names, as `B-PER`")
        name = str(tag).strip() or OUTSIDE
        if not self._classes or name in self._classes or name == OUTSIDE:
            return name
        if TagScheme(have_prefixes=True).parse(name).type in self._labels:
            return name  # of another scheme than the model's, for the same type of entity
        raise self._unknown(row, "the tag", name, self._classes)

    def _unknown(self, row: int, what: str, label: str, known: Sequence[str]) -> DataError:
        listed = ", ".join(f"`{name}`" for name in known[:LISTED_TYPES])
        given = f"{what} `{label}`" if what == "the tag" else f"{what} with the label `{label}`"
        hint = did_you_mean(label, known) or 'say which is which in the data set\'s table: `labels = { ... = "..." }`'
        return self._error(row, f"has {given}, which the model does not know; it knows {listed}", hint)

    def _error(self, row: int, what: str, hint: str) -> DataError:
        return DataError(f"{self._targets.position(row)} {what}", hint=hint)


def _iter_blocks(targets: TargetColumn, read: Any) -> Iterator[list[list[dict[str, Any]] | None]]:
    """The spans of some rows after the other; None for a row without a target."""
    column, contexts = targets.values, _find_contexts(targets)
    for start in range(0, max(1, len(column)), BLOCK_ROWS):
        rows = column.slice(start, BLOCK_ROWS).to_pylist()
        texts = [None] * len(rows) if contexts is None else contexts.slice(start, BLOCK_ROWS).to_pylist()
        pairs = enumerate(zip(rows, texts, strict=True), start)
        yield [None if value is None else read(row, value, text) for row, (value, text) in pairs]


def _find_contexts(targets: TargetColumn) -> pa.ChunkedArray | None:
    """The words of every row, else its text; None where no column, or one of several, may be the text, and of sounds."""
    table, fields = targets.rows.table, targets.rows.fields
    if TOKENS in table.column_names and is_list(table.schema.field(TOKENS).type):
        return table.column(TOKENS)
    if targets.rows.blobs:
        return None
    texts = [name for name in fields if pa.types.is_string(table.schema.field(name).type)]
    return table.column(texts[0]) if len(texts) == 1 else None


def _is_tag(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_integer(kind)
        or pa.types.is_null(kind)
    )


def _range_hint() -> str:
    return "a span has the characters from `start`, counted from 0, up to and without `end`"
