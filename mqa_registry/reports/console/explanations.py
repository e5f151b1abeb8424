"""Explanations: why a check does not hold, in the judge's words, what became of its rows, and a row that shows it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.text import Text

from mqa_registry.judging.result import Verdict
from mqa_registry.judging.waivers import WaiverState
from mqa_registry.reports.console.layout import Note
from mqa_registry.reports.console.text import MAX_NOTE_CELLS, VERDICT_STYLES
from mqa_registry.reports.number_format import format_count, format_number
from mqa_registry.reports.summary import NOT_JUDGED

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mqa_registry.judging.result import Result
    from mqa_registry.reports.console.text import TextBuilder
    from mqa_registry.reports.report import CheckResults

_INDENT = "  "
_EXAMPLE_INDENT = 4  # cells before a text of a row
_MAX_EXAMPLES = 5  # of one result; the report file may have more
_MAX_LINES, _MAX_VERBOSE_LINES = 2, 20  # of one row's texts
_MAX_CLASSES = 5  # that no row has, by name
_DEFAULT_REASONS = {
    Verdict.FAIL: "it lies beyond its bound",
    Verdict.INCONCLUSIVE: "the rows at hand settle it neither way",
    **NOT_JUDGED,
}
_WAIVERS = {
    WaiverState.ACCEPTED: "waived until {}",
    WaiverState.EXPIRED: "FAIL: the waiver expired after {}; mend the check, or renew the waiver",
    WaiverState.UNNEEDED: "FAIL: the check holds without its waiver until {}; take that out of the suite",
}
# The judge's words for an estimate of all rows; of a group they go on with its name before the estimate.
_ESTIMATE = re.compile(
    r"(?P<number>\w+) is [-+\d.,e]+( \[[^]]*\])?, (?P<bound>[^;]*)(; about [\d,]+ \w+ would settle it)?"
)
# Keys of the evidence that count rows, with what is said of these.
_IGNORED_ROWS = {"missing": "without an answer", "unlabelled": "without a target"}
_ROWS = {"changed": "changed", "declined": "declined", **_IGNORED_ROWS}
# Keys of an example for the prediction that is compared with, and for the one that is judged.
_REFERENCE_KEYS = ("reference", "before")
_CANDIDATE_KEYS = ("prediction", "candidate", "after")


def explain_check(check: CheckResults, builder: TextBuilder, printed: set[str]) -> Iterator[Note]:
    """One reason for all backends that share it, remarks, counts of rows and an example; of a check that holds, remarks.

    `printed` are the reasons and examples that the report has given before; those of this check are added.
    """
    broken = [result for result in check.results.values() if result.verdict is not Verdict.PASS]
    for results in _group_by_reason(broken, apart=builder.verbose > 0):
        yield _state_reason(results, check, builder, printed)
    explained = broken or (list(check.results.values()) if builder.verbose > 0 else [])
    yield from _state_waiver(check, builder)
    yield from _list_sentences("remarks", explained, builder)
    yield from _list_sentences("notes", list(check.results.values()), builder)
    yield from _name_absent_classes(check, builder)
    yield from _count_rows(check, builder, is_explained=bool(explained))
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
    reason = builder.quote(first.note or _DEFAULT_REASONS[first.verdict], cells=MAX_NOTE_CELLS)
    return Note(builder.join(lead, reason, _describe_required_rows(results)), Text(_INDENT))


def _describe_required_rows(results: Sequence[Result]) -> str:
    """How many rows, or what else, would settle it; nothing where the judge does not know or its note says so."""
    required = max(_int_or_zero(result.evidence.get("rows_to_settle")) for result in results)
    is_in_note = str(required) in results[0].note.replace(",", "")
    unit = results[0].evidence.get("settled_by", "rows")
    return f"; about {format_count(required)} {unit} would settle it" if required and not is_in_note else ""


def _state_waiver(check: CheckResults, builder: TextBuilder) -> Iterator[Note]:
    """Why a failure is accepted and until when, or that its waiver is overdue."""
    waiver = check.first_result.waiver
    if not waiver:
        return
    style = "bold red" if check.is_overdue else "bold"
    state = builder.literal(_WAIVERS[waiver["state"]].format(waiver["until"]), style)
    yield Note(builder.join(state, ": ", builder.quote(waiver["reason"], cells=MAX_NOTE_CELLS)), Text(_INDENT))


def _list_sentences(key: str, results: Sequence[Result], builder: TextBuilder) -> Iterator[Note]:
    """The sentences under a key of the evidence, each once; with its backends, where not all results have it."""
    backends_by_sentence: dict[str, dict[str, None]] = {}
    for result in results:
        for sentence in result.evidence.get(key) or ():
            backends_by_sentence.setdefault(str(sentence), {})[result.backend] = None
    for sentence, sources in backends_by_sentence.items():
        names = [builder.quote(backend) for backend in sources if backend]
        is_shared = len(sources) == len(results)
        backends = builder.join(Text(" and ").join(names), ": ") if names and not is_shared else Text()
        yield Note(builder.join(backends, builder.quote(sentence, cells=MAX_NOTE_CELLS)), Text(_INDENT))


def _name_absent_classes(check: CheckResults, builder: TextBuilder) -> Iterator[Note]:
    """Classes that no row has, whatever the verdict: the number is one of the other classes alone."""
    results = check.results.values()
    absent = dict.fromkeys(str(name) for one in results for name in one.evidence.get("absent") or ())
    notes = [one.note for one in results if one.verdict is not Verdict.PASS]
    names = [name for name in absent if not any(f"no row is `{name}`" in note for note in notes)]
    if names:
        listed = Text(", ").join([builder.quote(f"`{name}`") for name in names[:_MAX_CLASSES]])
        more = f" and {len(names) - _MAX_CLASSES:,} more" if len(names) > _MAX_CLASSES else ""
        noun = "no row is of class " if len(names) == 1 else "no row is of the classes "
        yield Note(builder.join(noun, listed, more), Text(_INDENT))


def _count_rows(check: CheckResults, builder: TextBuilder, *, is_explained: bool) -> Iterator[Note]:
    """Rows by what became of them: those that were ignored, and for a check that is explained all others.

    So too where a perturbation changed few rows. A sweep has lines for how far its rows were perturbed.
    """
    results = check.results.values()
    needs_all = is_explained or any(_changed_few_rows(result) for result in results)
    words_by_key = _ROWS if needs_all and not check.first_result.series else _IGNORED_ROWS
    counts = {
        key: count
        for key in words_by_key
        if (count := max(_int_or_zero(result.evidence.get(key)) for result in results))
    }
    words = [f"{format_count(count)} {words_by_key[key]}" for key, count in counts.items()]
    edits = max((each for result in results if isinstance(each := result.evidence.get("edits"), float)), default=0.0)
    if edits and "changed" in counts:
        words[0] += f" by {edits:.1f} edits each"
    if words:
        yield Note(builder.literal(f"rows: {', '.join(words)}", "dim"), Text(_INDENT))


def _changed_few_rows(result: Result) -> bool:
    """Whether a perturbation left most rows as they were, so that the number says little of it."""
    rows = max((number.rows for number in result.numbers.values()), default=0)
    return 0 < 2 * _int_or_zero(result.evidence.get("changed")) < rows


def _int_or_zero(number: object) -> int:
    return number if isinstance(number, int) else 0


def _show_examples(results: Sequence[Result], builder: TextBuilder, printed: set[str]) -> Iterator[Note]:
    """One example that the report has not shown before, or all such: what was predicted, then the row's text."""
    examples = [(example, result) for result in results for example in _list_examples(result)]
    by_key = {_key_of(example): (example, result) for example, result in reversed(examples)}
    fresh = [pair for key, pair in by_key.items() if key not in printed][::-1]
    chosen = fresh if builder.verbose > 0 else (fresh or examples)[:1]
    printed.update(_key_of(example) for example, _ in chosen)
    for example, result in chosen:
        yield from _render_example(example, result, builder)


