"""Samples: the rows of a view that a measure reads, and those of its reference, brought together by id."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_registry.contributions import Comparison, Perturbation
from mqa_registry.errors import ContributionError, DataError
from mqa_registry.judging.groups import groups_of, groups_of_predictions, groups_within, opens_files, sees_predictions
from mqa_registry.types import read_targets
from mqa_registry.types.id_join import match_ids

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mqa_registry.judging.groups import Positions
    from mqa_registry.observations import Observations, ObservedView
    from mqa_registry.plan import Case, Step, View
    from mqa_registry.suite import Use
    from mqa_registry.types import Predictions, Rows, Targets

TargetUse: TypeAlias = Literal["required", "optional", "unused"]  # whether a row without a target is left out


@dataclass(frozen=True)
class Sample:
    """One view as the judge reads it: a prediction, and for a metric a target, in every row.

    A comparison that says what is right has targets too, where there are any that fit, and may lack some of them.

    `row_indices` are the rows' positions in the unperturbed data set, shape (rows,), None where it has all of them in
    their order. `missing` rows had no finite prediction and `unlabelled` rows no target; neither are among the rows. `clusters` has each row's cluster, where the
    data has a column `cluster`.
    """

    predictions: Predictions
    targets: Targets | None
    row_indices: Positions | None
    missing: int = 0
    unlabelled: int = 0
    clusters: Positions | None = None

    def __len__(self) -> int:
        return len(self.predictions)

    def rows_at(self, positions: Positions) -> Positions:
        """The positions in the unperturbed data set of some of the rows."""
        return positions if self.row_indices is None else self.row_indices[positions]

    def take(self, positions: Positions) -> Sample:
        """Some of the rows."""
        return Sample(
            self.predictions.take(positions),
            self.targets.take(positions) if self.targets is not None else None,
            self.rows_at(positions),
            self.missing,
            self.unlabelled,
            self.clusters[positions] if self.clusters is not None else None,
        )


@dataclass(frozen=True)
class RowSelection:
    """Some rows of a pair of samples, by their positions; `reference` has those of a reference with other rows."""

    view: Positions
    reference: Positions


@dataclass(frozen=True)
class MeasureInputs:
    """What a measure reads at one severity: the sample of the view and, where it needs one, of the reference.

    `is_paired` says that both have the same rows in one order. `groups` are those that a metric makes one number of.
    """

    measure: Use
    sample: Sample
    reference: Sample | None = None
    is_paired: bool = True
    groups: Mapping[str, RowSelection] = field(default_factory=dict)

    @property
    def is_comparison(self) -> bool:
        return isinstance(self.measure.contribution, Comparison)

    def take(self, rows: RowSelection) -> MeasureInputs:
        """The same of some of the rows."""
        reference = self.reference.take(rows.reference) if self.reference is not None else None
        return MeasureInputs(self.measure, self.sample.take(rows.view), reference, self.is_paired)


class SampleCache:
    """The samples and groups of some observations, each made once for all cases that read it."""

    def __init__(self, observations: Observations) -> None:
        self.observations = observations
        self._samples: dict[tuple[View, TargetUse], Sample] = {}
        self._groups: dict[tuple[str, str], Mapping[str, Positions]] = {}

    def sample(self, view: View, targets: TargetUse) -> Sample:
        """The rows of a view that have all that a measure reads."""
        key = view, targets
        if key not in self._samples:
            observed, rows = self.observations.views[view], self.observations.rows[view.rows.data]
            try:
                self._samples[key] = make_sample(observed, rows, view.rows.data, targets)
            except DataError as error:
                _refuse_moved_targets(view, error)
                raise
        return self._samples[key]

    def groups(self, data: str, by: Use) -> Mapping[str, Positions]:
        """The groups of a data set's unperturbed rows."""
        key = data, by.key
        if key not in self._groups:
            rows = self.observations.rows[data]
            self._groups[key] = groups_of(self.observations.openable.get(data, rows) if opens_files(by) else rows, by)
        return self._groups[key]


def load_inputs(case: Case, step: Step, cache: SampleCache) -> MeasureInputs:
    """What a case reads at one severity; a comparison of different rows is a DataError.

    Rows that a perturbation declined, or a view lost, leave both sides. Rows of two data sets are paired where their ids
    are the same.
    """
    measure = case.check.measure
    targets = _target_use(measure, step)
    sample = cache.sample(step.view, targets)
    if step.reference is None:
        return MeasureInputs(measure, sample)
    reference = cache.sample(step.reference, targets)
    common, common_reference = align_samples(sample, reference)
    is_same_data = step.reference.rows.data == step.view.rows.data
    if is_same_data or _has_same_ids(step.view, step.reference, len(common), cache, targets):
        return MeasureInputs(measure, common, common_reference)
    if isinstance(measure.contribution, Comparison):
        raise DataError(
            f"check `{case.check.name}` compares different rows: the reference has {len(common):,} of {len(sample):,}",
            hint="a comparison needs the same ids on both sides",
        )
    return MeasureInputs(measure, sample, reference, is_paired=False)


