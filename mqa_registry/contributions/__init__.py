"""What plugins give, and what passes between them and the host."""

from mqa_registry.contributions.batching import Batching, shapes
from mqa_registry.contributions.kinds import (
    Backend,
    Comparison,
    Contribution,
    Dataset,
    Metric,
    ModelSource,
    Perturbation,
    Probe,
    Replay,
    Slice,
    Task,
)
from mqa_registry.contributions.measure_outputs import Quantile, Scores, Statistic
from mqa_registry.contributions.subject import (
    Codec,
    Conditions,
    Inspectable,
    Model,
    Reading,
    Runner,
    Subject,
    Timeable,
)

__all__ = [
    "Backend",
    "Batching",
    "Codec",
    "Comparison",
    "Conditions",
    "Contribution",
    "Dataset",
    "Inspectable",
    "Metric",
    "Model",
    "ModelSource",
    "Perturbation",
    "Probe",
    "Quantile",
    "Reading",
    "Replay",
    "Runner",
    "Scores",
    "Slice",
    "Statistic",
    "Subject",
    "Task",
    "Timeable",
    "shapes",
]
