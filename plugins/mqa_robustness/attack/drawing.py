"""Rows to attack: drawn by the suite's seed, with their right answers, and what there is to edit in them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from mqa_registry import DataError, NotRunError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mqa_registry import Example, LiveView, Scene

LONGEST = 10_000  # characters of a row's texts; no model of text reads as far


@dataclass(frozen=True)
class Row:
    """One row of the data. `target` is its right answer, None where the data does not say."""

    id: str
    example: Example
    target: str | None
    seed: int

    def rng(self) -> np.random.Generator:
        """What the attack on this row draws from, whatever other rows there are."""
        name = hashlib.blake2b(self.id.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        return np.random.default_rng([self.seed, int.from_bytes(name, "little")])

    def texts(self, fields: Sequence[str]) -> list[str]:
        return [self.example.get(field) or "" for field in fields]

    def refused(self, fields: Sequence[str]) -> str:
        """Why it cannot be attacked, whatever the edits; empty where it can."""
        size = sum(map(len, self.texts(fields)))
        if size > LONGEST:
            return f"there are more than {LONGEST:,} characters"
        return "" if any(map(str.strip, self.texts(fields))) else "there is no text"


def drawn(scene: Scene, view: LiveView, number: int) -> list[Row]:
    """So many rows of a view, or all where there are fewer; a NotRunError where there is none."""
    rows = view.rows
    if not len(rows):
        raise NotRunError("there are no rows to attack")
    seed = int(scene.rng.integers(2**62))
    table = rows.table.take(pa.array(scene.rng.permutation(len(rows))[:number]))
    examples = table.select(list(rows.fields)).to_pylist()
    assert scene.subject is not None
    targets = _targets(table, scene.subject.model.labels)
    ids = map(str, table.column("id").to_pylist())
    return [Row(*row, seed) for row in zip(ids, examples, targets, strict=True)]


def text_fields(scene: Scene, view: LiveView, asked: Sequence[str] | None) -> list[str]:
    """The fields to edit: those asked for, else all that are text."""
    assert scene.subject is not None
    task = scene.subject.task
    there = [name for name, modality in task.fields.items() if modality == "text" and name in view.rows.fields]
    if not there:
        raise NotRunError(f"the rows of `{task.name}` have no text to edit", hint="attack a model that reads text")
    for name in asked or ():
        if name not in there:
            raise DataError(
                f"the rows have no text `{name}`", hint=f"they have {', '.join(f'`{one}`' for one in there)}"
            )
    return list(dict.fromkeys(asked)) if asked else there


def _targets(table: pa.Table, labels: Sequence[str]) -> list[str | None]:
    """Right answers as the model names them: a label, or its position; a DataError where it knows no such label."""
    if "target" not in table.column_names:
        return [None] * table.num_rows
    return [None if value is None else _label(value, labels) for value in table.column("target").to_pylist()]


def _label(value: Any, labels: Sequence[str]) -> str:
    name = str(int(value)) if isinstance(value, bool) else str(value)
    if name in labels:
        return name
    if isinstance(value, int) and 0 <= value < len(labels):
        return labels[value]
    known = ", ".join(f"`{label}`" for label in labels[:20])
    raise DataError(f"a row has the target `{name}`, which the model does not know", hint=f"it knows {known}")
