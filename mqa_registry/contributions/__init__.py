"""What plugins give, and what passes between them and the host."""

from mqa_registry.contributions.backend import (
    Backend,
    Batching,
    Inspectable,
    Replay,
    Runner,
    RunnerFacts,
    SupportsExport,
    Timeable,
    shapes,
)
from mqa_registry.contributions.cache_names import cache_states, split_cache
from mqa_registry.contributions.contribution import (
    ClassContribution,
    Contribution,
    FunctionContribution,
    NoOptions,
    one_line_help,
)
from mqa_registry.contributions.executor import Executor, Job, Worker, WorkerPool
from mqa_registry.contributions.functions import Comparison, Dataset, Diagnosis, Metric, Perturbation, Slice, Suggestion
from mqa_registry.contributions.measure_outputs import Evidence, ExampleRow, Quantile, Scores, Shortfall, Statistic
from mqa_registry.contributions.model import (
    LiveModel,
    Model,
    ModelDescription,
    ModelSource,
    ModelUnderTest,
    RunContext,
)
from mqa_registry.contributions.probe import Probe, ProbeContext, ViewContext
from mqa_registry.contributions.run_modes import (
    BeamSearch,
    Generation,
    Greedy,
    RunMode,
    RunModeName,
    Sampling,
    State,
    Streaming,
)
from mqa_registry.contributions.suggestion import SuggestedBackend, SuggestedCheck, SuiteContext
from mqa_registry.contributions.task import Codec, Grouping, OutputReading, Task
from mqa_registry.contributions.versions import HOOKS_VERSION, RENAMED_IMPORTS, describe_renames

__all__ = [
    "HOOKS_VERSION",
    "RENAMED_IMPORTS",
    "Backend",
    "Batching",
    "BeamSearch",
    "ClassContribution",
    "Codec",
    "Comparison",
    "Contribution",
    "Dataset",
    "Diagnosis",
    "Evidence",
    "ExampleRow",
    "Executor",
    "FunctionContribution",
    "Generation",
    "Greedy",
    "Grouping",
    "Inspectable",
    "Job",
    "LiveModel",
    "Metric",
    "Model",
    "ModelDescription",
    "ModelSource",
    "ModelUnderTest",
    "NoOptions",
    "OutputReading",
    "Perturbation",
    "Probe",
    "ProbeContext",
    "Quantile",
    "Replay",
    "RunContext",
    "RunMode",
    "RunModeName",
    "Runner",
    "RunnerFacts",
    "Sampling",
    "Scores",
    "Shortfall",
    "Slice",
    "State",
    "Statistic",
    "Streaming",
    "SuggestedBackend",
    "SuggestedCheck",
    "Suggestion",
    "SuiteContext",
    "SupportsExport",
    "Task",
    "Timeable",
    "ViewContext",
    "Worker",
    "WorkerPool",
    "cache_states",
    "describe_renames",
    "one_line_help",
    "shapes",
    "split_cache",
]