def _list_examples(result: Result) -> list[Mapping[str, Any]]:
    examples = result.evidence.get("examples")
    if not isinstance(examples, list | tuple):
        return []
    return [example for example in examples[:_MAX_EXAMPLES] if isinstance(example, Mapping)]


def _key_of(example: Mapping[str, Any]) -> str:
    """What distinguishes one example from another: the row, as it was perturbed."""
    return f"{example.get('id')} {example.get('disturbed')}"


def _render_example(example: Mapping[str, Any], result: Result, builder: TextBuilder) -> Iterator[Note]:
    name = builder.join(" ", builder.quote(example["id"])) if "id" in example else Text()
    parts = _list_predictions(example, result, builder)
    if example.get("target") is not None:
        parts.append(builder.join("right is ", _render_prediction(example["target"], builder)))
    if isinstance(margin := example.get("margin"), int | float):  # to the next class, of a prediction that flipped
        parts.append(Text(f"margin {format_number(margin)}"))
    heading = builder.join(builder.literal("e.g.", "dim"), name, ": " if parts else "", Text(", ").join(parts))
    yield Note(heading, Text(_INDENT))
    for key in ("text", "fields"):
        yield from _quote_texts(example.get(key), builder)
    yield from _quote_texts(example.get("disturbed"), builder, sign="→")


