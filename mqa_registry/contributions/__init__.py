"""What plugins give, and what passes between them and the host."""

from mqa_registry.contributions.kinds import (
    Backend,
    Comparison,
    Contribution,
    Dataset,
    Metric,
    ModelSource,
    Perturbation,
    Probe,
    Quantile,
    Replay,
    Scores,
    Slice,
    Statistic,
    Task,
)
from mqa_registry.contributions.subject import Codec, Conditions, Inspectable, Model, Runner, Subject, Timeable

__all__ = [
    "Backend",
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
    "Replay",
    "Runner",
    "Scores",
    "Slice",
    "Statistic",
    "Subject",
    "Task",
    "Timeable",
]