def select_groups(inputs: MeasureInputs, by: Use, step: Step, cache: SampleCache) -> Iterator[tuple[str, RowSelection]]:
    """The rows of every group, by its name; a reference with other rows has its groups from those."""
    groups = reference_groups = _groups_of_sample(inputs.sample, step.view.rows.data, by, cache)
    if inputs.reference is not None and not inputs.is_paired:
        assert step.reference is not None
        reference_groups = _groups_of_sample(inputs.reference, step.reference.rows.data, by, cache)
    elif inputs.reference is not None and sees_predictions(by):
        groups = reference_groups = groups_of_predictions(inputs.reference.predictions, by)
    no_rows = np.zeros(0, dtype=np.int64)
    return ((name, RowSelection(rows, reference_groups.get(name, no_rows))) for name, rows in groups.items())


def make_sample(observed: ObservedView, rows: Rows, data: str, targets: TargetUse) -> Sample:
    """A view without the rows that lack a prediction or, where targets are required, a target."""
    assert observed.perturbed is not None
    assert observed.predictions is not None
    predictions, perturbed = observed.predictions, observed.perturbed.rows
    row_targets = None
    unlabelled = np.zeros(len(predictions), dtype=bool)
    if targets == "required":
        row_targets = read_targets(perturbed, predictions.schema, predictions.classes, data=data)
        unlabelled = row_targets.missing
    elif targets == "optional":
        row_targets = _targets_if_any(perturbed, predictions, data)
    row_indices = None if perturbed.ids.equals(rows.ids) else positions_of(perturbed.ids, rows.ids)
    clusters = clusters_of(rows.table)
    whole = Sample(
        predictions,
        row_targets,
        row_indices,
        missing=int((predictions.missing & ~unlabelled).sum()),
        unlabelled=int(unlabelled.sum()),
        clusters=clusters if clusters is None or row_indices is None else clusters[row_indices],
    )
    if not (predictions.missing | unlabelled).any():
        return whole
    return whole.take(np.flatnonzero(~(predictions.missing | unlabelled)))


def clusters_of(table: pa.Table) -> Positions | None:
    """Each row's cluster as a number, None where the table names none; a row without one is a cluster by itself."""
    if "cluster" not in table.column_names:
        return None
    encoded = table.column("cluster").combine_chunks().dictionary_encode()
    codes = np.asarray(pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False), dtype=np.int64)
    alone = codes < 0
    codes[alone] = len(encoded.dictionary) + np.arange(np.count_nonzero(alone))
    return codes


def align_samples(first: Sample, second: Sample) -> tuple[Sample, Sample]:
    """The rows that both have, in one order."""
    if first.predictions.ids.equals(second.predictions.ids):
        return first, second
    positions = positions_of(first.predictions.ids, second.predictions.ids)
    return first.take(np.flatnonzero(positions >= 0)), second.take(positions[positions >= 0])


def _has_same_ids(view: View, reference: View, common: int, cache: SampleCache, targets: TargetUse) -> bool:
    """Whether two views have `common` rows and no others, but for those that the other one lost."""
    sides = ((view, reference), (reference, view))
    return all(_misses_lost_rows_alone(side, other, common, cache, targets) for side, other in sides)


def _misses_lost_rows_alone(view: View, other: View, common: int, cache: SampleCache, targets: TargetUse) -> bool:
    """Whether the rows of a view that another lacks are rows of its data, and no more of them than it lost."""
    ids, others = cache.sample(view, targets).predictions.ids, cache.sample(other, targets).predictions.ids
    lacking = len(ids) - common
    if not lacking:
        return True
    if lacking > cache.observations.views[other].lost.count:
        return False
    missing = ids.filter(pa.array(positions_of(ids, others) < 0))
    return bool((positions_of(missing, cache.observations.rows[other.rows.data].ids) >= 0).all())


def positions_of(ids: pa.ChunkedArray, among: pa.ChunkedArray) -> Positions:
    """Per id its position among others, none of which stands twice; -1 where it is not there."""
    return np.arange(len(ids)) if ids.equals(among) else match_ids(ids, among)


def _target_use(measure: Use, step: Step) -> TargetUse:
    """A metric needs targets; a comparison that says what is right takes them of rows whose targets still hold."""
    comparison = measure.contribution
    if not isinstance(comparison, Comparison):
        return "required"
    views = [view for view in (step.view, step.reference) if view is not None]
    takes = comparison.is_correct is not None and not any(view.rows.changes_targets for view in views)
    return "optional" if takes else "unused"


def _targets_if_any(rows: Rows, predictions: Predictions, data: str) -> Targets | None:
    """The targets, None where there are none, or something else goes by that name."""
    try:
        return read_targets(rows, predictions.schema, predictions.classes, data=data)
    except (DataError, pa.ArrowException):
        return None


def _groups_of_sample(sample: Sample, data: str, by: Use, cache: SampleCache) -> Mapping[str, Positions]:
    if sees_predictions(by):
        return groups_of_predictions(sample.predictions, by)
    return groups_within(sample.row_indices, cache.groups(data, by))


def _refuse_moved_targets(view: View, error: DataError) -> None:
    """Raise targets that do not fit as the fault of the perturbation that makes them, where one does."""
    for use in view.rows.perturb:
        if isinstance(use.contribution, Perturbation) and use.contribution.target_effect == "moves":
            fault = f"moved a target: {error.message}"
            raise ContributionError(use.contributor.kind, use.name, fault, hint=error.hint) from error
