"""Examples: rows that show what a number means, with the answer given and the right one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.text import Text

from mqa_registry.report.console.layout import Note
from mqa_registry.report.numbers import plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mqa_registry.judging.result import Result
    from mqa_registry.report.console.pen import Pen

_INDENT = 4
_MOST = 5  # of one result; the report file may have more
_BEFORE = ("reference", "before")  # where an example keeps the answer that is held against
_AFTER = ("prediction", "candidate", "after")  # and the one that is judged


def examples(results: Sequence[Result], pen: Pen, told: set[str]) -> Iterator[Note]:
    """One example, or all of them: what was answered, then the row's text. `told` are those that were shown before."""
    found = [(row, result) for result in results for row in _rows(result)]
    fresh = list({_key(row): (row, result) for row, result in reversed(found) if _key(row) not in told}.values())[::-1]
    shown = fresh if pen.verbose > 0 else (fresh or found)[:1]
    told.update(_key(row) for row, _ in shown)
    for row, result in shown:
        yield from _example(row, result, pen)


def _rows(result: Result) -> list[Mapping[str, Any]]:
    found = result.evidence.get("examples")
    return [row for row in found[:_MOST] if isinstance(row, Mapping)] if isinstance(found, list | tuple) else []


def _key(row: Mapping[str, Any]) -> str:
    """What tells one example from another: the row, as it was perturbed."""
    return f"{row.get('id')} {row.get('disturbed')}"


def _example(row: Mapping[str, Any], result: Result, pen: Pen) -> list[Note]:
    name = pen.line(" ", pen.data(row["id"])) if "id" in row else Text()
    said = Text(", ").join([part for part in (*_answers(row, result, pen), _right(row, pen), _margin(row)) if part])
    notes = [Note(pen.line(pen.own("e.g.", "dim"), name, ": " if said else "", said), Text("  "))]
    notes += [_quoted(text, pen) for key in ("text", "fields") for text in _texts(row.get(key), pen)]
    return notes + [_quoted(text, pen, sign="→") for text in _texts(row.get("disturbed"), pen)]


def _answers(row: Mapping[str, Any], result: Result, pen: Pen) -> list[Text]:
    """What was answered; after what the reference answered, where there is one."""
    before = [_said(row[key], pen) for key in _BEFORE if key in row]
    after = [_said(_sure(row, key), pen) for key in _AFTER if key in row]
    other = (result.against or {}).get("backend")
    if other is not None:
        named = [pen.line(pen.data(other), " ", answer) for answer in before]
        return named + [pen.line(pen.data(result.backend), " ", answer) for answer in after]
    if before and after:
        return [pen.line(before[0], " → ", after[0])]
    return [pen.line("answered ", answer) for answer in before + after]


def _sure(row: Mapping[str, Any], key: str) -> object:
    """The row's answer, with its probability where that stands beside it."""
    answer = row[key]
    return answer if isinstance(answer, Mapping) else {"label": answer, "probability": row.get("probability")}


def _right(row: Mapping[str, Any], pen: Pen) -> Text:
    return pen.line("right is ", _said(row["target"], pen)) if row.get("target") is not None else Text()


def _margin(row: Mapping[str, Any]) -> Text:
    """How far ahead of the next the answer was that flipped."""
    margin = row.get("margin")
    return Text(f"margin {plain(margin)}") if isinstance(margin, int | float) else Text()


def _said(answer: object, pen: Pen) -> Text:
    """One answer: a label, with its probability where it is known."""
    if not isinstance(answer, Mapping):
        return pen.data("no answer" if answer is None else answer)
    label = _said(answer.get("label"), pen)
    probability = answer.get("probability")
    if not isinstance(probability, int | float):
        return label
    return pen.line(label, f" ({plain(probability)})")


def _texts(value: object, pen: Pen) -> list[Text]:
    """The texts of a row, quoted; where it has several fields, each with its name."""
    fields = value if isinstance(value, Mapping) else {"": value}
    lines = 20 if pen.verbose > 0 else 2
    most = (pen.width - _INDENT - 4) * lines // max(len(fields), 1)
    return [
        pen.line(pen.data(f"{name} " if len(fields) > 1 else ""), '"', pen.data(text, cells=most), '"')
        for name, text in fields.items()
        if text is not None
    ]


def _quoted(text: Text, pen: Pen, *, sign: str = "") -> Note:
    text.stylize("italic dim")
    return Note(text, pen.own(sign.rjust(_INDENT - 1) + " ", "dim"))
