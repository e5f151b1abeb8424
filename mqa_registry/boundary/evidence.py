"""Evidence: what comparisons and probes show next to their numbers, as values that a report can hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from mqa_registry.boundary.calls import ACTIVE, reject_output, summarize_value
from mqa_registry.contributions import Evidence, ExampleRow
from mqa_registry.errors import redact

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from mqa_registry.boundary.calls import Contributor

Item = TypeVar("Item")

MAX_DEPTH = 20  # tables and lists within each other


def redact_message(message: str) -> str:
    """A message as it is or, where messages leave out the words of contributions, without what it says."""
    return redact(message) if ACTIVE.redacted else message


def check_evidence(contributor: Contributor, output: Any) -> Evidence:
    """Evidence in the values that JSON has; numpy's become plain ones."""
    if not isinstance(output, Evidence):
        reject_output(
            contributor,
            f"shows {summarize_value(output)}, and an `Evidence` is expected",
            "`Evidence(remarks=[...])` is one",
        )
    return Evidence(
        remarks=_check_list(contributor, output.remarks, "remarks", str),
        notes=_check_list(contributor, output.notes, "notes", str),
        examples=[
            _check_example(contributor, one)
            for one in _check_list(contributor, output.examples, "examples", ExampleRow)
        ],
        details=_check_details(contributor, output.details),
    )


def check_example_ids(contributor: Contributor, examples: Sequence[ExampleRow]) -> None:
    """Refuse examples that do not say by `id` which row each is about."""
    for row in examples:
        if not row.id:
            reject_output(
                contributor,
                f"shows an example without the `id` of its row: {summarize_value(row)}",
                "`reference.ids[row].as_py()` is one",
            )


def _check_list(contributor: Contributor, items: Any, name: str, kind: type[Item]) -> list[Item]:
    if not isinstance(items, list | tuple) or not all(isinstance(item, kind) for item in items):
        what = "a list of `ExampleRow`" if kind is ExampleRow else "a list of sentences"
        reject_output(contributor, f"shows the {name} {summarize_value(items)}", f"`{name}` is {what}")
    return [_to_json_value(contributor, f"`{name}`", item, 0) if isinstance(item, str) else item for item in items]


def _check_details(contributor: Contributor, given: Any) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        reject_output(
            contributor, f"shows the details {summarize_value(given)}", "`details` is a table of values by name"
        )
    return to_json_values(contributor, given)


def _check_example(contributor: Contributor, row: ExampleRow) -> ExampleRow:
    """The example in plain values, those of each field of its type."""
    probability, margin = (
        _to_json_value(contributor, "an example", number, 0) for number in (row.probability, row.margin)
    )
    tables = (row.fields, row.perturbed, row.details)
    are_numbers = all(one is None or isinstance(one, int | float) for one in (probability, margin))
    if not isinstance(row.id, str) or not are_numbers or not all(isinstance(one, Mapping) for one in tables):
        reject_output(
            contributor,
            f"shows the example {summarize_value(row)}",
            "`id` is text, `fields`, `perturbed` and `details` are tables, `probability` and `margin` numbers or None",
        )
    return ExampleRow(
        id=_to_json_value(contributor, "`id`", row.id, 0),
        fields=to_json_values(contributor, row.fields),
        perturbed=to_json_values(contributor, row.perturbed),
        target=_to_json_value(contributor, "`target`", row.target, 0),
        prediction=_to_json_value(contributor, "`prediction`", row.prediction, 0),
        probability=probability,
        reference=_to_json_value(contributor, "`reference`", row.reference, 0),
        margin=margin,
        details=to_json_values(contributor, row.details),
    )


def check_correctness(contributor: Contributor, output: Any, rows: int) -> npt.NDArray[np.bool_]:
    """Whether each prediction is correct, as a comparison's `is_correct` returned it."""
    try:
        array = np.asarray(output)
    except (ValueError, TypeError):
        array = np.empty(0, dtype=object)
    if array.dtype != bool or array.shape != (rows,):
        reject_output(
            contributor,
            f"gave {summarize_value(output)} for whether {rows:,} rows are correct",
            "`is_correct` gives true or false for each row",
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
