"""Slices: every row has a group, several or none, whatever it holds, and whichever rows are around it."""

from __future__ import annotations

import math
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from mqa_registry.boundary import check_group_codes, check_groups, check_row_groups, is_group_column
from mqa_registry.contributions import Slice
from mqa_registry.errors import ContributionError
from mqa_registry.options import read_options
from mqa_registry.testing.examples import FOREIGN_TEXTS, TEXTS, make_inputs
from mqa_registry.testing.predictions import make_pair
from mqa_registry.testing.rule import Rule
from mqa_registry.testing.subject import CallError, NotTriedError, RefusalError, show
from mqa_registry.types.blobs import is_same_example

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mqa_registry.testing.subject import Subject
    from mqa_registry.types import Example

ROLES = ("id", "target", "cluster")  # columns that a slice may read without saying so
FIELD = "text"  # of the model that the rows are for
UNUSUAL = ("", " ", *FOREIGN_TEXTS, " ".join(TEXTS * 200))
FILES = ("image", "audio")  # modalities that a slice of files is tried with, the first that it takes


def make_rows(texts: Sequence[Any] = TEXTS) -> list[dict[str, Any]]:
    """Rows with a text each, and columns as data sets have them."""
    return [
        {
            "id": f"row {number}",
            "text": text,
            "target": ("negative", "positive")[number % 2],
            "country": ("de", "fr", "it")[number % 3],
            "age": 20 + 7 * number,
            "score": 0.1 * number,
            "vector": [math.cos(number), math.sin(number)],
        }
        for number, text in enumerate(texts)
    ]


def group(subject: Subject, rows: Sequence[Example]) -> list[list[str]]:
    """The groups of every row, checked."""
    inputs = subject.expect(Slice).inputs
    if inputs == "example":
        return [list(check_groups(subject.contributor, subject.call(deepcopy(dict(row))))) for row in rows]
    if inputs == "table":
        output = subject.call(pa.Table.from_pylist(list(rows)))
    elif inputs == "examples":
        output = subject.call(iter(deepcopy(list(rows))))
    else:
        output = subject.call(make_pair("label", rows=len(rows))[0])
    if is_group_column(output):
        names, codes = check_group_codes(subject.contributor, output, len(rows))
        return [[] if code < 0 else [names[code]] for code in codes]
    return [list(groups) for groups in check_row_groups(subject.contributor, output, len(rows))]


def list_rows(subject: Subject) -> list[Example]:
    """The rows that it is tried with: those of its trial, else the kit's own; of files, those that it takes."""
    if subject.trial.examples:
        return list(subject.trial.examples)
    if subject.expect(Slice).inputs != "examples":
        return list(make_rows())
    for modality in FILES:
        inputs = make_inputs(modality)
        assert inputs is not None
        rows: list[Example] = [*inputs.examples(modality)]
        try:
            group(subject, rows)
        except RefusalError:
            continue
        except CallError:
            pass
        return rows
    raise NotTriedError(f"it takes neither {' nor '.join(FILES)}")


def work(subject: Subject) -> None:
    """Call it with ordinary rows, as a process of its own does."""
    group(subject, list_rows(subject))


def _find_failure(subject: Subject) -> str:
    return _find_failure_of(subject, list_rows(subject))


def _find_failure_of(subject: Subject, rows: Sequence[Example]) -> str:
    try:
        group(subject, rows)
    except CallError as error:
        return f"it {error}"
    except ContributionError as error:
        return f"it {error.fault}"
    return ""


def _find_unusual_failure(subject: Subject) -> str:
    """A row of another script, a huge one, one without text, or a data set of one row, that is not put anywhere."""
    rows = list_rows(subject)
    if found := _find_failure_of(subject, rows):
        raise NotTriedError(f"{found}; see the rule `works`")
    if found := _find_failure_of(subject, rows[:1]):
        return f"{found}, of one row alone"
    if subject.expect(Slice).inputs not in {"example", "table"} or subject.trial.examples:
        return ""
    for text in UNUSUAL:
        if found := _find_failure_of(subject, make_rows((text, TEXTS[0]))):
            return f"{found}, of the text {show(text)}"
    missing = [dict.fromkeys(rows[0]) | {"id": "row 0"}, rows[1]]
    if found := _find_failure_of(subject, missing):
        return f"{found}, of a row whose columns are all missing"
    return ""


