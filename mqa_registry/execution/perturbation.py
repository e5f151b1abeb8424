"""Perturbed rows: what perturbations make of a data set, row by row, whatever else the suite asks."""

from __future__ import annotations

import json
from contextlib import ExitStack
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import pyarrow as pa
from rapidfuzz.distance import Levenshtein

from mqa_registry.boundary import (
    ROW_SECONDS,
    RepeatedCall,
    apply_edits,
    check_edits,
    check_example,
    check_example_and_target,
    check_fields,
    reject_output,
)
from mqa_registry.errors import ContributionError, NotRunError, UsageError
from mqa_registry.observations import Failure, PerturbedRows
from mqa_registry.stats.randomness import generator
from mqa_registry.types import Rows, move_spans

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np

    from mqa_registry.boundary import Contributor
    from mqa_registry.contributions import Perturbation, Task
    from mqa_registry.suite import Use
    from mqa_registry.types import Example


@dataclass(frozen=True)
class _Act:
    """One perturbation, made ready: what its randomness depends on, the fields it acts on, and how the target moves.

    `spanned` is the field that targets are spans of, if they are.
    """

    contributor: Contributor
    call: RepeatedCall
    purpose: str
    fields: frozenset[str]
    spanned: str
    moves: bool
    edits: bool
    nested: bool  # whether values of a field can be changed in place

    @property
    def touches_target(self) -> bool:
        return self.moves or (self.edits and bool(self.spanned))

    def on(self, example: Example, target: Any, rng: np.random.Generator) -> tuple[Example, Any] | None:
        """The row after it, or None where it declines."""
        contributor = self.contributor
        handed = {name: value for name, value in example.items() if name in self.fields}
        if self.nested:
            handed = deepcopy(handed)
        made = self.call(handed, deepcopy(target), rng) if self.moves else self.call(handed, rng)
        if made is None:
            if handed != {name: example[name] for name in self.fields}:
                reject_output(
                    contributor, "changed the example that it was given, and gave nothing back", "return the example"
                )
            return None
        if self.moves:
            made, target = check_example_and_target(contributor, made)
        check_fields(contributor, self.fields, made)
        if not self.edits:
            return {**example, **check_example(contributor, example, made)}, target
        edits = {name: check_edits(contributor, name, one) for name, one in made.items()}
        after = {name: apply_edits(contributor, name, example[name], edits[name]) for name in edits if edits[name]}
        if target is not None and self.spanned:
            target = move_spans(target, example[self.spanned], edits[self.spanned])
        return {**example, **after}, target


def apply_perturbations(
    rows: Rows, perturb: Sequence[Use], task: Task[Any] | None, seed: int
) -> PerturbedRows | Failure:
    """What the perturbations make of the rows, one after the other; without any, the rows themselves."""
    if not perturb:
        return PerturbedRows(rows)
    acts = [_act(use, rows, task) for use in perturb]
    targets: list[Any] = _targets(rows, acts)
    kept: list[int] = []
    examples: list[Example] = []
    changed: list[int | None] = []  # by how many edits
    with ExitStack() as calls:
        for act in acts:
            calls.enter_context(act.call)
        for position, (name, example) in enumerate(zip(rows.ids.to_pylist(), rows.examples(), strict=True)):
            try:
                moved = _through(example, targets[position], acts, seed, name)
            except NotRunError as error:
                return Failure.of_refusal(error)
            except ContributionError as error:  # it ends its own views alone
                return replace(Failure.of_error(error), message=f"{error.message}, on row `{name}`")
            if moved is not None:
                kept.append(position)
                examples.append(moved[0])
                if moved[0] != example:
                    changed.append(distance(example, moved[0]))
                targets[position] = moved[1]
    if not kept:
        named = " and ".join(f"`{use.name}`" for use in perturb)
        return Failure(f"{named} declined all of {len(rows):,} rows, so nothing was tested")
    moved_targets = [targets[position] for position in kept] if any(act.touches_target for act in acts) else None
    known = [far for far in changed if far is not None]
    mean = sum(known) / len(known) if known else None
    try:
        rebuilt = _rebuilt(rows, kept, examples, moved_targets)
    except (
        pa.ArrowException,
        TypeError,
        ValueError,
        OverflowError,
    ) as error:  # values of another type than their column's
        return _misfit(acts[-1].contributor, error)
    return PerturbedRows(rebuilt, len(rows) - len(kept), len(changed), mean)


