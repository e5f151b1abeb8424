"""Evidence: what comparisons and probes show next to their numbers, as values that a report can hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_registry.boundary.calls import reject_output, summarize_value
from mqa_registry.contributions import Evidence

if TYPE_CHECKING:
    import numpy.typing as npt

    from mqa_registry.boundary.calls import Contributor

# What the host says itself, under the same roof.
HOSTS = frozenset(
    {"missing", "unlabelled", "unpaired", "clusters", "mcnemar", "sweep", "rows_to_settle", "trace"}
    | {"remarks", "notes", "examples"}
)
MAX_DEPTH = 20  # tables and lists within each other


def check_evidence(contributor: Contributor, output: Any) -> dict[str, Any]:
    """Evidence in the values that JSON has; numpy's become plain ones."""
    if not isinstance(output, Evidence):
        reject_output(
            contributor,
            f"shows {summarize_value(output)}, and an `Evidence` is due",
            "`Evidence(remarks=[...])` is one",
        )
    for name, kind in (("remarks", str), ("notes", str), ("examples", Mapping)):
        items = getattr(output, name)
        if not isinstance(items, list | tuple) or not all(isinstance(item, kind) for item in items):
            what = "a list of tables, one a row" if name == "examples" else "a list of sentences"
            reject_output(contributor, f"shows the {name} {summarize_value(items)}", f"`{name}` is {what}")
    if not isinstance(output.details, Mapping):
        reject_output(
            contributor,
            f"shows the details {summarize_value(output.details)}",
            "`details` is a table of values by name",
        )
    details = to_json_values(contributor, output.details)
    if taken := sorted(HOSTS & details.keys()):
        reject_output(contributor, f"shows `{taken[0]}`, which is a key of mqa's", "name it otherwise")
    listed = {name: getattr(output, name) for name in ("remarks", "notes", "examples") if getattr(output, name)}
    return to_json_values(contributor, listed) | details


def check_example_ids(contributor: Contributor, evidence: Mapping[str, Any]) -> None:
    """Refuse examples without the `id` of their row."""
    for row in evidence.get("examples", ()):
        if not isinstance(row.get("id"), str):
            reject_output(
                contributor,
                f"shows an example without the `id` of its row: {summarize_value(row)}",
                "`reference.ids[row].as_py()` is one",
            )


def check_correctness(contributor: Contributor, output: Any, rows: int) -> npt.NDArray[np.bool_]:
    """Whether each answer is right, as a comparison's `right` has it."""
    try:
        array = np.asarray(output)
    except (ValueError, TypeError):
        array = np.empty(0, dtype=object)
    if array.dtype != bool or array.shape != (rows,):
        reject_output(
            contributor,
            f"says of {rows:,} rows what is right by {summarize_value(output)}",
            "`right` gives true or false for each row",
        )
    return array


def to_json_values(contributor: Contributor, output: Mapping[str, Any]) -> dict[str, Any]:
    """A table by name in the values that JSON has."""
    return {
        _check_key(contributor, name): _to_json_value(contributor, f"`{name}`", value, 0)
        for name, value in output.items()
    }


def _to_json_value(contributor: Contributor, where: str, value: Any, depth: int) -> Any:
    if depth > MAX_DEPTH:
        reject_output(contributor, f"shows lists within lists without end in {where}")
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return float(value)
    if isinstance(value, str):
        return str(value).encode("utf-8", "backslashreplace").decode()
    if isinstance(value, Mapping):
        return {
            _check_key(contributor, key): _to_json_value(contributor, where, one, depth + 1)
            for key, one in value.items()
        }
    if isinstance(value, list | tuple):
        return [_to_json_value(contributor, where, one, depth + 1) for one in value]
    return reject_output(
        contributor,
        f"shows {summarize_value(value)} in {where}, which a report cannot hold",
        "show text, numbers, lists or tables",
    )


def _check_key(contributor: Contributor, name: Any) -> str:
    if not isinstance(name, str):
        reject_output(contributor, f"shows something under the name {summarize_value(name)}", "names are text")
    return name.encode("utf-8", "backslashreplace").decode()
