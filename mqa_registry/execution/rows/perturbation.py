"""Perturbing rows: perturbations applied to the rows of a data set, with what they leave out and change counted."""

from __future__ import annotations

import json
from contextlib import ExitStack
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from mqa_registry.boundary import (
    ROW_SECONDS,
    RepeatedCall,
    TimeLimitReached,
    apply_edits,
    check_edits,
    check_example,
    check_example_and_target,
    check_fields,
    reject_output,
)
from mqa_registry.contributions import Perturbation
from mqa_registry.errors import BlobError, ContributionError, NotRunError, UsageError
from mqa_registry.execution.rows.edit_distance import edit_distance
from mqa_registry.execution.rows.member_fields import join_members, split_members
from mqa_registry.execution.rows.perturbed_rows import PerturbedPart
from mqa_registry.observations import Failure, LostRows
from mqa_registry.stats.randomness import generator
from mqa_registry.types import Rows, move_spans
from mqa_registry.types.blobs import BLOB_MODALITIES, is_same_example

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from collections.abc import Set as AbstractSet

    import numpy as np

    from mqa_registry.boundary import Contributor
    from mqa_registry.contributions import Task
    from mqa_registry.errors import MqaError
    from mqa_registry.suite import Use
    from mqa_registry.types import Example


@dataclass(frozen=True)
class _Perturber:
    """One perturbation, ready to be applied to rows.

    `purpose` seeds its randomness. `fields` are those that it reads and changes, of which `lists` have a value for each
    member of a group. `span_field` is the field that targets are spans of, empty where they are no spans. `moves_target`
    says that the function gives the target too, `edits` that it gives edits of texts; `nested` that values of a field can
    be changed in place.
    """

    contributor: Contributor
    function: RepeatedCall
    purpose: str
    fields: frozenset[str]
    lists: frozenset[str]
    span_field: str
    moves_target: bool
    edits: bool
    nested: bool

    @property
    def changes_target(self) -> bool:
        return self.moves_target or (self.edits and bool(self.span_field))

    def apply(self, example: Example, target: Any, rng: np.random.Generator) -> tuple[Example, Any] | None:
        """The perturbed row and its target; None where the perturbation declines the row."""
        contributor = self.contributor
        before = split_members({name: example[name] for name in example if name in self.fields}, self.lists)
        given = deepcopy(before) if self.nested else dict(before)
        returned = self.function(given, deepcopy(target), rng) if self.moves_target else self.function(given, rng)
        if returned is None:
            if not is_same_example(given, before):
                reject_output(
                    contributor, "changed the example that it was given, and gave nothing back", "return the example"
                )
            return None
        if self.moves_target:
            returned, target = check_example_and_target(contributor, returned)
        check_fields(contributor, before.keys(), returned)
        if not self.edits:
            return join_members(example, check_example(contributor, before, returned), self.lists), target
        edits = {name: check_edits(contributor, name, one) for name, one in returned.items()}
        edited = {name: apply_edits(contributor, name, before[name], edits[name]) for name in edits if edits[name]}
        if target is not None and self.span_field:
            target = move_spans(target, example[self.span_field], edits[self.span_field])
        return join_members(example, edited, self.lists), target


@dataclass
class _AcceptedRows:
    """The rows that no perturbation declined: their indices, what became of them, and how far those that changed moved."""

    indices: list[int] = field(default_factory=list)
    examples: list[Example] = field(default_factory=list)
    targets: list[Any] = field(default_factory=list)
    distances: list[int | None] = field(default_factory=list)  # of the rows that changed
    lost: list[tuple[str, MqaError]] = field(default_factory=list)

    def add(self, index: int, before: Example, after: Example, target: Any) -> None:
        """Add a row; a BlobError, before anything is added, where a blob of it cannot be compared with what it was."""
        changed = not is_same_example(before, after)
        self.indices.append(index)
        self.examples.append(after)
        self.targets.append(target)
        if changed:
            self.distances.append(edit_distance(before, after))


def perturb_part(rows: Rows, perturb: Sequence[Use], task: Task[Any] | None, seed: int) -> PerturbedPart | Failure:
    """The rows after all perturbations, applied in order; without any, the rows themselves.

    A row on which a perturbation crashes is lost. A failure where a perturbation cannot run, or does not end in time.
    """
    if not perturb:
        return PerturbedPart(rows)
    perturbers = [_make_perturber(use, rows, task) for use in perturb]
    accepted = _perturb_rows(rows, perturbers, seed)
    if isinstance(accepted, Failure):
        return accepted
    changes_target = any(perturber.changes_target for perturber in perturbers)
    try:
        perturbed = _replace_columns(
            rows, accepted.indices, accepted.examples, accepted.targets if changes_target else None
        )
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:  # of another type than their column's
        return _wrong_type_failure(perturbers[-1].contributor, error)
    lost = LostRows.of_errors(accepted.lost)
    compared = [distance for distance in accepted.distances if distance is not None]
    return PerturbedPart(
        perturbed,
        declined=len(rows) - len(accepted.indices) - lost.count,
        changed=len(accepted.distances),
        edits=sum(compared),
        compared=len(compared),
        lost=lost,
    )


