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
from mqa_registry.contributions.model_under_test import (
    Codec,
    Inspectable,
    Model,
    ModelUnderTest,
    OutputReading,
    RunContext,
    Runner,
    Timeable,
)

__all__ = [
    "Backend",
    "Batching",
    "Codec",
    "Comparison",
    "Contribution",
    "Dataset",
    "Inspectable",
    "Metric",
    "Model",
    "ModelSource",
    "ModelUnderTest",
    "OutputReading",
    "Perturbation",
    "Probe",
    "Quantile",
    "Replay",
    "RunContext",
    "Runner",
    "Scores",
    "Slice",
    "Statistic",
    "Task",
    "Timeable",
    "shapes",
]