def _misfit(contributor: Contributor, error: Exception) -> Failure:
    """The failure of values that their column cannot hold."""
    seen = f"gave values that their column cannot hold: {error!s:.200}"
    return Failure.of_error(ContributionError(contributor.kind, contributor.name, seen, where=contributor.where))


def _act(use: Use, rows: Rows, task: Task[Any] | None) -> _Act:
    """A perturbation with the fields of its modality; without a task those are the fields of text."""
    perturbation = cast("Perturbation", use.contribution)
    if task is None:
        fields = [name for name in rows.fields if pa.types.is_string(rows.table.schema.field(name).type)]
    else:
        fields = [name for name in rows.fields if task.fields[name] == perturbation.modality]
    spanned = field_of_spans(rows, fields) if perturbation.modality == "text" else ""
    if spanned and not (perturbation.edits or perturbation.target_effect == "moves"):
        refuse_to_leave_behind(use)
    call = RepeatedCall(
        use.contributor, partial(perturbation.function, **deepcopy(dict(use.options))), seconds=ROW_SECONDS
    )
    nested = any(pa.types.is_nested(rows.table.schema.field(name).type) for name in fields)
    moves = perturbation.target_effect == "moves"
    return _Act(use.contributor, call, _purpose(use), frozenset(fields), spanned, moves, perturbation.edits, nested)


def _purpose(use: Use) -> str:
    """What a perturbation's randomness depends on: itself and its options, but not how severe it is."""
    return json.dumps({key: value for key, value in use.as_table().items() if key != "severity"}, sort_keys=True)


def _targets(rows: Rows, acts: Sequence[_Act]) -> list[Any]:
    if any(act.touches_target for act in acts) and "target" in rows.table.column_names:
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


MOST = 2000  # characters of a text that are compared: the time grows with the square of them


def distance(before: Example, after: Example) -> int | None:
    """Characters to insert, delete or replace (Levenshtein) to come from one row to the other; None without any text.

    Of a longer text the first 2,000 characters are compared.
    """
    pairs = [(text, after[name]) for name, text in before.items() if isinstance(text, str)]
    if not pairs:
        return None
    return sum(Levenshtein.distance(text[:MOST], str(other)[:MOST]) for text, other in pairs)


def field_of_spans(rows: Rows, texts: Iterable[str]) -> str:
    """The field that the targets are spans of; nothing where they are no spans.

    That is the only field of text; a UsageError where there are several.
    """
    if "target" not in rows.table.column_names or not _are_spans(rows.table.schema.field("target").type):
        return ""
    fields = sorted(texts)
    if len(fields) > 1:
        raise UsageError(
            f"the targets are spans of a text, and it could be any of {', '.join(f'`{name}`' for name in fields)}",
            hint="perturb them where a row has one text",
        )
    return fields[0] if fields else ""


def refuse_to_leave_behind(use: Use) -> None:
    """A UsageError for a perturbation that does not say where it changes a text that targets are spans of."""
    raise UsageError(
        f"`{use.name}` does not say where it changes a text, and the targets are spans that have to move with it",
        hint="a perturbation says so by `edits`; see `mqa plugins` for those that do",
    )


def _are_spans(kind: pa.DataType) -> bool:
    if not pa.types.is_list(kind) and not pa.types.is_large_list(kind):
        return False
    item = kind.value_type
    return bool(pa.types.is_struct(item)) and {"start", "end"} <= {field.name for field in item}