def _perturb_rows(rows: Rows, perturbers: Sequence[_Perturber], seed: int) -> _AcceptedRows | Failure:
    """Apply the perturbations row by row; a failure where one of them cannot run, or does not end in time."""
    accepted = _AcceptedRows()
    with ExitStack() as calls:
        for perturber in perturbers:
            calls.enter_context(perturber.function)
        triples = zip(rows.ids.to_pylist(), rows.examples(), _targets(rows, perturbers), strict=True)
        for index, (name, example, target) in enumerate(triples):
            try:
                perturbed = _apply_all(example, target, perturbers, seed, name)
                if perturbed is not None:
                    accepted.add(index, example, *perturbed)
            except NotRunError as error:
                return Failure.of_refusal(error)
            except BlobError as error:
                accepted.lost.append((name, error))
            except ContributionError as error:
                if isinstance(error.__cause__, TimeLimitReached):  # the next row may take as long
                    return replace(Failure.of_error(error), message=f"{error.message}, on row `{name}`")
                accepted.lost.append((name, error))
    return accepted


def _wrong_type_failure(contributor: Contributor, error: Exception) -> Failure:
    """The failure of values that their column cannot hold."""
    what = f"gave values that their column cannot hold: {error!s:.200}"
    return Failure.of_error(ContributionError(contributor.kind, contributor.name, what, where=contributor.where))


def _make_perturber(use: Use, rows: Rows, task: Task[Any] | None) -> _Perturber:
    """A perturbation with the fields of its modality, which are the fields of text where there is no task."""
    perturbation = use.contribution_as(Perturbation)
    if task is None and perturbation.modality in BLOB_MODALITIES:
        fields = list(rows.blobs)
    elif task is None:
        fields = [name for name in rows.fields if pa.types.is_string(rows.table.schema.field(name).type)]
    else:
        fields = [name for name in rows.fields if task.fields[name] == perturbation.modality]
    span_field = find_span_field(rows, fields) if perturbation.modality == "text" else ""
    if span_field and not (perturbation.edits or perturbation.target_effect == "moves"):
        _refuse_spans(use)
    function = RepeatedCall(
        use.contributor, partial(perturbation.function, **deepcopy(dict(use.options))), seconds=ROW_SECONDS
    )
    lists = frozenset(fields).intersection(
        task.grouping.fields if task is not None and task.grouping is not None else ()
    )
    nested = any(pa.types.is_nested(_item_type(rows, name, lists)) for name in fields if name not in rows.blobs)
    moves_target = perturbation.target_effect == "moves"
    return _Perturber(
        use.contributor,
        function,
        _purpose(use),
        frozenset(fields),
        lists,
        span_field,
        moves_target,
        perturbation.edits,
        nested,
    )


def _item_type(rows: Rows, field: str, lists: AbstractSet[str]) -> pa.DataType:
    """The type of what a perturbation is given of a field."""
    kind = rows.table.schema.field(field).type
    return kind.value_type if field in lists else kind


def _purpose(use: Use) -> str:
    """The seed text of a perturbation's randomness: its name and options without `severity`.

    So a row is perturbed at the same positions at every severity of a sweep.
    """
    return json.dumps({key: value for key, value in use.as_table().items() if key != "severity"}, sort_keys=True)


def _targets(rows: Rows, perturbers: Sequence[_Perturber]) -> list[Any]:
    if any(perturber.changes_target for perturber in perturbers) and "target" in rows.table.column_names:
        return list(rows.table.column("target").to_pylist())
    return [None] * len(rows)


def _apply_all(
    example: Example, target: Any, perturbers: Sequence[_Perturber], seed: int, name: str
) -> tuple[Example, Any] | None:
    """One row and its target after all perturbations in order; None where one of them declines it."""
    for perturber in perturbers:
        perturbed = perturber.apply(example, target, generator(seed, perturber.purpose, name))
        if perturbed is None:
            return None
        example, target = perturbed
    return example, target


def _replace_columns(rows: Rows, indices: list[int], examples: list[Example], targets: list[Any] | None) -> Rows:
    """The rows at these indices with their fields replaced, and their targets where there are new ones.

    A blob stands under the name of the one that it was made of: its column has that, and not its bytes.
    """
    taken = rows.take(indices)
    table = taken.with_names().table
    columns = {field: [example[field] for example in examples] for field in rows.fields if field not in rows.blobs}
    if targets is not None:
        columns["target"] = targets
    for name, values in columns.items():
        position = table.column_names.index(name)
        table = table.set_column(position, name, pa.array(values, rows.table.schema.field(name).type))
    blobs = [{field: example[field] for field in rows.blobs} for example in examples] if rows.blobs else ()
    return Rows(table, rows.fields, blobs=rows.blobs, blob_values=blobs)


def find_span_field(rows: Rows, texts: Iterable[str]) -> str:
    """The field that the targets are spans of: the only field of text. Empty where the targets are no spans.

    A UsageError where there are several fields of text.
    """
    if "target" not in rows.table.column_names:
        return ""
    kind = rows.table.schema.field("target").type
    if pa.types.is_list(kind) and _are_spans(kind.value_type):
        raise UsageError(
            "the targets are spans of each member's text, and do not move with it",
            hint="perturb them where a row has one text",
        )
    if not _are_spans(kind):
        return ""
    fields = sorted(texts)
    if len(fields) > 1:
        raise UsageError(
            f"the targets are spans of a text, and it could be any of {', '.join(f'`{name}`' for name in fields)}",
            hint="perturb them where a row has one text",
        )
    return fields[0] if fields else ""


def _refuse_spans(use: Use) -> None:
    """Raise the UsageError for a perturbation that gives no edits of a text that targets are spans of."""
    raise UsageError(
        f"`{use.name}` does not say where it changes a text, and the targets are spans that have to move with it",
        hint="a perturbation says so by `edits`; see `mqa plugins` for those that do",
    )


def _are_spans(kind: pa.DataType) -> bool:
    if not pa.types.is_list(kind) and not pa.types.is_large_list(kind):
        return False
    item = kind.value_type
    return bool(pa.types.is_struct(item)) and {"start", "end"} <= {field.name for field in item}
