"""Report files: a file that `mqa run --json` wrote is read, checked and made a `Report` again."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias, TypeVar

from mqa_registry.contributions.measure_outputs import ExampleRow
from mqa_registry.errors import ExitCode, UsageError
from mqa_registry.files import is_special
from mqa_registry.findings import Finding
from mqa_registry.judging.result import (
    Change,
    CheckLocation,
    Flips,
    GroupFlips,
    McNemarTest,
    Number,
    Part,
    Result,
    ResultEvidence,
    RunComparison,
    Step,
    StepEvidence,
    SweepSummary,
    Verdict,
    VerdictChange,
)
from mqa_registry.judging.view_summary import ViewSummary
from mqa_registry.judging.waivers import AppliedWaiver, WaiverState
from mqa_registry.observations import LostRow, ViewLoss, Work
from mqa_registry.reports.format_1 import upgrade_finding, upgrade_report
from mqa_registry.reports.json_report import FORMAT
from mqa_registry.reports.report import Report, SuiteIdentity
from mqa_registry.summaries import CalibrationBin, ConfusionMatrix, Distribution, LabelCounts, ValueSummary

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Table: TypeAlias = "dict[str, Any]"  # of JSON
T = TypeVar("T")
MAX_VALUE = 60  # characters of a value in a message
PLAIN_TYPES: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "None": (type(None),),
    "tuple": (tuple,),
    "Mapping": (dict,),
}  # by the names that annotations have
TABLES_OF_ENVIRONMENT = ("packages", "plugins", "plugin_files", "machine", "model", "git")
TABLES_BY_NAME = ("data", "backends")  # of the environment: a table of tables
HINT = "name a file that `mqa run --json` wrote"


def load_report(path: str | Path) -> Report:
    """The report in a file; UsageError where the file is no report, or of a format that is not known here."""
    return parse_report(read_report(path), str(path))


def read_report(path: str | Path) -> Table:
    """Read a report file, as `to_json` gives it; UsageError where it is not one, or of a format that is not known here.

    A report of format 1 is returned as one of format 2.
    """
    if is_special(Path(path)):
        raise UsageError(f"`{path}` is a pipe or a device, and a report is a file")
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"), parse_constant=_refuse_constant)
    except OSError as error:
        raise UsageError(f"cannot read the report `{path}`: {(error.strerror or str(error)).lower()}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"`{path}` is no report file: {error}", hint=HINT) from error
    if not isinstance(content, dict) or "format" not in content or not isinstance(content.get("results"), list):
        raise UsageError(f"`{path}` is no report file", hint=HINT)
    if type(content["format"]) is not int or content["format"] not in (1, FORMAT):
        problem = f"`{path}` has report format {content['format']!r}, and this mqa reads 1 and {FORMAT}"
        raise UsageError(problem, hint="read it with the mqa that wrote it, or a newer one")
    return upgrade_report(content) if content["format"] == 1 else content


def parse_report(content: Mapping[str, Any], name: str) -> Report:
    """The report that `to_json` made these plain values of; `name` is the file or the run that has them.

    Numbers are as the values have them: what was NaN is None. Keys that are not known here are ignored. A UsageError
    where a key is missing, or has a value of another type.
    """
    try:
        return _make_record(
            Report,
            {},
            run=str(content["run"]),
            suite=_make_record(SuiteIdentity, content["suite"]),
            verdict=Verdict(content["verdict"]),
            exit_code=ExitCode(content["exit_code"]),
            started=datetime.strptime(content["started"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC),
            seconds=float(content["seconds"]),
            environment=_parse_environment(content["environment"]),
            results=tuple(_parse_result(result) for result in content["results"]),
            backends=tuple(content.get("backends", ())),
            work={name: _make_record(Work, work) for name, work in content["work"].items()}
            if "work" in content
            else None,
            note=content.get("note", ""),
            hint=content.get("hint", ""),
            against=_parse_comparison(content["against"]) if "against" in content else None,
            findings=tuple(_make_record(Finding, upgrade_finding(finding)) for finding in content.get("findings", ())),
            views=tuple(_parse_view(view) for view in content.get("views", ())),
            options=tuple(content.get("options", ())),
            tags=tuple(content.get("tags", ())),
        )
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        problem = f"the report `{name}` is damaged: {type(error).__name__}: {error}"
        raise UsageError(problem, hint="write it again: `mqa judge RUN --json FILE`") from error


def _make_record(kind: Callable[..., T], table: Mapping[str, Any], **parsed: Any) -> T:
    """A record with the values that a table has for its fields, and those that are `parsed` already.

    A TypeError where a value, or an item of a tuple, is of another type than its field.
    """
    types = _list_types(kind)
    values = {name: value for name, value in table.items() if name in types} | parsed
    for name, value in values.items():
        expected, item = types[name]
        if not isinstance(value, expected) or (
            isinstance(value, tuple) and not all(isinstance(one, item) for one in value)
        ):
            raise TypeError(f"`{name}` is `{str(value)[:MAX_VALUE]}`")
    return kind(**values)


@cache
def _list_types(kind: Callable[..., Any]) -> dict[str, tuple[tuple[type, ...], tuple[type, ...]]]:
    """The types that each field of a record may have, and those of its items where it is a tuple.

    Read from the annotations as they are written: what is no plain value there is a record that was parsed by its own.
    """
    types = {}
    for field in fields(kind):  # type: ignore[arg-type]
        names = str(field.type).split(" | ")
        items = next((PLAIN_TYPES[inner] for inner in PLAIN_TYPES if f"tuple[{inner}, ...]" in names), (object,))
        bases = [PLAIN_TYPES.get(name.partition("[")[0], (object,)) for name in names]
        types[field.name] = (tuple(one for base in bases for one in base), items)
    return types


def _parse_environment(table: Table) -> Table:
    """What a run depended on; a TypeError where what is a table by its name is none."""
    named = {name: table[name] for name in (*TABLES_OF_ENVIRONMENT, *TABLES_BY_NAME) if table.get(name) is not None}
    inner = (one for name in TABLES_BY_NAME for one in named.get(name, {}).values())
    for one in (table, *named.values(), *inner):
        if not isinstance(one, dict):
            raise TypeError(f"`environment` has `{str(one)[:MAX_VALUE]}` where a table belongs")
    return table


def _parse_result(table: Table) -> Result:
    part = _parse_part(table)
    return _make_record(
        Result,
        table,
        **vars(part),
        backend=table["backend"] or "",
        tags=tuple(table["tags"]),
        groups=_parse_groups(table["groups"]),
        series=tuple(_parse_step(step) for step in table["series"]),
        evidence=_parse_evidence(table["evidence"]),
        waiver=_parse_waiver(table["waiver"]) if "waiver" in table else None,
        location=_make_record(CheckLocation, table["location"]) if "location" in table else None,
    )


def _parse_part(table: Table) -> Part:
    numbers = {name: _parse_number(number) for name, number in table["numbers"].items()}
    return _make_record(Part, {"note": table.get("note", "")}, verdict=Verdict(table["verdict"]), numbers=numbers)


def _parse_number(table: Table) -> Number:
    corrected, verdict = table.get("corrected"), table.get("verdict")
    return _make_record(
        Number,
        table,
        corrected=tuple(corrected) if corrected else None,
        verdict=Verdict(verdict) if verdict else None,
    )


def _parse_groups(table: Table) -> dict[str, Part]:
    return {name: _parse_part(part) for name, part in table.items()}


def _parse_step(table: Table) -> Step:
    evidence = table.get("evidence")
    return _make_record(
        Step,
        {"severity": table["severity"]},
        **vars(_parse_part(table)),
        groups=_parse_groups(table["groups"]),
        evidence=_make_record(StepEvidence, evidence) if evidence else None,
    )


def _parse_evidence(table: Table) -> ResultEvidence:
    sweep = table.get("sweep")
    return _make_record(
        ResultEvidence,
        table,
        **{name: tuple(table[name]) for name in ("absent_classes", "remarks", "notes") if name in table},
        lost=tuple(_parse_loss(loss) for loss in table.get("lost", ())),
        mcnemar=_make_record(McNemarTest, table["mcnemar"]) if table.get("mcnemar") else None,
        sweep=_make_record(SweepSummary, sweep, non_monotonic_at=tuple(sweep["non_monotonic_at"])) if sweep else None,
        examples=tuple(_make_record(ExampleRow, example) for example in table.get("examples", ())),
    )


def _parse_loss(table: Table) -> ViewLoss:
    first = tuple(_make_record(LostRow, row, reason=row.get("reason", "")) for row in table.get("first", ()))
    return _make_record(ViewLoss, table, first=first)


def _parse_comparison(table: Table) -> RunComparison:
    return _make_record(
        RunComparison,
        table,
        verdict=Verdict(table["verdict"]),
        changes=tuple(_parse_change(change) for change in table.get("changes", ())),
        flips=tuple(_parse_flips(flips) for flips in table.get("flips", ())),
        verdict_changes=tuple(
            _make_record(VerdictChange, change, before=Verdict(change["before"]), now=Verdict(change["now"]))
            for change in table.get("verdict_changes", ())
        ),
        left_out=tuple(table.get("left_out", ())),
    )


def _parse_change(table: Table) -> Change:
    numbers = {name: _parse_number(table[name]) for name in ("before", "now", "change") if table.get(name)}
    perturb = tuple(table.get("perturb", ()))
    return _make_record(
        Change, table, verdict=Verdict(table.get("verdict", Verdict.NOT_RUN)), perturb=perturb, **numbers
    )


def _parse_flips(table: Table) -> Flips:
    return _make_record(
        Flips,
        table,
        perturb=tuple(table["perturb"]),
        test=_make_record(McNemarTest, table["test"]),
        share=_parse_number(table["share"]),
        examples=tuple(_make_record(ExampleRow, example) for example in table.get("examples", ())),
        groups=tuple(_parse_group_flips(group) for group in table.get("groups", ())),
    )


def _parse_group_flips(table: Table) -> GroupFlips:
    test, share = _make_record(McNemarTest, table["test"]), _parse_number(table["share"])
    return _make_record(GroupFlips, table, test=test, share=share)


def _parse_waiver(table: Table) -> AppliedWaiver:
    return AppliedWaiver(date.fromisoformat(table["until"]), table["reason"], WaiverState(table["state"]))


def _parse_view(table: Table) -> ViewSummary:
    confusion, values = table.get("confusion"), table.get("values")
    return _make_record(
        ViewSummary,
        table,
        confusion=_parse_confusion(confusion) if confusion else None,
        calibration=tuple(_make_record(CalibrationBin, one) for one in table.get("calibration", ())),
        labels=tuple(_make_record(LabelCounts, one) for one in table.get("labels", ())),
        values=_parse_values(values) if values else None,
    )


def _parse_values(table: Table) -> ValueSummary:
    return ValueSummary(*(_make_record(Distribution, table[name]) for name in ("predictions", "targets", "errors")))


def _parse_confusion(table: Table) -> ConfusionMatrix:
    counts = tuple(tuple(row) for row in table["counts"])
    return _make_record(ConfusionMatrix, table, classes=tuple(table["classes"]), counts=counts)


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(f"`{constant}` is no JSON")
