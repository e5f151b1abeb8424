"""Collecting what a run observes: every view as soon as it is complete, and the table of every probe."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias

import pyarrow as pa

from mqa_registry.errors import MqaError
from mqa_registry.execution.preparation import with_classes
from mqa_registry.naming import counted
from mqa_registry.observations import (
    Failure,
    LostRows,
    Observations,
    ObservedView,
    PerturbedRows,
    failure_of_lost,
)
from mqa_registry.types import Predictions, get_schema
from mqa_registry.types.tables.spool import TableSpool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from mqa_registry.execution.backends import Backends
    from mqa_registry.execution.inference.shard_request import ViewPart
    from mqa_registry.execution.preparation import PreparedData
    from mqa_registry.execution.resources import Progress
    from mqa_registry.execution.rows.shards import ShardRows
    from mqa_registry.observations import ProbeResult
    from mqa_registry.plan import ProbeRequest, View
    from mqa_registry.types import Rows

    # Called with a view or a probe that was observed, and with all that was observed so far.
    Observer: TypeAlias = Callable[[View | ProbeRequest, Observations], None]


def ignore_observed(_work: View | ProbeRequest, _observations: Observations) -> None:
    """Wait for all observations instead."""


class Collector:
    """The observations of one run, each passed on once it is there.

    A view is complete when each of its rows has a prediction or is lost: that its backend fails on rows of another view
    does not change it.
    """

    def __init__(
        self,
        views: Sequence[View],
        prepared: PreparedData,
        backends: Backends,
        progress: Progress,
        observer: Observer,
    ) -> None:
        self.views: dict[View, ObservedView] = {}
        self._probe_results: dict[ProbeRequest, ProbeResult] = {}
        self._named = {name: rows.with_names() for name, rows in prepared.rows.items()}
        openable = prepared.rows
        self.observations = Observations(self._named, self.views, self._probe_results, openable=openable)  # which grow
        self._waiting = list(views)
        self._prepared = prepared
        self._backends = backends
        self._progress = progress
        self._observer = observer
        self._growing: dict[View, _GrowingView] = {}

    def begin(self) -> None:
        """Forget the parts of views that are not complete: the shards are worked on from the first one."""
        self._growing = {
            view: _GrowingView(TableSpool(self._prepared.row_sets.workspace.scratch)) for view in self._waiting
        }

    def add(self, parts: Mapping[View, ViewPart], shard_rows: ShardRows) -> None:
        """Add the next shard's predictions of some views."""
        for view, part in parts.items():
            if view in self._growing:
                self._growing[view].add(part, shard_rows.parts[view.rows].rows)

    def collect_settled(self) -> None:
        """Collect the views that need no prediction, or get none: replayed ones, and those whose rows or backend failed."""
        self._collect(view for view in self._waiting if view in self._prepared.replays or self._find_failure(view))

    def collect_data(self, data: str, backend: str) -> None:
        """Collect the views of a data set on one backend, which are complete."""
        self._collect(view for view in self._waiting if (view.rows.data, view.backend) == (data, backend))

    def collect_rest(self) -> None:
        """Collect all views that are left."""
        self._collect(self._waiting)

    def collect_probe(self, request: ProbeRequest, result: ProbeResult) -> None:
        """Collect the result of a probe."""
        self._probe_results[request] = result
        self._pass_on(request)

    def _collect(self, views: Iterable[View]) -> None:
        for view in list(views):
            self._waiting.remove(view)
            self.views[view] = self._with_names(view, self._observe(view))
            self._pass_on(view)

    def _pass_on(self, work: View | ProbeRequest) -> None:
        self._progress.complete(work)
        self._observer(work, self.observations)

    def _with_names(self, view: View, observed: ObservedView) -> ObservedView:
        """A view as it is judged, reported and kept: with names in place of images, sounds and files."""
        perturbed = observed.perturbed
        if perturbed is None:
            return observed
        is_whole = perturbed.rows is self._prepared.rows[view.rows.data]
        rows = self._named[view.rows.data] if is_whole else perturbed.rows.with_names()
        return observed if rows is perturbed.rows else replace(observed, perturbed=replace(perturbed, rows=rows))

    def _find_failure(self, view: View) -> Failure | None:
        """Why a view has no predictions at all, by now."""
        if (failure := self._prepared.row_sets.find_failure(view.rows)) is not None:
            return failure
        if view.backend not in self._backends.live:
            return self._backends.failures.get(view.backend)
        return self._backends.live[view.backend].opening_failure

    def _observe(self, view: View) -> ObservedView:
        """A view with the predictions that were replayed or made, or the reason why there are none."""
        if view in self._prepared.replays:
            return self._prepared.replays[view]
        if (failure := self._find_failure(view)) is not None:
            made = self._prepared.row_sets.find(view.rows)
            return ObservedView(made if isinstance(made, PerturbedRows) else None, failure=failure)
        made, growing = self._prepared.row_sets[view.rows], self._growing.pop(view)
        if isinstance(made, Failure):
            return ObservedView(None, failure=made)
        backend = self._backends.live[view.backend]
        if growing.unpredicted:
            left = f"backend `{view.backend}` left {counted(growing.unpredicted, 'row')} without a prediction"
            return ObservedView(made, failure=backend.failure or Failure.of(MqaError(left)))
        task, model = backend.model_under_test.task, backend.model_under_test.model
        classes = model.labels if get_schema(task.schema).has_classes else ()
        observed = growing.finish(made, task.schema, classes)
        return with_classes(observed, self._prepared.classes) if observed.predictions is not None else observed


@dataclass
class _GrowingView:
    """The predictions of a view, shard by shard. `unpredicted` rows lack one without being lost."""

    spool: TableSpool
    rows: int = 0
    lost_at: list[int] = field(default_factory=list)  # positions among the view's rows
    lost: LostRows = field(default_factory=LostRows)
    unpredicted: int = 0

    def add(self, part: ViewPart, rows: Rows) -> None:
        if part.table is not None and len(part.table):
            ids = rows.ids if len(part.kept) == len(rows) else rows.ids.take(pa.array(part.kept))
            self.spool.append(part.table.append_column("id", ids))
        lost_at = sorted(part.lost)
        self.lost_at += [self.rows + position for position in lost_at]
        errors = ((rows.ids[position].as_py(), part.lost[position]) for position in lost_at)
        self.lost = LostRows.merge([self.lost, LostRows.of_errors(errors)])
        self.unpredicted += len(rows) - len(part.kept) - len(part.lost)
        self.rows += len(rows)

    def finish(self, made: PerturbedRows, schema: str, classes: tuple[str, ...]) -> ObservedView:
        """The view, of the rows that are left; a failure where none is."""
        lost = LostRows.merge([made.lost, self.lost])
        table = self.spool.finish()
        if (failure := failure_of_lost(lost, len(table), declined=made.declined)) is not None:
            return ObservedView(None, failure=failure, lost=lost)
        left = replace(made, rows=made.rows.leave_out(self.lost_at)) if self.lost_at else made
        return ObservedView(left, Predictions(schema, table, classes), lost=lost)
