"""The report as a JSON file, versioned and kept for years."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import MISSING, asdict, fields, is_dataclass, replace
from datetime import UTC
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqa_registry.errors import redact
from mqa_registry.reports import output

if TYPE_CHECKING:
    from dataclasses import Field

    from mqa_registry.contributions import ExampleRow
    from mqa_registry.judging.result import Number, Part, Result, ResultEvidence, RunComparison, Step
    from mqa_registry.observations import ViewLoss
    from mqa_registry.reports.report import Report

FORMAT = 2
MAX_TEXT = 500  # characters of a text of a row; of a longer one, the digest identifies the rest
MAX_TEXTS = 100  # texts of a list, as of the members of a group


def to_json(report: Report) -> dict[str, Any]:
    """The report as plain values that any JSON writer takes: no NaN, no Infinity, times in UTC."""
    return {
        "format": FORMAT,
        "run": report.run,
        "suite": _to_plain(report.suite),
        "verdict": str(report.verdict),
        "exit_code": int(report.exit_code),
        "started": report.started.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "seconds": _to_plain(report.seconds),
        "environment": _to_plain(report.environment),
        "backends": list(report.backends),
        **({"work": _to_plain(report.work)} if report.work is not None else {}),
        "results": [_result_to_json(result) for result in report.results],
        **({"against": comparison_to_json(report.against)} if report.against else {}),
        **({"note": report.note} if report.note else {}),
        **({"hint": report.hint} if report.hint else {}),
        **({"findings": [asdict(one) for one in report.findings]} if report.findings else {}),
        **({"views": [_to_plain(view) for view in report.views]} if report.views else {}),
        **({"options": list(report.options)} if report.options else {}),
        **({"tags": list(report.tags)} if report.tags else {}),
    }


def write_report(report: Report, path: str | Path) -> None:
    """Write the report to a file, whole or not at all; `-` writes to standard output."""
    output.write_json(to_json(report), path)


def comparison_to_json(comparison: RunComparison) -> dict[str, Any]:
    """The comparison with an earlier run as plain values; long texts of its examples are truncated."""
    values: dict[str, Any] = _to_plain(comparison)
    for flips in values.get("flips", ()):
        if "examples" in flips:
            flips["examples"] = [_truncate_example(example) for example in flips["examples"]]
    return values


def without_examples(report: Report) -> Report:
    """The same report without any text of a row: its examples keep ids and numbers alone."""
    against = report.against and without_texts(report.against)
    return replace(report, results=tuple(_strip_texts(result) for result in report.results), against=against)


def without_texts(comparison: RunComparison) -> RunComparison:
    """The same comparison without any text of a row."""
    flips = (replace(one, examples=tuple(map(_strip_example, one.examples))) for one in comparison.flips)
    return replace(comparison, flips=tuple(flips))


def _strip_texts(result: Result) -> Result:
    examples = tuple(_strip_example(example) for example in result.evidence.examples)
    note, lost = result.note, tuple(_strip_reasons(loss) for loss in result.evidence.lost)
    for row in (row for loss in result.evidence.lost for row in loss.first if row.reason):
        note = note.replace(f": {row.reason}", f": {redact(row.reason)}")
    # A traceback may quote the row that raised the error.
    return replace(result, note=note, evidence=replace(result.evidence, traceback="", examples=examples, lost=lost))


def _strip_reasons(loss: ViewLoss) -> ViewLoss:
    """The lost rows of a view without why they were lost: it may quote the row."""
    return replace(loss, first=tuple(replace(row, reason=redact(row.reason)) for row in loss.first))


def _strip_example(example: ExampleRow) -> ExampleRow:
    # Not by a list of fields to drop: a prediction may be text of the row, as a span or a summary is.
    numbers: dict[str, Any] = {name: value for name, value in vars(example).items() if isinstance(value, Real)}
    details = {name: value for name, value in example.details.items() if isinstance(value, Real)}
    return type(example)(id=example.id, details=details, **numbers)


def _result_to_json(result: Result) -> dict[str, Any]:
    part = _part_to_json(result)
    return {
        "check": result.check,
        "measure": _to_plain(result.measure),
        "definition": result.definition,
        "data": result.data,
        "backend": result.backend or None,
        "perturb": _to_plain(result.perturb),
        "by": _to_plain(result.by),
        "against": _to_plain(result.against),
        "expect": _to_plain(result.expect),
        "critical": result.critical,
        "tags": list(result.tags),
        "verdict": part["verdict"],
        "note": part.get("note", ""),
        "numbers": part["numbers"],
        "groups": _groups_to_json(result.groups),
        "series": [_step_to_json(step) for step in result.series],
        "evidence": _evidence_to_json(result.evidence),
        "seconds": _to_plain(result.seconds),
        **({"waiver": _to_plain(result.waiver)} if result.waiver else {}),
        **({"location": _to_plain(result.location)} if result.location else {}),
    }


def _step_to_json(step: Step) -> dict[str, Any]:
    values = {"severity": _to_plain(step.severity), **_part_to_json(step), "groups": _groups_to_json(step.groups)}
    return values | ({"evidence": _to_plain(step.evidence)} if step.evidence else {})


def _evidence_to_json(evidence: ResultEvidence) -> dict[str, Any]:
    """The evidence as plain values; long texts of its examples are truncated."""
    values: dict[str, Any] = _to_plain(evidence)
    return values | ({"examples": [_truncate_example(one) for one in values["examples"]]} if evidence.examples else {})


def _truncate_example(example: dict[str, Any]) -> dict[str, Any]:
    """An example with truncated texts; `truncated` has length and digest of each, by a path such as `fields.text`.

    Of a list of many texts the first are left, and `truncated` has their number as `texts`.
    """
    truncated: dict[str, Any] = dict(example.get("truncated", {}))
    shortened = _truncate_texts(example, (), truncated)
    return {**shortened, "truncated": truncated} if truncated else shortened


def _truncate_texts(value: Any, path: tuple[str, ...], truncated: dict[str, Any]) -> Any:
    """A value whose long texts are truncated; each of them is added to `truncated`."""
    if isinstance(value, dict):
        return {key: _truncate_texts(inner, (*path, key), truncated) for key, inner in value.items()}
    if isinstance(value, list) and len(value) > MAX_TEXTS and all(isinstance(one, str) for one in value):
        truncated[".".join(path)] = {"texts": len(value)}
        value = value[:MAX_TEXTS]
    if isinstance(value, list):
        return [_truncate_texts(inner, (*path, str(number)), truncated) for number, inner in enumerate(value)]
    if isinstance(value, str) and len(value) > MAX_TEXT:
        digest = hashlib.sha256(value.encode(errors="surrogatepass")).hexdigest()
        truncated[".".join(path)] = {"characters": len(value), "sha256": digest}
        return value[:MAX_TEXT]
    return value


def _groups_to_json(groups: Mapping[str, Part]) -> dict[str, Any]:
    return {str(name): _part_to_json(part) for name, part in groups.items()}


def _part_to_json(part: Part) -> dict[str, Any]:
    """A group, a severity or the whole; `note` only where it is not empty."""
    numbers = {str(name): _number_to_json(number) for name, number in part.numbers.items()}
    note = "; ".join([part.note] * bool(part.note) + _explain_nulls(part))
    return {"verdict": str(part.verdict), "numbers": numbers} | ({"note": note} if note else {})


def _number_to_json(number: Number) -> dict[str, Any]:
    values = {
        "estimate": _to_plain(number.estimate),
        "low": _to_plain(number.low),
        "high": _to_plain(number.high),
        "rows": _to_plain(number.rows),
        "method": number.method,
    }
    if number.corrected is not None:
        values["corrected"] = _to_plain(number.corrected)
    return values if number.verdict is None else {**values, "verdict": str(number.verdict)}


def _explain_nulls(part: Part) -> list[str]:
    """Why numbers are null, for those that the judge's note does not explain."""
    reasons = []
    for name, number in part.numbers.items():
        if number.estimate is not None and not math.isfinite(number.estimate):
            reasons.append(f"`{name}` came out as {'NaN' if math.isnan(number.estimate) else 'infinite'}")
        elif number.estimate is None and not part.note:
            reasons.append(f"`{name}` is undefined")
    return reasons


def _to_plain(value: object) -> Any:
    """Any value as JSON has it: a number that is not finite becomes null, a value of another type its text.

    Of a record, fields that have the value which they have by default are left out.
    """
    if is_dataclass(value) and not isinstance(value, type):
        return {
            each.name: _to_plain(getattr(value, each.name)) for each in fields(value) if not _is_default(value, each)
        }
    if isinstance(value, Mapping):
        return {str(key): _to_plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_to_plain(inner) for inner in value]
    if isinstance(value, Real):
        return _real_to_plain(value)
    as_python = getattr(value, "tolist", None)  # numpy's other scalars and its arrays, without importing numpy
    if callable(as_python):
        return _to_plain(as_python())
    return None if value is None else str(value)


def _is_default(record: object, field: Field[Any]) -> bool:
    """Whether a field of a record has the value that it has where nothing is given for it."""
    if field.default_factory is not MISSING:
        return bool(getattr(record, field.name) == field.default_factory())
    return field.default is not MISSING and getattr(record, field.name) == field.default


def _real_to_plain(value: Real) -> float | None:
    if isinstance(value, bool):
        return value
    if isinstance(value, Integral):
        return int(value)
    return float(value) if math.isfinite(value) else None
