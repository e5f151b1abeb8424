"""Descriptions of results as plain lines: their numbers against their bounds, and the rows that show what is wrong.

Every line is visible text: what is no printable character is escaped.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mqa_registry import describe_bounds, format_number, format_prediction, format_with_interval, make_visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mqa_registry import ExampleRow, Part, Report, Result

MAX_EXAMPLES = 3  # of one result
MAX_TEXT = 500  # characters of a text of a row
_VALUE = "value"


def name_backend(result: Result) -> str:
    """The check with its backend, as `typos [onnx]`; the check alone where its probe reads rows alone."""
    return make_visible(f"{result.check} [{result.backend}]" if result.backend else result.check)


def locate_result(result: Result) -> str:
    """The line of the suite file that has the check, as `suites/nlp.toml:12`; empty where no file has it."""
    return make_visible(f"{result.location.file}:{result.location.line}") if result.location else ""


def list_numbers(result: Result) -> list[str]:
    """The bounded numbers of a result with their intervals and bounds, of a sweep at each severity; else all numbers."""
    if not result.series:
        return list(_list_numbers_of_part(result, result))
    return [
        f"severity {format_number(step.severity)}: {line}"
        for step in result.series
        for line in _list_numbers_of_part(step, result)
    ]


def _list_numbers_of_part(part: Part, result: Result) -> Iterator[str]:
    bounds_by_number = {bounds.number: bounds for bounds in describe_bounds(result.expect, grouped=bool(result.groups))}
    for name, number in part.numbers.items():
        bounds = bounds_by_number.get(name)
        if bounds is None and bounds_by_number.keys() & part.numbers.keys() and name != _VALUE:
            continue
        estimate = format_with_interval(number, bounds.limits if bounds else ())
        yield make_visible(f"{name} {estimate}" + (f", expected {bounds.text}" if bounds else ""))


def list_examples(result: Result) -> list[str]:
    """The first examples of a result: the predictions and the target of each, then its texts, where the report has them."""
    lines: list[str] = []
    for example in result.evidence.examples[:MAX_EXAMPLES]:
        lines.append(make_visible(_describe_example(example, result)))
        lines += _quote_texts("", example.fields)
        lines += _quote_texts("perturbed: ", example.perturbed)
    return lines


def _describe_example(example: ExampleRow, result: Result) -> str:
    reference = (result.against or {}).get("backend")
    names = (reference, result.backend) if reference else ("before", "now")
    parts = [f"{names[0]} {_describe_prediction(example.reference)}"] if example.reference is not None else []
    if example.prediction is not None:
        name = names[1] if parts or reference else "answered"
        parts.append(f"{name} {_describe_prediction(example.prediction, example.probability)}")
    parts += [f"right is {_describe_prediction(example.target)}"] if example.target is not None else []
    parts += [f"margin {format_number(example.margin)}"] if example.margin is not None else []
    return f"e.g. {example.id}: {', '.join(parts)}".removesuffix(": ")


def _describe_prediction(prediction: object, probability: float | None = None) -> str:
    if isinstance(prediction, Mapping):
        return _describe_prediction(prediction.get("label"), prediction.get("probability"))
    return _shorten(format_prediction(prediction)) + (
        f" ({format_number(probability)})" if probability is not None else ""
    )


def _quote_texts(lead: str, fields: Mapping[str, object]) -> list[str]:
    return [
        f'    {lead}{make_visible(name)} "{make_visible(_shorten(str(text)))}"'
        for name, text in fields.items()
        if text is not None
    ]


def _shorten(text: str) -> str:
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}…"


def list_digests(report: Report) -> dict[str, str]:
    """What identifies a run and all that it read, by names such as `model.digest`."""
    environment = report.environment
    model = environment.get("model") or {}
    named = {
        "run": report.run,
        "started": f"{report.started:%Y-%m-%dT%H:%M:%SZ}",
        "verdict": str(report.verdict),
        "exit_code": str(int(report.exit_code)),
        "mqa": environment.get("mqa", ""),
        "suite.path": report.suite.path,
        "suite.digest": report.suite.digest,
        "suite.seed": str(report.suite.seed),
        "suite.confidence": str(report.suite.confidence),
        "model.digest": model.get("digest", ""),
    }
    for kind in ("data", "backends"):
        for name, table in (environment.get(kind) or {}).items():
            named[f"{kind}.{name}.digest"] = table.get("digest", "")
    return {make_visible(name): make_visible(value) for name, value in named.items() if value}
