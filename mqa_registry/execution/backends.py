"""The backends of a run that run the model."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mqa_registry.errors import ContributionError, NotRunError
from mqa_registry.execution.inference.batching import find_fixed_lengths, with_fixed_length
from mqa_registry.execution.inference.live_backend import LiveBackend
from mqa_registry.execution.preparation import is_candidate, live_backends_of
from mqa_registry.observations import Failure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mqa_registry.execution.preparation import PreparedData
    from mqa_registry.execution.workers.driver import Workers
    from mqa_registry.plan import Plan
    from mqa_registry.store import Store


@dataclass(frozen=True)
class Backends:
    """The backends of a run that run the model, by name.

    `failures` say why others of them could not be prepared. `fixed_lengths` are the lengths in tokens of those that
    take rows of one length alone.
    """

    live: Mapping[str, LiveBackend] = field(default_factory=dict)
    failures: Mapping[str, Failure] = field(default_factory=dict)
    fixed_lengths: Mapping[str, int] = field(default_factory=dict)


def prepare_backends(plan: Plan, prepared: PreparedData, store: Store, workers: Workers | None = None) -> Backends:
    """The backends that the plan needs and that run the model, on the workers where there are any.

    None is opened, and the model is not built yet.
    """
    suite, names, model_under_test = plan.suite, live_backends_of(plan), prepared.model_under_test
    if model_under_test is None:
        failure = prepared.model_failure
        return Backends(failures=dict.fromkeys(names, failure) if failure else {})
    fixed_lengths, failures = find_fixed_lengths({name: suite.backends[name] for name in names}, model_under_test)
    model_under_test = with_fixed_length(model_under_test, fixed_lengths)
    live: dict[str, LiveBackend] = {}
    for name in names:
        if name in failures:
            continue
        candidate = is_candidate(plan, name)
        try:
            live[name] = LiveBackend(
                name, suite.backends[name], model_under_test, store, candidate=candidate, workers=workers
            )
        except (ContributionError, NotRunError) as error:
            failures[name] = Failure.of(error)
    return Backends(live, failures, fixed_lengths)
