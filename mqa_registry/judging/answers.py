"""Answers: what a check's measure says of the rows of a reading, of the view and of what it is held against."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from mqa_registry.boundary import checked_measure
from mqa_registry.judging.measured import Measured
from mqa_registry.options import takes_groups

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mqa_registry.contributions import Comparison, Metric
    from mqa_registry.judging.reading import Reading, Selection
    from mqa_registry.judging.sample import Positions, Sample
    from mqa_registry.suite import Expect, Use


@dataclass(frozen=True)
class Answers:
    """The measure of the view and, for a drop or rise, of the reference; of the rows in `among`, of all if None.

    Those of a group follow from those of all rows where the measure gives a score a row or counts few kinds of rows:
    a row means the same in any company. Any other measure is asked again.
    """

    whole: Reading
    measured: Measured
    before: Measured | None
    among: Selection | None = None

    @classmethod
    def of(cls, reading: Reading, expect: Expect, among: Selection | None = None) -> Answers:
        """Ask the measure."""
        asked = reading if among is None else reading.at(among)
        held = expect.max_drop is not None or expect.max_rise is not None
        before = _before(asked) if held else None
        return cls(reading, _measured(asked), before, among)

    def at(self, rows: Selection, expect: Expect) -> Answers:
        """What it says of some of the rows."""
        measured = self.measured.at(rows.view)
        before = self.before.at(rows.reference) if self.before is not None else None
        if measured is None or (before is None) != (self.before is None):
            return Answers.of(self.whole, expect, rows)
        return Answers(self.whole, measured, before, rows)

    @property
    def rows(self) -> int:
        return len(self.whole.sample) if self.among is None else len(self.among.view)

    @property
    def rows_before(self) -> int:
        reference = self.whole.reference
        if self.among is not None:
            return len(self.among.reference)
        return len(reference) if reference is not None else 0

    @cached_property
    def reading(self) -> Reading:
        """The rows themselves."""
        return self.whole if self.among is None else self.whole.at(self.among)

    @property
    def same(self) -> bool:
        """Whether the reference has the same predictions in every row, to the last bit of every probability."""
        reading = self.reading
        if reading.reference is None or not reading.paired:
            return False
        one, two = reading.sample.predictions, reading.reference.predictions
        return one.probabilities is not None and one.table.equals(two.table)

    @property
    def clusters(self) -> np.ndarray[tuple[int], np.dtype[np.int64]] | None:
        clusters = self.whole.sample.clusters
        return clusters if clusters is None or self.among is None else clusters[self.among.view]

    @property
    def clusters_before(self) -> np.ndarray[tuple[int], np.dtype[np.int64]] | None:
        clusters = self.whole.reference.clusters if self.whole.reference is not None else None
        return clusters if clusters is None or self.among is None else clusters[self.among.reference]


def _measured(reading: Reading) -> Measured:
    if not reading.compares:
        return _metric(reading.measure, reading.sample, {name: rows.view for name, rows in reading.groups.items()})
    assert reading.reference is not None
    if not len(reading.sample):
        return Measured(np.zeros(0))
    given = _given(reading.measure, len(reading.sample), reading.reference.predictions, reading.sample.predictions)
    return Measured.of(given, cast("Comparison", reading.measure.contribution).range)


def _before(reading: Reading) -> Measured | None:
    if reading.reference is None:
        return None
    groups = {name: rows.reference for name, rows in reading.groups.items()}
    return _metric(reading.measure, reading.reference, groups)


def _metric(measure: Use, sample: Sample, groups: Mapping[str, Positions]) -> Measured:
    """A metric of some rows; of none it is nothing, which not every metric knows."""
    if not len(sample):
        return Measured(np.zeros(0))
    metric = cast("Metric", measure.contribution)
    groups_too = (groups,) if takes_groups(metric) else ()
    return Measured.of_metric(
        _given(measure, len(sample), sample.predictions, sample.targets, *groups_too), metric.range
    )


def _given(measure: Use, rows: int, *arguments: Any) -> Any:
    """What a measure gives for so many rows, checked at the boundary."""
    return checked_measure(measure.who, measure.call(*arguments), rows)
