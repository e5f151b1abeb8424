"""Explanations: why a check does not hold, in the judge's words, what became of its rows, and a row that shows it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.text import Text

from mqa_registry.judging.result import Verdict
from mqa_registry.reports.console.layout import Note
from mqa_registry.reports.console.text import MAX_NOTE_CELLS, VERDICT_STYLES
from mqa_registry.reports.explanations import count_rows, explain_verdict, name_absent_classes, name_waiver_state
from mqa_registry.reports.number_format import format_number
from mqa_registry.reports.prediction_text import format_prediction
from mqa_registry.reports.summary import NOT_JUDGED

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mqa_registry.contributions import ExampleRow
    from mqa_registry.judging.result import Result
    from mqa_registry.reports.console.text import TextBuilder
    from mqa_registry.reports.report import CheckResults

_INDENT = "  "
_EXAMPLE_INDENT = 4  # cells before a text of a row
_MAX_EXAMPLES = 5  # of one result; the report file may have more
_MAX_LINES, _MAX_VERBOSE_LINES = 2, 20  # of one row's texts
# The judge's words for an estimate of all rows; of a group they go on with its name before the estimate.
_ESTIMATE = re.compile(
    r"(?P<number>\w+) is [-+\d.,e]+( \[[^]]*\])?, (?P<bound>[^;]*)(; about [\d,]+ \w+ would settle it)?"
)


def explain_check(check: CheckResults, builder: TextBuilder, printed: set[str]) -> Iterator[Note]:
    """One reason for all backends that share it, remarks, counts of rows and an example; of a check that holds, remarks.

    `printed` are the reasons and examples that the report has given before; those of this check are added.
    """
    broken = [result for result in check.results.values() if result.verdict is not Verdict.PASS]
    for results in _group_by_reason(broken, apart=builder.verbose > 0):
        yield _state_reason(results, check, builder, printed)
    explained = broken or (list(check.results.values()) if builder.verbose > 0 else [])
    yield from _state_waiver(check, builder)
    yield from _list_sentences({one.backend: one.evidence.remarks for one in explained}, builder)
    yield from _list_sentences({one.backend: one.evidence.notes for one in check.results.values()}, builder)
    if absent := name_absent_classes(check.results.values()):
        yield Note(builder.quote(absent, cells=MAX_NOTE_CELLS), Text(_INDENT))
    if rows := count_rows(check.results.values(), is_explained=bool(explained)):
        yield Note(builder.literal(rows, "dim"), Text(_INDENT))
    yield from _show_examples(explained, builder, printed)


def _group_by_reason(broken: Sequence[Result], *, apart: bool) -> list[list[Result]]:
    """Results with one verdict and one reason. Estimates of all rows may differ: each has a cell in the table.

    A group's estimate need not have one, and digits elsewhere are part of names, so these are part of the reason.
    """
    by_reason: dict[object, list[Result]] = {}
    for result in broken:
        estimate = None if apart else _ESTIMATE.fullmatch(result.note)
        note = result.note if estimate is None else (estimate["number"], estimate["bound"])
        by_reason.setdefault((result.verdict, note), []).append(result)
    return list(by_reason.values())


def _state_reason(results: Sequence[Result], check: CheckResults, builder: TextBuilder, printed: set[str]) -> Note:
    first = results[0]
    names = [builder.quote(result.backend) for result in results]
    backends = builder.join(" on ", Text(" and ").join(names)) if len(results) < len(check.results) else Text()
    weight = "" if check.is_critical else ", not critical"
    verdict = builder.literal(first.verdict.value, VERDICT_STYLES[first.verdict])
    lead = builder.join(verdict, backends, weight, ": ")
    if first.verdict in NOT_JUDGED and first.note in printed:  # what a backend could not do fails all its checks
        return Note(builder.join(lead, "as above"), Text(_INDENT))
    printed.add(first.note)
    return Note(builder.join(lead, builder.quote(explain_verdict(results), cells=MAX_NOTE_CELLS)), Text(_INDENT))


def _state_waiver(check: CheckResults, builder: TextBuilder) -> Iterator[Note]:
    """Why a failure is accepted and until when, or that its waiver is overdue."""
    waiver = check.first_result.waiver
    if not waiver:
        return
    style = "bold red" if check.is_overdue else "bold"
    state = builder.literal(name_waiver_state(waiver), style)
    yield Note(builder.join(state, ": ", builder.quote(waiver.reason, cells=MAX_NOTE_CELLS)), Text(_INDENT))


def _list_sentences(sentences: Mapping[str, Sequence[str]], builder: TextBuilder) -> Iterator[Note]:
    """The sentences of each backend, each once; with its backends, where not all of them have it."""
    backends_by_sentence: dict[str, dict[str, None]] = {}
    for backend, each in sentences.items():
        for sentence in each:
            backends_by_sentence.setdefault(sentence, {})[backend] = None
    for sentence, sources in backends_by_sentence.items():
        names = [builder.quote(backend) for backend in sources if backend]
        is_shared = len(sources) == len(sentences)
        backends = builder.join(Text(" and ").join(names), ": ") if names and not is_shared else Text()
        yield Note(builder.join(backends, builder.quote(sentence, cells=MAX_NOTE_CELLS)), Text(_INDENT))


def _show_examples(results: Sequence[Result], builder: TextBuilder, printed: set[str]) -> Iterator[Note]:
    """One example that the report has not shown before, or all such: what was predicted, then the row's text."""
    examples = [(example, result) for result in results for example in result.evidence.examples[:_MAX_EXAMPLES]]
    by_key = {_key_of(example): (example, result) for example, result in reversed(examples)}
    fresh = [pair for key, pair in by_key.items() if key not in printed][::-1]
    chosen = fresh if builder.verbose > 0 else (fresh or examples)[:1]
    printed.update(_key_of(example) for example, _ in chosen)
    for example, result in chosen:
        yield from _render_example(example, result, builder)


