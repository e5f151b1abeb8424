"""The report as a file, versioned and kept for years; section 5 of `mqa_registry/README.md` is its contract."""

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
from mqa_registry.report import files

if TYPE_CHECKING:
    from mqa_registry.judging.result import Number, Part, Result, Step
    from mqa_registry.report.model import Report

FORMAT = 1
LONGEST = 500  # characters of a text of a row; of a longer one, its digest tells the whole


def to_json(report: Report) -> dict[str, Any]:
    """The report as plain values that any JSON writer takes: no NaN, no Infinity, times in UTC."""
    return {
        "format": FORMAT,
        "run": report.run,
        "suite": _plain(report.suite),
        "verdict": str(report.verdict),
        "exit_code": int(report.exit_code),
        "started": report.started.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "seconds": _plain(report.seconds),
        "environment": _plain(report.environment),
        "results": [_result(result) for result in report.results],
        **({"note": report.note} if report.note else {}),
        **({"findings": [asdict(one) for one in report.findings]} if report.findings else {}),
    }


def write_json(report: Report, path: str | Path) -> None:
    """Write the report to a file, whole or not at all; `-` writes to standard output."""
    files.write_json(to_json(report), path)


def read_json(path: str | Path) -> dict[str, Any]:
    """A report file as `to_json` gave it; UsageError where it is not one, or of a format not known here."""
    if is_special(Path(path)):
        raise UsageError(f"`{path}` is a pipe or a device, and a report is a file")
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"), parse_constant=_refuse)
    except OSError as error:
        raise UsageError(f"cannot read the report `{path}`: {(error.strerror or str(error)).lower()}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"`{path}` is no report file: {error}", hint="name a file that `mqa run --json` wrote"
        ) from error
    if not isinstance(found, dict) or "format" not in found or not isinstance(found.get("results"), list):
        raise UsageError(f"`{path}` is no report file", hint="name a file that `mqa run --json` wrote")
    if found["format"] != FORMAT:
        problem = f"`{path}` has report format {found['format']!r}, and this mqa reads {FORMAT}"
        raise UsageError(problem, hint="read it with the mqa that wrote it, or a newer one")
    return found


def without_examples(report: Report) -> Report:
    """The same report without a word of any row: of its examples, ids and numbers alone are kept."""
    return replace(report, results=tuple(_without_texts(result) for result in report.results))


def _without_texts(result: Result) -> Result:
    evidence = {
        key: value for key, value in result.evidence.items() if key != "trace"
    }  # it may quote the row it fell over
    if "examples" in evidence:
        evidence["examples"] = [_bare(example) for example in evidence["examples"]]
    return replace(result, evidence=evidence)


def _bare(example: Mapping[str, Any]) -> dict[str, Any]:
    # Not by a list of fields to drop: an answer may be the row's own text, as a span or a summary is.
    return {key: value for key, value in example.items() if key == "id" or isinstance(value, Real)}


def _result(result: Result) -> dict[str, Any]:
    part = _part(result)
    return {
        "check": result.check,
        "measure": _plain(result.measure),
        "definition": result.definition,
        "data": result.data,
        "backend": result.backend or None,
        "perturb": _plain(result.perturb),
        "by": _plain(result.by),
        "against": _plain(result.against),
        "expect": _plain(result.expect),
        "critical": result.critical,
        "tags": list(result.tags),
        "verdict": part["verdict"],
        "note": part.get("note", ""),
        "numbers": part["numbers"],
        "groups": _groups(result.groups),
        "series": [_step(step) for step in result.series],
        "evidence": _evidence(result.evidence),
        "seconds": _plain(result.seconds),
        **({"waiver": _plain(result.waiver)} if result.waiver else {}),
    }


def _step(step: Step) -> dict[str, Any]:
    found = {"severity": _plain(step.severity), **_part(step), "groups": _groups(step.groups)}
    return found | ({"evidence": _evidence(step.evidence)} if step.evidence else {})


def _evidence(evidence: Mapping[str, Any]) -> dict[str, Any]:
    """The evidence; a long text of an example is cut, and its key `cut` says by the text's place what the whole was."""
    found: dict[str, Any] = _plain(evidence)
    if isinstance(found.get("examples"), list):
        found["examples"] = [_shortened(one) if isinstance(one, dict) else one for one in found["examples"]]
    return found


def _shortened(example: dict[str, Any]) -> dict[str, Any]:
    cut: dict[str, Any] = {}
    kept = _cut(example, (), cut)
    return {**kept, "cut": cut} if cut else kept


def _cut(value: Any, place: tuple[str, ...], cut: dict[str, Any]) -> Any:
    """A value whose long texts are cut; what each was is added to `cut`, by a place such as `fields.text`."""
    if isinstance(value, dict):
        return {key: _cut(inner, (*place, key), cut) for key, inner in value.items()}
    if isinstance(value, list):
        return [_cut(inner, (*place, str(number)), cut) for number, inner in enumerate(value)]
    if isinstance(value, str) and len(value) > LONGEST:
        digest = hashlib.sha256(value.encode(errors="surrogatepass")).hexdigest()
        cut[".".join(place)] = {"characters": len(value), "sha256": digest}
        return value[:LONGEST]
    return value


def _groups(groups: Mapping[str, Part]) -> dict[str, Any]:
    return {str(name): _part(part) for name, part in groups.items()}


def _part(part: Part) -> dict[str, Any]:
    """A group, a step or the whole; `note` is there where there is something to say."""
    numbers = {str(name): _number(number) for name, number in part.numbers.items()}
    note = "; ".join([part.note] * bool(part.note) + _reasons(part))
    return {"verdict": str(part.verdict), "numbers": numbers} | ({"note": note} if note else {})


def _number(number: Number) -> dict[str, Any]:
    found = {
        "estimate": _plain(number.estimate),
        "low": _plain(number.low),
        "high": _plain(number.high),
        "rows": _plain(number.rows),
        "method": number.method,
    }
    return found if number.corrected is None else {**found, "corrected": _plain(number.corrected)}


def _reasons(part: Part) -> list[str]:
    """Why numbers are null, for those of which the judge's note says nothing."""
    reasons = []
    for name, number in part.numbers.items():
        if number.estimate is not None and not math.isfinite(number.estimate):
            reasons.append(f"`{name}` came out as {'NaN' if math.isnan(number.estimate) else 'infinite'}")
        elif number.estimate is None and not part.note:
            reasons.append(f"`{name}` is undefined")
    return reasons


def _plain(value: object) -> Any:
    """Any value as JSON has it: what is no finite number becomes null, what JSON has no word for its text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, Real):
        return _real(value)
    as_python = getattr(value, "tolist", None)  # numpy's other scalars and its arrays, without importing numpy
    if callable(as_python):
        return _plain(as_python())
    return None if value is None else str(value)


def _real(value: Real) -> float | None:
    if isinstance(value, bool):
        return value
    if isinstance(value, Integral):
        return int(value)
    return float(value) if math.isfinite(value) else None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"`{constant}` is no JSON")
