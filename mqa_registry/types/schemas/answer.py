"""Predictions that answer a question by a part of its context, and their targets: all answers that are acceptable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from mqa_registry.errors import DataError
from mqa_registry.types.answers import CONTEXT, START, TEXT, normalize_answer, parse_answers
from mqa_registry.types.columns import is_list
from mqa_registry.types.schemas.schema import MisfitError, Schema

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mqa_registry.types.answers import Answer
    from mqa_registry.types.schemas.schema import Columns
    from mqa_registry.types.targets import TargetColumn

CANDIDATE = pa.struct([("answer", pa.string()), ("score", pa.float64())])
BLOCK_ROWS = 4096  # of targets that are Python values at a time
SHOWN_LENGTH = 60  # characters of an answer that a message has room for


class AnswerSchema(Schema):
    """One answer a row, of the words of the row's context; an empty one where the context has none.

    `start` and `end` say where it stands, in characters. `score` is its probability, `no_answer_score` that of no answer.
    `candidates` are the likeliest answers of different texts, the best first: how far the score of the first is from the
    next is how sure the model was. Two predictions are equal where their texts are, wherever they stand. Targets are lists
    of texts, of which any is right.
    """

    name = "answer"
    column = "answer"
    type = pa.string()
    extra: ClassVar[Mapping[str, pa.DataType]] = {
        "start": pa.int64(),
        "end": pa.int64(),
        "score": pa.float64(),
        "no_answer_score": pa.float64(),
        "candidates": pa.list_(CANDIDATE),
    }
    may_quote_rows = True
    sample_predictions = ("one two three", "")
    sample_targets = (["one two three four"], [])  # of which F1 is between 0 and 1

    def check_decoded(self, columns: Columns, classes: Sequence[str]) -> None:
        """An answer ends behind its start, which is not in front of the context."""
        if not {"start", "end"} <= columns.keys():
            return
        starts, ends = columns["start"], columns["end"]
        if pc.any(pc.or_(pc.less(starts, 0), pc.less(ends, starts))).as_py():
            raise MisfitError("gave an answer that ends in front of its start")

    def agree(self, one: Any, other: Any) -> bool:
        """Whether two answers have one text; or whether an answer is, by SQuAD's rules, one of the acceptable ones."""
        if not isinstance(other, list):
            return bool(one == other)
        return normalize_answer(one or "") in map(normalize_answer, other or [""])

    def sample(self, classes: Sequence[str], *, as_targets: bool = False) -> tuple[Columns, tuple[str, ...]]:
        """An answer, and none."""
        if as_targets:
            return {self.column: pa.array(self.sample_targets, pa.list_(self.type))}, ()
        return {self.column: pa.array(self.sample_predictions, self.type)}, ()

    def read_targets(self, targets: TargetColumn, classes: Sequence[str]) -> pa.ChunkedArray:
        """Lists of acceptable texts, none where the context has no answer.

        A target is a text, a list of texts, or SQuAD's `answers`. A DataError names the row of an answer that is not in its
        context, or not where it is said to be.
        """
        kind = targets.values.type
        if not _may_be_answers(kind):
            raise DataError(
                f"column `target` of the data set `{targets.data}` holds {kind}, and answers are needed",
                hint="a text, a list of texts, or `{text, answer_start}` as SQuAD has it; empty where there is no answer",
            )
        table = targets.rows.table
        contexts = table.column(CONTEXT) if CONTEXT in table.column_names else None
        blocks = []
        for start in range(0, max(1, len(targets.values)), BLOCK_ROWS):
            values = targets.values.slice(start, BLOCK_ROWS).to_pylist()
            texts = [None] * len(values) if contexts is None else contexts.slice(start, BLOCK_ROWS).to_pylist()
            pairs = enumerate(zip(values, texts, strict=True), start)
            rows = [None if value is None else _read_row(targets, row, value, text) for row, (value, text) in pairs]
            blocks.append(pa.array(rows, pa.list_(self.type)))
        return pa.chunked_array(blocks, pa.list_(self.type))


def _read_row(targets: TargetColumn, row: int, value: Any, context: str | None) -> list[str]:
    """The distinct acceptable texts of a row, each of which is in the context, where that is known."""
    try:
        answers = parse_answers(value)
    except ValueError as error:
        raise DataError(
            f"{targets.position(row)} has answers with {error}", hint="each answer has one position"
        ) from error
    for answer in answers if context is not None else ():
        _check_position(targets, row, answer, context)
    return list(dict.fromkeys(answer.text for answer in answers))


def _check_position(targets: TargetColumn, row: int, answer: Answer, context: str | None) -> None:
    assert context is not None
    given = f"{targets.position(row)} has the answer {_shorten(answer.text)}"
    if answer.start is None:
        if answer.text not in context:
            raise DataError(f"{given}, which is not in its context", hint="an answer is a part of it, to the letter")
        return
    found = context[answer.start : answer.end] if answer.start >= 0 else ""
    if found != answer.text:
        there = f"has {_shorten(found)} there" if found else f"has {len(context)} characters"
        raise DataError(
            f"{given} at {answer.start}, and its context {there}",
            hint=f"`{START}` counts characters from 0; leave it out where an answer may stand anywhere",
        )


def _may_be_answers(kind: pa.DataType) -> bool:
    """Whether a column has texts, objects with a text, or lists of either."""
    if is_list(kind):
        return not is_list(kind.value_type) and _may_be_answers(kind.value_type)
    if pa.types.is_struct(kind):
        return TEXT in {field.name for field in kind}
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind))


def _shorten(text: str) -> str:
    return f"`{text}`" if len(text) <= SHOWN_LENGTH else f"`{text[: SHOWN_LENGTH - 3]}...`"