def _key_of(example: ExampleRow) -> str:
    """What distinguishes one example from another: the row, as it was perturbed."""
    return f"{example.id} {example.perturbed}"


def _render_example(example: ExampleRow, result: Result, builder: TextBuilder) -> Iterator[Note]:
    name = builder.join(" ", builder.quote(example.id)) if example.id else Text()
    parts = _list_predictions(example, result, builder)
    if example.target is not None:
        parts.append(builder.join("right is ", _render_prediction(example.target, builder)))
    if example.margin is not None:
        parts.append(Text(f"margin {format_number(example.margin)}"))
    heading = builder.join(builder.literal("e.g.", "dim"), name, ": " if parts else "", Text(", ").join(parts))
    yield Note(heading, Text(_INDENT))
    yield from _quote_texts(example.fields, builder)
    yield from _quote_texts(_select_changes(example), builder, sign="→")


def _list_predictions(example: ExampleRow, result: Result, builder: TextBuilder) -> list[Text]:
    """The prediction that is compared with, where there is one, and the one that is judged."""
    backend = (result.against or {}).get("backend")
    pairs = [(backend, example.reference), (result.backend, _with_probability(example))]
    predictions = [(name, _render_prediction(each, builder)) for name, each in pairs if each is not None]
    if backend is not None:
        return [builder.join(builder.quote(name), " ", prediction) for name, prediction in predictions]
    if len(predictions) == len(pairs):
        (_, before), (_, now) = predictions
        return [builder.join(before, " → ", now)]
    return [builder.join("answered ", prediction) for _, prediction in predictions]


def _with_probability(example: ExampleRow) -> object:
    """The prediction that is judged, with its probability; None where there is none."""
    if example.prediction is None or isinstance(example.prediction, Mapping):
        return example.prediction
    return {"label": example.prediction, "probability": example.probability}


def _render_prediction(prediction: object, builder: TextBuilder) -> Text:
    """One prediction, with its probability where it is known."""
    if not isinstance(prediction, Mapping):
        return builder.quote("no answer" if prediction is None else format_prediction(prediction))
    label = _render_prediction(prediction.get("label"), builder)
    probability = prediction.get("probability")
    return builder.join(label, f" ({format_number(probability)})") if isinstance(probability, int | float) else label


def _join_texts(value: object) -> object:
    """A list of texts, such as those of a group's members, or the columns of a row as one text; any other value as it is."""
    if isinstance(value, Mapping):
        return " | ".join(f"{name}: {'missing' if one is None else one}" for name, one in value.items())
    if isinstance(value, list | tuple) and value and all(isinstance(one, str) for one in value):
        return " | ".join(value)
    return value


def _select_changes(example: ExampleRow) -> dict[str, Any]:
    """The fields of a perturbed row, of columns those alone that are others."""
    changes = dict(example.perturbed)
    for name, value in example.perturbed.items():
        before = example.fields.get(name)
        if isinstance(value, Mapping) and isinstance(before, Mapping):
            changes[name] = {column: one for column, one in value.items() if one != before.get(column)}
    return changes


def _quote_texts(fields: Mapping[str, Any], builder: TextBuilder, *, sign: str = "") -> Iterator[Note]:
    """The texts of a row in quotes; of several fields, each with its name. The `sign` is before each of them."""
    lines = _MAX_VERBOSE_LINES if builder.verbose > 0 else _MAX_LINES
    cells = (builder.width - _EXAMPLE_INDENT - 4) * lines // max(len(fields), 1)
    for name, text in fields.items():
        if text is None:
            continue
        label = builder.quote(f"{name} " if len(fields) > 1 else "")
        quoted = builder.join(label, '"', builder.quote(_join_texts(text), cells=cells), '"')
        quoted.stylize("italic dim")
        yield Note(quoted, builder.literal(sign.rjust(_EXAMPLE_INDENT - 1) + " ", "dim"))
