"""What comparisons and probes show beside their numbers, made such as a report can hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_registry.boundary.calls import refuse
from mqa_registry.boundary.measures import spelled
from mqa_registry.contributions import Evidence

if TYPE_CHECKING:
    import numpy.typing as npt

    from mqa_registry.boundary.calls import Contributor

# What the host says itself, under the same roof.
HOSTS = frozenset(
    {"missing", "unlabelled", "unpaired", "clusters", "mcnemar", "sweep", "rows_to_settle", "trace"}
    | {"remarks", "notes", "examples"}
)
DEEPEST = 20  # tables and lists within each other


def checked_evidence(who: Contributor, given: Any) -> dict[str, Any]:
    """Evidence in the values that JSON has; numpy's become plain ones."""
    if not isinstance(given, Evidence):
        refuse(who, f"shows {spelled(given)}, and an `Evidence` is due", "`Evidence(remarks=[...])` is one")
    for name, kind in (("remarks", str), ("notes", str), ("examples", Mapping)):
        items = getattr(given, name)
        if not isinstance(items, list | tuple) or not all(isinstance(item, kind) for item in items):
            what = "a list of tables, one a row" if name == "examples" else "a list of sentences"
            refuse(who, f"shows the {name} {spelled(items)}", f"`{name}` is {what}")
    if not isinstance(given.details, Mapping):
        refuse(who, f"shows the details {spelled(given.details)}", "`details` is a table of values by name")
    details = plain(who, given.details)
    if taken := sorted(HOSTS & details.keys()):
        refuse(who, f"shows `{taken[0]}`, which is mqa's own to say", "name it otherwise")
    listed = {name: getattr(given, name) for name in ("remarks", "notes", "examples") if getattr(given, name)}
    return plain(who, listed) | details


def check_picks(who: Contributor, evidence: Mapping[str, Any]) -> None:
    """Refuse examples that do not say by `id` which row each is about."""
    for row in evidence.get("examples", ()):
        if not isinstance(row.get("id"), str):
            refuse(
                who,
                f"shows an example without the `id` of its row: {spelled(row)}",
                "`reference.ids[row].as_py()` is one",
            )


def checked_right(who: Contributor, given: Any, rows: int) -> npt.NDArray[np.bool_]:
    """Whether each answer is right, as a comparison's `right` has it."""
    try:
        array = np.asarray(given)
    except (ValueError, TypeError):
        array = np.empty(0, dtype=object)
    if array.dtype != bool or array.shape != (rows,):
        refuse(
            who, f"says of {rows:,} rows what is right by {spelled(given)}", "`right` gives true or false for each row"
        )
    return array


def plain(who: Contributor, given: Mapping[str, Any]) -> dict[str, Any]:
    """A table by name in the values that JSON has."""
    return {_key(who, name): _plain(who, f"`{name}`", value, 0) for name, value in given.items()}


def _plain(who: Contributor, where: str, value: Any, depth: int) -> Any:
    if depth > DEEPEST:
        refuse(who, f"shows lists within lists without end in {where}")
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return float(value)
    if isinstance(value, str):
        return str(value).encode("utf-8", "backslashreplace").decode()
    if isinstance(value, Mapping):
        return {_key(who, key): _plain(who, where, one, depth + 1) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(who, where, one, depth + 1) for one in value]
    return refuse(
        who, f"shows {spelled(value)} in {where}, which a report cannot hold", "show text, numbers, lists or tables"
    )


def _key(who: Contributor, name: Any) -> str:
    if not isinstance(name, str):
        refuse(who, f"shows something under the name {spelled(name)}", "names are text")
    return name.encode("utf-8", "backslashreplace").decode()
