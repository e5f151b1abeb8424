"""Perturbing rows: perturbations applied to the rows of a data set, with what they leave out and change counted."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from mqa_registry.boundary import TimeLimitReached
from mqa_registry.errors import BlobError, ContributionError, NotRunError
from mqa_registry.execution.rows.edit_distance import edit_distance
from mqa_registry.execution.rows.perturbed_rows import PerturbedPart
from mqa_registry.execution.rows.perturber import make_perturber
from mqa_registry.observations import Failure, LostRows
from mqa_registry.stats.randomness import generator
from mqa_registry.types import Rows
from mqa_registry.types.blobs import is_same_example

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mqa_registry.boundary import Contributor
    from mqa_registry.contributions import Task
    from mqa_registry.errors import MqaError
    from mqa_registry.execution.rows.perturber import Perturber
    from mqa_registry.suite import Use
    from mqa_registry.types import Example


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
    perturbers = [make_perturber(use, rows, task) for use in perturb]
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


def _perturb_rows(rows: Rows, perturbers: Sequence[Perturber], seed: int) -> _AcceptedRows | Failure:
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


def _targets(rows: Rows, perturbers: Sequence[Perturber]) -> list[Any]:
    if any(perturber.changes_target for perturber in perturbers) and "target" in rows.table.column_names:
        return list(rows.table.column("target").to_pylist())
    return [None] * len(rows)


def _apply_all(
    example: Example, target: Any, perturbers: Sequence[Perturber], seed: int, name: str
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