def _list_predictions(example: Mapping[str, Any], result: Result, builder: TextBuilder) -> list[Text]:
    """The prediction that is compared with, where there is one, and the one that is judged."""
    before = [_render_prediction(example[key], builder) for key in _REFERENCE_KEYS if key in example]
    after = [_render_prediction(_with_probability(example, key), builder) for key in _CANDIDATE_KEYS if key in example]
    reference = (result.against or {}).get("backend")
    if reference is not None:
        named = [(reference, prediction) for prediction in before]
        named += [(result.backend, prediction) for prediction in after]
        return [builder.join(builder.quote(backend), " ", prediction) for backend, prediction in named]
    if before and after:
        return [builder.join(before[0], " → ", after[0])]
    return [builder.join("answered ", prediction) for prediction in before + after]


def _with_probability(example: Mapping[str, Any], key: str) -> object:
    """The prediction under a key, with the example's probability where it has none itself."""
    prediction = example[key]
    if isinstance(prediction, Mapping):
        return prediction
    return {"label": prediction, "probability": example.get("probability")}


def _render_prediction(prediction: object, builder: TextBuilder) -> Text:
    """One prediction: a label, with its probability where it is known."""
    if not isinstance(prediction, Mapping):
        return builder.quote("no answer" if prediction is None else prediction)
    label = _render_prediction(prediction.get("label"), builder)
    probability = prediction.get("probability")
    return builder.join(label, f" ({format_number(probability)})") if isinstance(probability, int | float) else label


def _quote_texts(value: object, builder: TextBuilder, *, sign: str = "") -> Iterator[Note]:
    """The texts of a row in quotes; of several fields, each with its name. The `sign` is before each of them."""
    fields = value if isinstance(value, Mapping) else {"": value}
    lines = _MAX_VERBOSE_LINES if builder.verbose > 0 else _MAX_LINES
    cells = (builder.width - _EXAMPLE_INDENT - 4) * lines // max(len(fields), 1)
    for name, text in fields.items():
        if text is None:
            continue
        label = builder.quote(f"{name} " if len(fields) > 1 else "")
        quoted = builder.join(label, '"', builder.quote(text, cells=cells), '"')
        quoted.stylize("italic dim")
        yield Note(quoted, builder.literal(sign.rjust(_EXAMPLE_INDENT - 1) + " ", "dim"))
