"""Disturbed rows: what perturbations make of a data set, row by row, whatever else the suite asks."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import pyarrow as pa

from mqa_registry.data import Rows
from mqa_registry.data.randomness import generator
from mqa_registry.errors import MqaError
from mqa_registry.predict.edits import edits
from mqa_registry.predict.observations import Disturbed, Failure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

    from mqa_registry.contributions import Perturbation, Task
    from mqa_registry.data import Example
    from mqa_registry.suite import Use


@dataclass(frozen=True)
class _Act:
    """One perturbation, made ready: what its randomness depends on, and the fields it acts on."""

    use: Use
    purpose: str
    fields: frozenset[str]
    moves_target: bool

    def on(self, example: Example, target: Any, rng: np.random.Generator) -> tuple[Example, Any] | None:
        """The row after it, or None where it declines."""
        before = {name: value for name, value in example.items() if name in self.fields}
        if self.moves_target:
            moved = self.use.call(before, target, rng)
            after, target = moved or (None, None)
        else:
            after = self.use.call(before, rng)
        if after is None:
            return None
        return {**example, **_checked(self.use, before, after)}, target


def disturb(rows: Rows, perturb: Sequence[Use], task: Task | None, seed: int) -> Disturbed | Failure:
    """What the perturbations make of the rows, one after the other; without any, the rows themselves."""
    if not perturb:
        return Disturbed(rows)
    acts = [_act(use, rows, task) for use in perturb]
    targets: list[Any] = _targets(rows, acts)
    kept: list[int] = []
    examples: list[Example] = []
    changed: list[int | None] = []  # by how many edits
    for position, (name, example) in enumerate(zip(rows.ids.to_pylist(), rows.examples(), strict=True)):
        try:
            moved = _through(example, targets[position], acts, seed, name)
        except MqaError:
            raise
        except Exception as error:  # whatever a plugin raises is its own, and ends its own views alone
            return Failure.of_crash(f"a perturbation crashed on row `{name}`", error)
        if moved is not None:
            kept.append(position)
            examples.append(moved[0])
            if moved[0] != example:
                changed.append(edits(example, moved[0]))
            targets[position] = moved[1]
    moved_targets = [targets[position] for position in kept] if any(act.moves_target for act in acts) else None
    known = [edited for edited in changed if edited is not None]
    mean = sum(known) / len(known) if known else None
    return Disturbed(_rebuilt(rows, kept, examples, moved_targets), len(rows) - len(kept), len(changed), mean)


def _act(use: Use, rows: Rows, task: Task | None) -> _Act:
    """A perturbation with the fields of its modality; without a task those are the fields of text."""
    perturbation = cast("Perturbation", use.contribution)
    if task is None:
        fields = [name for name in rows.fields if pa.types.is_string(rows.table.schema.field(name).type)]
    else:
        fields = [name for name in rows.fields if task.fields[name] == perturbation.modality]
    return _Act(use, _purpose(use), frozenset(fields), perturbation.moves_target)


def _purpose(use: Use) -> str:
    """What a perturbation's randomness depends on: itself and its options, but not how severe it is."""
    return json.dumps({key: value for key, value in use.spelled().items() if key != "severity"}, sort_keys=True)


def _targets(rows: Rows, acts: Sequence[_Act]) -> list[Any]:
    if any(act.moves_target for act in acts) and "target" in rows.table.column_names:
        return list(rows.table.column("target").to_pylist())
    return [None] * len(rows)


def _through(example: Example, target: Any, acts: Sequence[_Act], seed: int, name: str) -> tuple[Example, Any] | None:
    """One row after every perturbation in turn, or None where one of them declines it."""
    for act in acts:
        moved = act.on(example, target, generator(seed, act.purpose, name))
        if moved is None:
            return None
        example, target = moved
    return example, target


def _checked(use: Use, before: Mapping[str, Any], after: Example) -> Example:
    if after.keys() != before.keys():
        raise TypeError(f"`{use.name}` gave the fields {sorted(after)} for {sorted(before)}")
    return after


def _rebuilt(rows: Rows, kept: list[int], examples: list[Example], targets: list[Any] | None) -> Rows:
    """The kept rows with their fields, and targets where those moved, replaced."""
    table = rows.table.take(pa.array(kept, pa.int64()))
    columns = {field: [example[field] for example in examples] for field in rows.fields}
    if targets is not None:
        columns["target"] = targets
    for name, values in columns.items():
        position = table.column_names.index(name)
        table = table.set_column(position, name, pa.array(values, table.schema.field(name).type))
    return Rows(table, rows.fields)
