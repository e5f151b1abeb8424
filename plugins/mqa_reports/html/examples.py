"""Example rows as tables: what the model read, with the changed characters marked, and what it predicted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from mqa_registry import format_number, format_prediction, normalize_answer
from mqa_reports.html.sharing import share
from mqa_reports.html.text_changes import Segment, mark_changes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mqa_registry import ExampleRow, Result


MAX_TEXT = 500  # characters of a text, as in a report file


class FieldView(NamedTuple):
    """A field of a row, before a perturbation and as the model saw it; `after` is empty where that is the same.

    `kind` is the modality, which decides what draws it in the template `fields.html.j2`. `lengths` are those of texts that
    are cut.
    """

    name: str
    kind: str
    before: Sequence[Segment]
    after: Sequence[Segment]
    lengths: Sequence[int] = ()


class ExampleView(NamedTuple):
    """A row of a table of examples; `cells` are by the table's columns."""

    id: str
    fields: Sequence[FieldView]
    cells: Sequence[str]
    is_wrong: bool


@dataclass(frozen=True)
class ExampleTable:
    """Examples of some backends that have the same; `columns` are those after the row's id and its fields."""

    backends: str
    columns: Sequence[str]
    has_fields: bool
    rows: Sequence[ExampleView]


def make_example_tables(results: Sequence[Result]) -> list[ExampleTable]:
    """A table for each backend's examples; backends with the same examples share one."""
    return [
        make_example_table(backends, examples)
        for backends, examples in share([(result.backend, result.evidence.examples) for result in results])
    ]


def format_plain(value: Any) -> str:
    """Any plain value as text: a number as reports have it, `none` for nothing and for an empty list, a table as JSON."""
    match value:
        case str():
            text = value
        case None | []:
            text = "none"
        case bool():
            text = "yes" if value else "no"
        case int() | float():
            text = format_number(value)
        case {"label": label, "probability": probability, **others} if not others:
            text = _format_prediction(label, probability)
        case [*items] if all(isinstance(one, str | int | float) for one in items):
            text = ", ".join(map(format_plain, items))
        case [{"label": _}, *_] | [{"id": _, "relevance": _}, *_]:  # spans and boxes; what is relevant
            text = format_prediction(value)
        case _:
            text = json.dumps(value, ensure_ascii=False, default=str)
    return text


def make_example_table(backends: str, examples: Sequence[ExampleRow]) -> ExampleTable:
    """The table of some examples; columns in which all are empty are left out."""
    columns: dict[str, list[str]] = {
        "target": [_format_prediction(example.target) for example in examples],
        "reference": [_format_prediction(example.reference) for example in examples],
        "prediction": [_format_prediction(example.prediction, example.probability) for example in examples],
        "margin": [_format_optional(example.margin) for example in examples],
    }
    for name in dict.fromkeys(name for example in examples for name in example.details):
        columns[name] = [_format_optional(example.details.get(name)) for example in examples]
    shown = {name: cells for name, cells in columns.items() if any(cells)}
    rows = [
        ExampleView(example.id, fields, cells, _is_wrong(example))
        for example, fields, cells in zip(
            examples, map(_make_fields, examples), _transpose(shown, len(examples)), strict=True
        )
    ]
    return ExampleTable(backends, list(shown), any(row.fields for row in rows), rows)


def _transpose(columns: Mapping[str, Sequence[str]], n_rows: int) -> list[list[str]]:
    return [[cells[row] for cells in columns.values()] for row in range(n_rows)]


def _make_fields(example: ExampleRow) -> list[FieldView]:
    names = dict.fromkeys([*example.fields, *example.perturbed])
    return [_make_field(name, example) for name in names]


def _make_field(name: str, example: ExampleRow) -> FieldView:
    values = {part: getattr(example, part).get(name) for part in ("fields", "perturbed")}
    texts = {part: _format_field(value) for part, value in values.items() if value is not None}
    cut = {
        part: example.truncated.get(f"{part}.{name}", {}).get("characters", len(text)) for part, text in texts.items()
    }
    lengths = [characters for characters in cut.values() if characters > MAX_TEXT]
    before, after = (texts.get(part, "")[:MAX_TEXT] for part in values)
    kind = "text" if any(isinstance(value, str) for value in values.values()) else "plain"
    if "perturbed" not in texts:
        return FieldView(name, kind, [Segment(before, is_changed=False)], (), lengths)
    return FieldView(name, kind, *mark_changes(before, after), lengths)


def _format_field(value: Any) -> str:
    """A field as text: the columns of a row one after the other, any other value as `format_plain` has it."""
    if not isinstance(value, Mapping):
        return format_plain(value)
    return ", ".join(f"{name}: {'missing' if one is None else format_plain(one)}" for name, one in value.items())


def _format_optional(value: Any) -> str:
    text = "" if value is None else format_plain(value)
    return text if len(text) < MAX_TEXT else f"{text[:MAX_TEXT]}…"


def _format_prediction(value: Any, probability: Any = None) -> str:
    """A prediction or a target in its cell: `none` where that is no answer or no label, nothing where there is no prediction."""
    text = format_prediction(value) if value == "" else _format_optional(value)
    if not isinstance(probability, int | float):
        return text
    return f"{text} ({probability:.4g})"


def _is_relevance(value: Any) -> bool:
    """Whether it is a thing that is relevant, `{id, relevance}`."""
    return isinstance(value, Mapping) and value.keys() == {"id", "relevance"}


def _is_wrong(example: ExampleRow) -> bool:
    prediction = example.prediction
    label = prediction.get("label") if isinstance(prediction, Mapping) else prediction
    target = example.target
    if target is None or label is None or isinstance(label, float):  # a number is near its target, or far
        return False
    if isinstance(label, list) and isinstance(target, list) and target and all(map(_is_relevance, target)):
        return not any(one["id"] == label[0] for one in target) if label else True
    if isinstance(label, str) and isinstance(target, list):  # an answer, and all that are acceptable
        return normalize_answer(label) not in map(normalize_answer, target or [""])
    if isinstance(label, list) and all(isinstance(one, str) for one in (*label, *target)):
        return set(label) != set(target)
    return bool(label != target)
