"""Answers to a question that stand in a context: how data sets write them, what makes two alike, and edits of the context."""

from __future__ import annotations

import re
import string
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mqa_registry.types.edits import cuts_span, edited, move_spans

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mqa_registry.types.edits import Edit

CONTEXT = "context"  # the field of rows that answers stand in
TEXT, START = "text", "answer_start"  # of an answer, as SQuAD has them
ARTICLES = re.compile(r"\b(a|an|the)\b")
PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalize_answer(text: str) -> str:
    """An answer in lower case, without ASCII punctuation and the articles a, an and the, its words parted by single spaces.

    It is what the evaluation of SQuAD does (Rajpurkar et al. 2016, https://arxiv.org/abs/1606.05250): answers that come out
    equal are the same.
    """
    return " ".join(ARTICLES.sub(" ", text.lower().translate(PUNCTUATION)).split())


@dataclass(frozen=True)
class Answer:
    """A text, and its first character in the context, None where that is not given."""

    text: str
    start: int | None = None

    @property
    def end(self) -> int:
        """The character of the context after its last; of an answer with a position."""
        assert self.start is not None
        return self.start + len(self.text)


def parse_answers(value: Any) -> list[Answer]:
    """The acceptable answers that a target gives; none where it says that the context has no answer.

    A target is a text, or a list of texts; or as SQuAD has them, `{text, answer_start}` with a list in each, or a list of
    such objects with one text each. A ValueError says what is wrong with it.
    """
    if isinstance(value, str):
        return [Answer(value)] if value else []
    if isinstance(value, dict):
        texts, starts = value.get(TEXT), value.get(START)
        texts, starts = ([one] if isinstance(one, str | int) else one for one in (texts, starts))
        starts = [None] * len(texts or ()) if starts is None else starts
        if len(texts or ()) != len(starts):
            raise ValueError(f"{len(texts or ())} texts, and {len(starts)} positions")
        return [Answer(text or "", start) for text, start in zip(texts or (), starts, strict=True) if text]
    return [answer for one in value for answer in parse_answers(one or "")]


def move_answers(value: Any, context: str, edits: Sequence[Edit]) -> Any | None:
    """A target after edits of the context, in the form that it came in; None where they leave some answer no counterpart.

    An answer without a position is each of its copies in the context: they have to come out alike.
    """
    if isinstance(value, str):
        moved = _move_answer(Answer(value), context, edits)
        return None if moved is None else moved.text
    if isinstance(value, dict):
        answers = [_move_answer(one, context, edits) for one in parse_answers(value)]
        if any(one is None for one in answers):
            return None
        texts, starts = [one.text for one in answers if one], [one.start for one in answers if one]
        if isinstance(value.get(TEXT), str):
            return {**value, TEXT: texts[0], START: starts[0]} if texts else value
        return {**value, TEXT: texts, START: None if value.get(START) is None else starts}
    moved_values = [move_answers(one, context, edits) for one in value]
    return None if any(one is None for one in moved_values) else moved_values


def _move_answer(answer: Answer, context: str, edits: Sequence[Edit]) -> Answer | None:
    if not answer.text:
        return answer
    starts = [answer.start] if answer.start is not None else list(_find_copies(answer.text, context))
    spans = [{"start": start, "end": start + len(answer.text)} for start in starts]
    if cuts_span(spans, context, edits):
        return None
    moved, after = move_spans(spans, context, edits), edited(context, edits)
    texts = {after[span["start"] : span["end"]] for span in moved}
    if not spans:
        return answer
    if len(moved) < len(spans) or len(texts) > 1 or not (text := texts.pop()):
        return None
    return Answer(text, None if answer.start is None else moved[0]["start"])


def _find_copies(text: str, context: str) -> Iterator[int]:
    """Where a text begins in a context, copies that overlap left out."""
    start = context.find(text)
    while start >= 0:
        yield start
        start = context.find(text, start + len(text))