def _find_other_groups(subject: Subject) -> str:
    rows = list_rows(subject)
    one, other = (group(subject, rows) for _ in range(2))
    row = next((row for row, pair in enumerate(zip(one, other, strict=True)) if pair[0] != pair[1]), None)
    return "" if row is None else f"{show(one[row])} and then {show(other[row])}, of {show(rows[row])}"


def _require_same_groups(subject: Subject) -> None:
    if _find_other_groups(subject):
        raise NotTriedError("it gives other groups each time; see the rule `deterministic`")


def _find_order(subject: Subject) -> str:
    _require_same_groups(subject)
    if subject.expect(Slice).inputs == "predictions":
        return _find_order_of_predictions(subject)
    rows = list_rows(subject)
    forth, back = group(subject, rows), group(subject, rows[::-1])[::-1]
    row = next((row for row, pair in enumerate(zip(forth, back, strict=True)) if set(pair[0]) != set(pair[1])), None)
    if row is None:
        return ""
    return f"{show(forth[row])}, and {show(back[row])} where the rows are in another order, of {show(rows[row])}"


def _find_order_of_predictions(subject: Subject) -> str:
    predictions = make_pair("label")[0]
    order = np.arange(len(predictions))[::-1]
    forth, back = (
        list(check_row_groups(subject.contributor, subject.call(one), len(one)))
        for one in (predictions, predictions.take(order))
    )
    same = all(set(one) == set(other) for one, other in zip(forth, back[::-1], strict=True))
    return "" if same else "a row is in another group where the rows are in another order"


def _find_changed_input(subject: Subject) -> str:
    for row in list_rows(subject):
        given = deepcopy(dict(row))
        subject.call(given)
        if not is_same_example(row, given):
            return f"{show(dict(row))} had become {show(given)}"
    return ""


def _find_undeclared_column(subject: Subject) -> str:
    names = subject.expect(Slice).columns
    taken = set(read_options(names).names)
    options = {name: value for name, value in subject.options.items() if name in taken}
    declared = {*subject.call_function(names, **options), *ROLES, FIELD}
    _require_same_groups(subject)
    rows = list_rows(subject)
    whole = group(subject, rows)
    bare = [{name: value for name, value in row.items() if name in declared} for row in rows]
    try:
        part = group(subject, bare)
    except CallError as error:
        return f"it {error}, without the columns that `columns` does not name"
    return "" if whole == part else "a row is in another group without the columns that `columns` does not name"


def _find_missed_golden(subject: Subject) -> str:
    for row, expected in subject.trial.golden:
        (groups,) = group(subject, [row])
        wanted = list(check_groups(subject.contributor, expected))
        if groups != wanted:
            return f"{show(groups)} in place of {show(wanted)}, of {show(row)}"
    return ""


KINDS = (Slice,)
RULES = (
    Rule(
        "works",
        "A slice gives of every row the name of its group, several, or None.",
        "Follow what was seen; `Trial(options=..., examples=...)` gives it the columns that it reads.",
        _find_failure,
        KINDS,
    ),
    Rule(
        "total",
        "Every row is in a group or in none, whatever it holds: no text, another script, missing values, and if it is alone.",
        "Return None for a row that the slice says nothing of.",
        _find_unusual_failure,
        KINDS,
    ),
    Rule(
        "deterministic",
        "The same rows are in the same groups.",
        "Draw nothing, or from a generator with a seed of its own.",
        _find_other_groups,
        KINDS,
    ),
    Rule(
        "order-free",
        "The group of a row does not depend on the order of rows.",
        "Keep nothing between two rows; break ties otherwise than by position.",
        _find_order,
        KINDS,
    ),
    Rule(
        "input-kept",
        "A slice leaves the row as it is.",
        "Copy a value before changing it.",
        _find_changed_input,
        KINDS,
        lambda subject: subject.expect(Slice).inputs == "example",
    ),
    Rule(
        "columns-declared",
        "A slice with `columns` reads no others than those, the fields, `id`, `target` and `cluster`.",
        "Name the column in `columns`: others are not read from the data.",
        _find_undeclared_column,
        KINDS,
        lambda subject: (
            subject.expect(Slice).columns is not None and subject.expect(Slice).inputs in {"example", "table"}
        ),
    ),
    Rule(
        "golden",
        "The row of a golden pair is in its group.",
        "Mend the slice, or the pair, whichever is wrong.",
        _find_missed_golden,
        KINDS,
        lambda subject: bool(subject.trial.golden),
    ),
)
