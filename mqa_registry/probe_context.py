"""Probe contexts: what a probe sees."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mqa_registry.contributions.batching import Batching

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np

    from mqa_registry.contributions import Codec, ModelUnderTest, Runner
    from mqa_registry.types import Predictions, Rows


@dataclass(frozen=True)
class ViewContext:
    """One view before a probe: its rows and, as far as the probe asked to see them, its predictions and its runner.

    `backend` is the backend's name in the suite, empty for a probe that sees rows alone. `spec` says in JSON's own
    types how the runner is opened, so that `reopen_runner` can open it in another process; None where nobody knows.
    """

    backend: str
    rows: Rows
    predicted: Predictions | None = field(default=None, repr=False)
    opened: Callable[[], Runner] | None = field(default=None, repr=False)
    spec: Mapping[str, Any] | None = field(default=None, repr=False)
    decoding: Callable[[], Codec] | None = field(default=None, repr=False)

    @property
    def predictions(self) -> Predictions:
        """The prediction for each of the rows, in their order."""
        if self.predicted is None:
            raise LookupError('this probe does not see predictions: declare `sees="predictions"`')
        return self.predicted

    @property
    def runner(self) -> Runner:
        """The model, ready to run; loaded on first use, and closed by the host. NotRunError where it cannot run."""
        if self.opened is None:
            raise LookupError('this probe does not see a runner: declare `sees="runner"`')
        return self.opened()

    @property
    def codec(self) -> Codec | None:
        """The task's codec, which decodes what this backend gives; None where that is the model under test's own."""
        return self.decoding() if self.decoding else None


def _unheard(_done: int, _total: int) -> None:
    """Nobody watches."""


@dataclass(frozen=True)
class ProbeContext:
    """What a probe sees: a view, the reference view where it compares, and the model where the suite has one.

    `rng` follows from the suite's seed and the probe with its options. `batching` is how rows have to be put into batches
    for predictions not to depend on them. A probe that takes its time calls `progress` now and then with how much is
    done, of how much: that is shown, and starts its time limit anew.
    """

    view: ViewContext
    rng: np.random.Generator
    reference: ViewContext | None = None
    model_under_test: ModelUnderTest | None = None
    batching: Batching = field(default_factory=Batching)
    progress: Callable[[int, int], None] = field(default=_unheard, repr=False, compare=False)
