"""Reports of format 1, which earlier versions of mqa wrote, as reports of format 2.

`REPORT_FORMATS.md` in this package's folder has the same tables for readers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

Table: TypeAlias = "dict[str, Any]"  # of JSON

# Keys that changed, by what has them: old to new. Keys that are in no table here have stayed.
EVIDENCE = {
    "missing": "missing_predictions",
    "unlabelled": "missing_targets",
    "edits": "mean_edits",
    "absent": "absent_classes",
    "rows_to_settle": "required_rows",
    "settled_by": "required_unit",
    "beyond_rows": "never_settles",
    "trace": "traceback",
}
MCNEMAR = {"lost": "negative_flips", "won": "positive_flips", "p": "p_value"}
SWEEP = {
    "holds_to": "passes_through",
    "clean": "clean_value",
    "error": "corruption_error",
    "area": "clean_error_ratio",
    "area_beside": "relative_corruption_error",
    "turns": "non_monotonic_at",
}
EXAMPLE = {
    "disturbed": "perturbed",
    "candidate": "prediction",
    "after": "prediction",
    "before": "reference",
    "cut": "truncated",
}
FINDING = {"mend": "fix", "subject": "topic"}
# Keys that stayed; any other key of evidence and of an example is a plugin's, and under `details` in format 2.
EVIDENCE_STAYED = (
    "declined", "changed", "unpaired", "clusters", "mcnemar", "sweep", "remarks", "notes", "examples",
)  # fmt: skip
EXAMPLE_STAYED = ("id", "fields", "target", "prediction", "probability", "reference", "margin")


def upgrade_report(report: Mapping[str, Any]) -> Table:
    """A report of format 1 as one of format 2; values are unchanged, and so is what is not as format 1 has it."""
    upgraded = {**report, "format": 2, "results": [_upgrade_result(result) for result in report["results"]]}
    if isinstance(report.get("findings"), list):
        upgraded["findings"] = [upgrade_finding(finding) for finding in report["findings"]]
    return upgraded


def upgrade_finding(finding: Mapping[str, Any]) -> Table:
    """A finding of format 1 as one of format 2."""
    return _rename(finding, FINDING)


def _upgrade_result(result: Any) -> Any:
    if not isinstance(result, dict):
        return result
    upgraded = dict(result)
    if isinstance(result.get("evidence"), dict):
        upgraded["evidence"] = _upgrade_evidence(result["evidence"])
    if isinstance(result.get("series"), list):
        upgraded["series"] = [_upgrade_step(step) for step in result["series"]]
    return upgraded


def _upgrade_step(step: Any) -> Any:
    if not isinstance(step, dict) or not isinstance(step.get("evidence"), dict):
        return step
    return step | {"evidence": _rename(step["evidence"], {"edits": EVIDENCE["edits"]})}


def _upgrade_evidence(evidence: Table) -> Table:
    upgraded = _nest_details(evidence, EVIDENCE, EVIDENCE_STAYED)
    for key, names in (("mcnemar", MCNEMAR), ("sweep", SWEEP)):
        if isinstance(upgraded.get(key), dict):
            upgraded[key] = _rename(upgraded[key], names)
    if isinstance(upgraded.get("examples"), list):
        upgraded["examples"] = [_upgrade_example(one) for one in upgraded["examples"]]
    return upgraded


def _upgrade_example(example: Any) -> Any:
    if not isinstance(example, dict):
        return example
    upgraded = _nest_details(example, EXAMPLE, EXAMPLE_STAYED)
    if isinstance(upgraded.get("truncated"), dict):
        upgraded["truncated"] = {_upgrade_path(path): said for path, said in upgraded["truncated"].items()}
    return upgraded


def _upgrade_path(path: str) -> str:
    """The path of a text in an example, such as `fields.text`."""
    key, dot, rest = path.partition(".")
    name = EXAMPLE.get(key, key if key in EXAMPLE_STAYED else f"details.{key}")
    return f"{name}{dot}{rest}"


def _nest_details(table: Table, names: Mapping[str, str], stayed: tuple[str, ...]) -> Table:
    """The table with its keys renamed; those that are neither in `names` nor `stayed` are under `details`."""
    is_host_key = {key: key in names or key in stayed for key in table}
    details = {key: value for key, value in table.items() if not is_host_key[key]}
    renamed = _rename({key: value for key, value in table.items() if is_host_key[key]}, names)
    return renamed | ({"details": details} if details else {})


def _rename(table: Mapping[str, Any], names: Mapping[str, str]) -> Table:
    return {names.get(key, key): value for key, value in table.items()}
