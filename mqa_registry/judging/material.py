"""Material: what the cases of one plan read, each thing made once however many cases read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from mqa_registry.errors import ContributionError, DataError
from mqa_registry.judging.groups import groups_of
from mqa_registry.judging.sample import sample_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mqa_registry.contributions import Perturbation
    from mqa_registry.judging.sample import Positions, Sample
    from mqa_registry.plan import View
    from mqa_registry.predict import Observations
    from mqa_registry.suite import Use


def _blame_who_moved_targets(view: View, error: DataError) -> None:
    """Targets that do not fit are a perturbation's own, where it makes them."""
    for use in view.rows.perturb:
        if cast("Perturbation", use.contribution).answer == "moves":
            seen = f"moved a target: {error.message}"
            raise ContributionError(use.who.kind, use.name, seen, hint=error.hint) from error


class Material:
    """Observations with the samples and groups that were made of them."""

    def __init__(self, observations: Observations) -> None:
        self.observations = observations
        self._samples: dict[tuple[View, bool, bool], Sample] = {}
        self._groups: dict[tuple[str, str], Mapping[str, Positions]] = {}

    def sample(self, view: View, *, labelled: bool, told: bool) -> Sample:
        """The rows of a view that have all that a measure reads; `labelled` if it needs targets, `told` if it likes them."""
        key = view, labelled, told
        if key not in self._samples:
            observed, data = self.observations.views[view], view.rows.data
            rows = self.observations.rows[data]
            try:
                self._samples[key] = sample_of(observed, rows, data, labelled=labelled, told=told)
            except DataError as error:
                _blame_who_moved_targets(view, error)
                raise
        return self._samples[key]

    def groups(self, data: str, by: Use) -> Mapping[str, Positions]:
        """The groups of a data set's undisturbed rows."""
        key = data, by.key
        if key not in self._groups:
            self._groups[key] = groups_of(self.observations.rows[data], by)
        return self._groups[key]
