"""Tasks of workers and their results: what passes between the process of a run and its workers. All of it pickles.

A `PerturbTask` is one, too: its result are the parts of a `ShardPerturber`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mqa_registry.contributions import Batching, RunnerFacts
    from mqa_registry.contributions.task import Batch
    from mqa_registry.errors import MqaError
    from mqa_registry.execution.inference.session import BatchPredictions
    from mqa_registry.execution.rows.shards import ShardPart
    from mqa_registry.observations import Failure
    from mqa_registry.store.database import Keys


@dataclass(frozen=True)
class OpenTask:
    """Open a backend. Its result is an `OpenedBackend`."""

    backend: str


@dataclass(frozen=True)
class OpenedBackend:
    """What a backend is on a worker: see `Runner`."""

    identity: Mapping[str, str]
    facts: RunnerFacts
    budget: int


@dataclass(frozen=True)
class ForwardTask:
    """Run one batch on a backend. Its result are the outputs."""

    backend: str
    batch: Batch


@dataclass(frozen=True)
class BackendRequest:
    """The fingerprints of a shard's rows that a backend predicts, each once, and those of them that the store lacks.

    `has_found` says that the store had some prediction of this run.
    """

    requested: Keys
    missing: Keys
    has_found: bool = False


@dataclass(frozen=True)
class PredictTask:
    """Predict the rows of a shard on several backends, by name. Its result is a `PredictedShard`.

    Batches are made of all that are requested, so that the batch of a row does not depend on the store.
    """

    parts: Sequence[ShardPart]
    requests: Mapping[str, BackendRequest]
    batching: Batching


@dataclass(frozen=True)
class BackendPredictions:
    """What a backend predicted of one shard. `lost` are the errors of examples that could not be encoded or predicted.

    `failure` says why it stopped; `identity` is that of its runner.
    """

    batches: Sequence[BatchPredictions] = ()
    lost: Mapping[bytes, MqaError] = field(default_factory=dict)
    failure: Failure | None = None
    identity: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class PredictedShard:
    """What several backends predicted of one shard. `full_costs` are those of truncated examples, by fingerprint."""

    backends: Mapping[str, BackendPredictions]
    full_costs: Mapping[bytes, int] = field(default_factory=dict)
