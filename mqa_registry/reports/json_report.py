"""The report as a JSON file, versioned and kept for years."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import UTC
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from mqa_registry.errors import UsageError
from mqa_registry.formats import is_special
from mqa_registry.reports import output

if TYPE_CHECKING:
    from mqa_registry.judging.result import Number, Part, Result, Step
    from mqa_registry.reports.report import Report

FORMAT = 1
MAX_TEXT = 500  # characters of a text of a row; of a longer one, the digest identifies the rest


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
        "results": [_result_to_json(result) for result in report.results],
        **({"note": report.note} if report.note else {}),
        **({"findings": [asdict(one) for one in report.findings]} if report.findings else {}),
    }


def write_report(report: Report, path: str | Path) -> None:
    """Write the report to a file, whole or not at all; `-` writes to standard output."""
    output.write_json(to_json(report), path)


def read_report(path: str | Path) -> dict[str, Any]:
    """Read a report file, as `to_json` gave it; UsageError where it is not one, or of a format that is not known here."""
    if is_special(Path(path)):
        raise UsageError(f"`{path}` is a pipe or a device, and a report is a file")
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"), parse_constant=_refuse_constant)
    except OSError as error:
        raise UsageError(f"cannot read the report `{path}`: {(error.strerror or str(error)).lower()}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"`{path}` is no report file: {error}", hint="name a file that `mqa run --json` wrote"
        ) from error
    if not isinstance(content, dict) or "format" not in content or not isinstance(content.get("results"), list):
        raise UsageError(f"`{path}` is no report file", hint="name a file that `mqa run --json` wrote")
    if content["format"] != FORMAT:
        problem = f"`{path}` has report format {content['format']!r}, and this mqa reads {FORMAT}"
        raise UsageError(problem, hint="read it with the mqa that wrote it, or a newer one")
    return content


def without_examples(report: Report) -> Report:
    """The same report without any text of a row: its examples keep ids and numbers alone."""
    return replace(report, results=tuple(_strip_texts(result) for result in report.results))


def _strip_texts(result: Result) -> Result:
    evidence = {
        key: value for key, value in result.evidence.items() if key != "trace"
    }  # it may quote the row that raised the error
    if "examples" in evidence:
        evidence["examples"] = [_strip_example(example) for example in evidence["examples"]]
    return replace(result, evidence=evidence)


def _strip_example(example: Mapping[str, Any]) -> dict[str, Any]:
    # Not by a list of fields to drop: a prediction may be text of the row, as a span or a summary is.
    return {key: value for key, value in example.items() if key == "id" or isinstance(value, Real)}


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
    }


def _step_to_json(step: Step) -> dict[str, Any]:
    values = {"severity": _to_plain(step.severity), **_part_to_json(step), "groups": _groups_to_json(step.groups)}
    return values | ({"evidence": _evidence_to_json(step.evidence)} if step.evidence else {})


def _evidence_to_json(evidence: Mapping[str, Any]) -> dict[str, Any]:
    """The evidence as plain values; long texts of its examples are cut."""
    values: dict[str, Any] = _to_plain(evidence)
    if isinstance(values.get("examples"), list):
        values["examples"] = [_cut_example(one) if isinstance(one, dict) else one for one in values["examples"]]
    return values


def _cut_example(example: dict[str, Any]) -> dict[str, Any]:
    """An example whose long texts are cut; `cut` then has length and digest of each, by a path such as `fields.text`."""
    cut: dict[str, Any] = {}
    shortened = _cut_texts(example, (), cut)
    return {**shortened, "cut": cut} if cut else shortened


def _cut_texts(value: Any, path: tuple[str, ...], cut: dict[str, Any]) -> Any:
    """A value whose long texts are cut; each of them is added to `cut`."""
    if isinstance(value, dict):
        return {key: _cut_texts(inner, (*path, key), cut) for key, inner in value.items()}
    if isinstance(value, list):
        return [_cut_texts(inner, (*path, str(number)), cut) for number, inner in enumerate(value)]
    if isinstance(value, str) and len(value) > MAX_TEXT:
        digest = hashlib.sha256(value.encode(errors="surrogatepass")).hexdigest()
        cut[".".join(path)] = {"characters": len(value), "sha256": digest}
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
    return values if number.corrected is None else {**values, "corrected": _to_plain(number.corrected)}


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
    """Any value as JSON has it: a number that is not finite becomes null, a value of another type its text."""
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


def _real_to_plain(value: Real) -> float | None:
    if isinstance(value, bool):
        return value
    if isinstance(value, Integral):
        return int(value)
    return float(value) if math.isfinite(value) else None


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(f"`{constant}` is no JSON")
