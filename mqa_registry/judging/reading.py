"""Readings: what a case reads at one severity, with the rows of its views side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mqa_registry.contributions import Comparison
from mqa_registry.errors import DataError
from mqa_registry.judging.sample import Sample, met, sample_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from mqa_registry.plan import Case, Step, View
    from mqa_registry.predict import Observations
    from mqa_registry.suite import Use


@dataclass(frozen=True)
class Reading:
    """The view of a case and, where it needs one, the reference; `paired` where both have the same rows in one order."""

    measure: Use
    sample: Sample
    reference: Sample | None = None
    paired: bool = True

    @property
    def compares(self) -> bool:
        return isinstance(self.measure.contribution, Comparison)

    def among(self, mask: npt.NDArray[np.bool_]) -> Reading:
        """The same of the rows of one group."""
        reference = self.reference.among(mask) if self.reference is not None else None
        return Reading(self.measure, self.sample.among(mask), reference, self.paired)


def read(case: Case, step: Step, observations: Observations) -> Reading:
    """The rows of one severity; a comparison of different rows is a DataError.

    Rows that a perturbation declined leave both sides. Rows of two data sets are paired where their ids are the same.
    """
    measure = case.check.measure
    labelled = not isinstance(measure.contribution, Comparison)
    sample = _sample(observations, step.view, labelled=labelled)
    if step.reference is None:
        return Reading(measure, sample)
    reference = _sample(observations, step.reference, labelled=labelled)
    mine, theirs = met(sample, reference)
    if step.reference.rows.data == step.view.rows.data or len(mine) == len(sample) == len(reference):
        return Reading(measure, mine, theirs)
    if not labelled:
        raise DataError(
            f"check `{case.check.name}` compares different rows: the reference has {len(mine):,} of {len(sample):,}",
            hint="a comparison needs the same ids on both sides",
        )
    return Reading(measure, sample, reference, paired=False)


def _sample(observations: Observations, view: View, *, labelled: bool) -> Sample:
    data = view.rows.data
    return sample_of(observations.views[view], observations.rows[data], data, labelled=labelled)
