"""Collecting what a run observes: every view as soon as it is complete, and the table of every probe."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from mqa_registry.execution.preparation import with_classes
from mqa_registry.observations import Failure, Observations, ObservedView

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mqa_registry.execution.backends import Backends
    from mqa_registry.execution.resources import Progress
    from mqa_registry.observations import PreparedData, ProbeResult
    from mqa_registry.plan import ProbeRequest, View
    from mqa_registry.types import Predictions

    # Called with a view or a probe that was observed, and with all that was observed so far.
    Observer: TypeAlias = Callable[[View | ProbeRequest, Observations], None]


def ignore_observed(_work: View | ProbeRequest, _observations: Observations) -> None:
    """Wait for all observations instead."""


class Collector:
    """The observations of one run, each passed on once it is there.

    A view is complete when each of its rows has a prediction: that its backend fails on rows of another view later does
    not change it.
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
        self.observations = Observations(prepared.rows, self.views, self._probe_results)  # which grow
        self._waiting = list(views)
        self._prepared = prepared
        self._backends = backends
        self._progress = progress
        self._observer = observer

    def collect_views(self, *, is_last: bool = False) -> None:
        """Collect the views that are complete by now or whose backend has failed; with `is_last`, all that are left."""
        ready = [view for view in self._waiting if is_last or self._is_settled(view)]
        if not ready:
            return
        collected = set(ready)
        self._waiting = [view for view in self._waiting if view not in collected]
        for view, observed in self._observe(ready):
            self.views[view] = observed
            self._pass_on(view)

    def collect_probe(self, request: ProbeRequest, result: ProbeResult) -> None:
        """Collect the result of a probe."""
        self._probe_results[request] = result
        self._pass_on(request)

    def _pass_on(self, work: View | ProbeRequest) -> None:
        self._progress.complete(work)
        self._observer(work, self.observations)

    def _is_settled(self, view: View) -> bool:
        """Whether nothing more is predicted for a view."""
        if view in self._prepared.replays or self._find_failure(view):
            return True
        return self._backends.live[view.backend].is_complete(view)

    def _find_failure(self, view: View) -> Failure | None:
        """Why a view has no predictions, by now."""
        row_set = self._prepared.row_sets[view.rows]
        if isinstance(row_set, Failure):
            return row_set
        if view.backend not in self._backends.live:
            return self._backends.failures.get(view.backend)
        backend = self._backends.live[view.backend]
        return backend.opening_failure or (None if backend.is_complete(view) else backend.failure)

    def _observe(self, views: Sequence[View]) -> Iterator[tuple[View, ObservedView]]:
        """Each view with the predictions that were replayed or made, or the reason why there are none."""
        row_sets, predictions = self._prepared.row_sets, self._read_predictions(views)
        for view in views:
            row_set = row_sets[view.rows]
            if view in self._prepared.replays:
                yield view, self._prepared.replays[view]
            elif isinstance(row_set, Failure) or view not in predictions:
                perturbed = None if isinstance(row_set, Failure) else row_set
                yield view, ObservedView(perturbed, failure=self._find_failure(view))
            else:
                yield view, with_classes(ObservedView(row_set, predictions[view]), self._prepared.classes)

    def _read_predictions(self, views: Sequence[View]) -> dict[View, Predictions]:
        """The predictions of those of the views that live backends have predicted, read together."""
        found: dict[View, Predictions] = {}
        row_sets = self._prepared.usable
        for name, backend in self._backends.live.items():
            predicted = [view for view in views if view.backend == name and self._find_failure(view) is None]
            found |= backend.read_predictions({view: row_sets[view.rows].rows.ids for view in predicted})
        return found
