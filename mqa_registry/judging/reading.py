"""Readings: what a case reads at one severity, with the rows of its views side by side."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mqa_registry.contributions import Comparison
from mqa_registry.errors import DataError
from mqa_registry.judging.groups import groups_by_answer, sees_answers, within
from mqa_registry.judging.sample import met

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mqa_registry.judging.material import Material
    from mqa_registry.judging.sample import Positions, Sample
    from mqa_registry.plan import Case, Step
    from mqa_registry.suite import Use


@dataclass(frozen=True)
class Selection:
    """Some rows of a reading, by their positions; `reference` has those of a reference with other rows."""

    view: Positions
    reference: Positions


@dataclass(frozen=True)
class Reading:
    """The view of a case and, where it needs one, the reference; `paired` where both have the same rows in one order.

    `groups` are those that a metric makes one number of.
    """

    measure: Use
    sample: Sample
    reference: Sample | None = None
    paired: bool = True
    groups: Mapping[str, Selection] = field(default_factory=dict)

    @property
    def compares(self) -> bool:
        return isinstance(self.measure.contribution, Comparison)

    def at(self, rows: Selection) -> Reading:
        """The same of some of the rows."""
        reference = self.reference.at(rows.reference) if self.reference is not None else None
        return Reading(self.measure, self.sample.at(rows.view), reference, self.paired)


def read(case: Case, step: Step, material: Material) -> Reading:
    """The rows of one severity; a comparison of different rows is a DataError.

    Rows that a perturbation declined leave both sides. Rows of two data sets are paired where their ids are the same.
    """
    measure = case.check.measure
    labelled = not isinstance(measure.contribution, Comparison)
    told = _likes_targets(measure, step)
    sample = material.sample(step.view, labelled=labelled, told=told)
    if step.reference is None:
        return Reading(measure, sample)
    reference = material.sample(step.reference, labelled=labelled, told=told)
    mine, theirs = met(sample, reference)
    if step.reference.rows.data == step.view.rows.data or len(mine) == len(sample) == len(reference):
        return Reading(measure, mine, theirs)
    if not labelled:
        raise DataError(
            f"check `{case.check.name}` compares different rows: the reference has {len(mine):,} of {len(sample):,}",
            hint="a comparison needs the same ids on both sides",
        )
    return Reading(measure, sample, reference, paired=False)


def _likes_targets(measure: Use, step: Step) -> bool:
    """Whether a comparison says what is right, of rows whose targets still hold."""
    comparison = measure.contribution
    views = [view for view in (step.view, step.reference) if view is not None]
    says = isinstance(comparison, Comparison) and comparison.right is not None
    return says and not any(view.rows.changes_answers for view in views)


def selections(reading: Reading, by: Use, step: Step, material: Material) -> Iterator[tuple[str, Selection]]:
    """The rows of every group, by its name; a reference with other rows has groups of its own."""
    mine = theirs = _groups(reading.sample, step.view.rows.data, by, material)
    if reading.reference is not None and not reading.paired:
        assert step.reference is not None
        theirs = _groups(reading.reference, step.reference.rows.data, by, material)
    elif reading.reference is not None and sees_answers(by):
        mine = theirs = groups_by_answer(reading.reference.predictions, by)
    nowhere = reading.sample.places[:0]
    return ((name, Selection(positions, theirs.get(name, nowhere))) for name, positions in mine.items())


def _groups(sample: Sample, data: str, by: Use, material: Material) -> Mapping[str, Positions]:
    if sees_answers(by):
        return groups_by_answer(sample.predictions, by)
    return within(sample, material.groups(data, by))
