"""mqa: tells a team whether a pretrained model, and its ONNX export, may ship.

The names in `__all__` are the whole public interface, for plugins and for scripts. They are loaded on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mqa_registry.api import judge, run
    from mqa_registry.batch_norm import BatchNorm, channel_factors
    from mqa_registry.blob_measures import BlobMeasures
    from mqa_registry.boundary import interruptible
    from mqa_registry.cli.model_options import ModelOptions, ResolvedModel, resolve_model
    from mqa_registry.cli.report_files import ReportOptions, check_output_folder
    from mqa_registry.cli.reports import show_export, show_report
    from mqa_registry.cli.suites import execute_suite, export_model, read_columns
    from mqa_registry.contributions import (
        Backend,
        Batching,
        BeamSearch,
        Codec,
        Comparison,
        Dataset,
        Diagnosis,
        EncodedRow,
        Evidence,
        ExampleRow,
        Executor,
        Generation,
        Greedy,
        Grouping,
        InputVariant,
        Inspectable,
        Job,
        LiveModel,
        Metric,
        Model,
        ModelDescription,
        ModelSource,
        ModelUnderTest,
        NoOptions,
        OnnxConverter,
        OutputReading,
        Perturbation,
        Probe,
        ProbeContext,
        Quantile,
        Replay,
        RunContext,
        Runner,
        RunnerFacts,
        Sampling,
        Scores,
        Shortfall,
        Slice,
        State,
        Statistic,
        Streaming,
        SuggestedBackend,
        SuggestedCheck,
        Suggestion,
        SuiteContext,
        SuiteFile,
        SupportsExport,
        Task,
        Timeable,
        ViewContext,
        Worker,
        WorkerPool,
        cache_states,
        shapes,
        split_cache,
    )
    from mqa_registry.contributions.classification import (
        ClassificationTask,
        ClassifierHead,
        ClassifierOptions,
        SingleLabelHead,
        read_problem_type,
    )
    from mqa_registry.errors import (
        BlobError,
        DataError,
        MqaError,
        NotRunError,
        OutOfMemoryError,
        ParityError,
        RowError,
        UsageError,
        WorkerLostError,
        summarize_error,
    )
    from mqa_registry.execution import batch_invariance, rebuild_model, reopen_runner
    from mqa_registry.execution.inference.batch_runs import run_in_halves, run_rows
    from mqa_registry.execution.inference.decoding import GenerationStep, iter_generation, trace_generation
    from mqa_registry.extras import optional_import
    from mqa_registry.files import FileFormat, atomic_folder, file_format, is_special
    from mqa_registry.findings import Exported, Finding, Judgement, SuiteSelection
    from mqa_registry.functions import Divergence, ExportOptions, ParityOptions, ParityReport, export, parity
    from mqa_registry.hookspecs import hookimpl
    from mqa_registry.judging import Number, Part, Result, Step, Verdict
    from mqa_registry.judging.result import Change, Flips, Interval, RunComparison
    from mqa_registry.judging.view_summary import ViewSummary
    from mqa_registry.languages import identify_language
    from mqa_registry.machine import Device, check_threads, find_device
    from mqa_registry.model_inputs import ResolvedRows, RowSources, resolve_rows
    from mqa_registry.naming import counted, did_you_mean
    from mqa_registry.number_groups import group_by_number
    from mqa_registry.process import end_process_tree, signal_name
    from mqa_registry.provenance import content_digest, source_digest, source_files
    from mqa_registry.reports import Report, write_report
    from mqa_registry.reports.console.svg import to_svg
    from mqa_registry.reports.console.text import make_visible
    from mqa_registry.reports.expectations import NumberBounds, describe_bounds, verdict_on
    from mqa_registry.reports.explanations import (
        count_lost_rows,
        describe_flips,
        describe_lost_rows,
        explain_comparison,
        explain_result,
    )
    from mqa_registry.reports.number_format import format_estimate, format_number, format_with_interval
    from mqa_registry.reports.output import output
    from mqa_registry.reports.prediction_text import format_prediction
    from mqa_registry.reports.report import CheckResults, blocks_release, list_backends, list_checks, name_family
    from mqa_registry.reports.reporters import AmendingReporter, EnvironmentReporter, Reporter, Tracker
    from mqa_registry.reports.summary import count_verdicts, draw_conclusion
    from mqa_registry.reports.sweeps import describe_perturbation
    from mqa_registry.run_options import Flag, HistoryOptions, RunOptions, flags
    from mqa_registry.runs import ExecutedRun, finalize, read_plan
    from mqa_registry.runs.progress import RunProgress
    from mqa_registry.sounds import Sound, read_sound, resample
    from mqa_registry.stats.multiplicity import holm
    from mqa_registry.stats.randomness import row_generator
    from mqa_registry.suite import explain_error
    from mqa_registry.summaries import CalibrationBin, ConfusionMatrix, LabelCounts, ValueSummary
    from mqa_registry.types import (
        Blob,
        Boxes,
        Edit,
        Example,
        ImageObjects,
        Instances,
        Predictions,
        TableSource,
        TaggedEntity,
        TagScheme,
        Targets,
        as_predictions,
        as_table,
        compare_masks,
        count_pixels,
        count_runs,
        decode_mask,
        decode_pair,
        edited,
        encode_mask,
        encode_masks,
        fingerprint,
        make_rankings,
        masks_column,
        name_members,
        normalize_answer,
        normalize_mask,
        open_table,
        place_words,
        positive_class,
        read_examples,
        read_table,
        read_target_labels,
        read_targets,
        with_class_names,
    )
    from mqa_registry.vector_groups import Trait, group_by_vector

_HOMES = {
    "api": ("judge", "run"),
    "batch_norm": ("BatchNorm", "channel_factors"),
    "blob_measures": ("BlobMeasures",),
    "boundary": ("interruptible",),
    "contributions.classification": (
        "ClassificationTask", "ClassifierHead", "ClassifierOptions", "SingleLabelHead", "read_problem_type",
    ),
    "cli.model_options": ("ModelOptions", "ResolvedModel", "resolve_model"),
    "cli.report_files": ("ReportOptions", "check_output_folder"),
    "cli.reports": ("show_export", "show_report"),
    "cli.suites": ("execute_suite", "export_model", "read_columns"),
    "contributions": (
        "Backend", "Batching", "BeamSearch", "Codec", "Comparison", "Dataset", "Diagnosis", "EncodedRow", "Evidence",
        "ExampleRow", "Executor", "Generation", "Greedy", "Grouping", "InputVariant", "Inspectable", "Job", "LiveModel",
        "Metric", "Model", "ModelDescription", "ModelSource", "ModelUnderTest", "NoOptions", "OnnxConverter",
        "OutputReading", "Perturbation", "Probe", "ProbeContext", "Quantile", "Replay", "RunContext", "Runner", "RunnerFacts",
        "Sampling", "Scores", "Shortfall", "Slice", "State", "Statistic", "Streaming", "SuggestedBackend",
        "SuggestedCheck", "Suggestion", "SuiteContext", "SuiteFile", "SupportsExport", "Task", "Timeable", "ViewContext", "Worker",
        "WorkerPool", "cache_states", "shapes", "split_cache",
    ),
    "types": (
        "Blob", "Boxes", "Edit", "Example", "ImageObjects", "Instances", "Predictions", "TableSource", "TagScheme",
        "TaggedEntity", "Targets", "as_predictions", "as_table", "compare_masks", "count_pixels", "count_runs",
        "decode_mask", "decode_pair", "edited", "encode_mask", "encode_masks", "fingerprint", "make_rankings",
        "masks_column", "name_members", "normalize_answer", "normalize_mask", "open_table", "place_words",
        "positive_class", "read_examples", "read_table", "read_target_labels", "read_targets", "with_class_names",
    ),
    "errors": (
        "BlobError", "DataError", "MqaError", "NotRunError", "OutOfMemoryError", "ParityError", "RowError",
        "UsageError", "WorkerLostError", "summarize_error",
    ),
    "extras": ("optional_import",),
    "findings": ("Exported", "Finding", "Judgement", "SuiteSelection"),
    "functions": ("Divergence", "ExportOptions", "ParityOptions", "ParityReport", "export", "parity"),
    "files": ("FileFormat", "atomic_folder", "file_format", "is_special"),
    "hookspecs": ("hookimpl",), "languages": ("identify_language",),
    "judging": ("Number", "Part", "Result", "Step", "Verdict"),
    "judging.result": ("Change", "Flips", "Interval", "RunComparison"),
    "judging.view_summary": ("ViewSummary",),
    "machine": ("Device", "check_threads", "find_device"),
    "model_inputs": ("ResolvedRows", "RowSources", "resolve_rows"),
    "naming": ("counted", "did_you_mean"),
    "execution": ("batch_invariance", "rebuild_model", "reopen_runner"),
    "execution.inference.batch_runs": ("run_in_halves", "run_rows"),
    "execution.inference.decoding": ("GenerationStep", "iter_generation", "trace_generation"),
    "number_groups": ("group_by_number",),
    "process": ("end_process_tree", "signal_name"),
    "provenance": ("content_digest", "source_digest", "source_files"),
    "reports": ("Report", "write_report"),
    "reports.reporters": ("AmendingReporter", "EnvironmentReporter", "Reporter", "Tracker"),
    "reports.console.svg": ("to_svg",),
    "reports.console.text": ("make_visible",),
    "reports.expectations": ("NumberBounds", "describe_bounds", "verdict_on"),
    "reports.explanations": (
        "count_lost_rows", "describe_flips", "describe_lost_rows", "explain_comparison", "explain_result",
    ),
    "reports.number_format": ("format_estimate", "format_number", "format_with_interval"),
    "reports.prediction_text": ("format_prediction",),
    "reports.sweeps": ("describe_perturbation",),
    "reports.output": ("output",),
    "reports.report": ("CheckResults", "blocks_release", "list_backends", "list_checks", "name_family"),
    "reports.summary": ("count_verdicts", "draw_conclusion"),
    "run_options": ("Flag", "HistoryOptions", "RunOptions", "flags"),
    "sounds": ("Sound", "read_sound", "resample"),
    "stats.multiplicity": ("holm",),
    "stats.randomness": ("row_generator",),
    "runs": ("ExecutedRun", "finalize", "read_plan"),
    "runs.progress": ("RunProgress",),
    "suite": ("explain_error",),
    "vector_groups": ("Trait", "group_by_vector"),
    "summaries": ("CalibrationBin", "ConfusionMatrix", "LabelCounts", "ValueSummary"),
}  # fmt: skip
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__version__ = "0.1.0"

__all__ = [
    "AmendingReporter", "Backend", "BatchNorm", "Batching", "BeamSearch", "Blob", "BlobError", "BlobMeasures", "Boxes",
    "CalibrationBin", "Change", "CheckResults", "ClassificationTask", "ClassifierHead", "ClassifierOptions", "Codec",
    "Comparison", "ConfusionMatrix", "DataError", "Dataset", "Device", "Diagnosis", "Divergence", "Edit", "EncodedRow",
    "EnvironmentReporter", "Evidence", "Example", "ExampleRow", "ExecutedRun", "Executor", "ExportOptions", "Exported",
    "FileFormat", "Finding", "Flag", "Flips", "Generation", "GenerationStep", "Greedy", "Grouping", "HistoryOptions",
    "ImageObjects", "InputVariant", "Inspectable", "Instances", "Interval", "Job", "Judgement", "LabelCounts",
    "LiveModel", "Metric", "Model", "ModelDescription", "ModelOptions", "ModelSource", "ModelUnderTest", "MqaError",
    "NoOptions", "NotRunError", "Number", "NumberBounds", "OnnxConverter", "OutOfMemoryError", "OutputReading",
    "ParityError", "ParityOptions", "ParityReport", "Part", "Perturbation", "Predictions", "Probe", "ProbeContext",
    "Quantile", "Replay", "Report", "ReportOptions", "Reporter", "ResolvedModel", "ResolvedRows", "Result", "RowError",
    "RowSources", "RunComparison", "RunContext", "RunOptions", "RunProgress", "Runner", "RunnerFacts", "Sampling",
    "Scores", "Shortfall", "SingleLabelHead", "Slice", "Sound", "State", "Statistic", "Step", "Streaming",
    "SuggestedBackend", "SuggestedCheck", "Suggestion", "SuiteContext", "SuiteFile", "SuiteSelection", "SupportsExport",
    "TableSource", "TagScheme", "TaggedEntity", "Targets", "Task", "Timeable", "Tracker", "Trait", "UsageError",
    "ValueSummary", "Verdict", "ViewContext", "ViewSummary", "Worker", "WorkerLostError", "WorkerPool",
    "as_predictions", "as_table", "atomic_folder", "batch_invariance", "blocks_release", "cache_states",
    "channel_factors", "check_output_folder", "check_threads", "compare_masks", "content_digest", "count_lost_rows",
    "count_pixels", "count_runs", "count_verdicts", "counted", "decode_mask", "decode_pair", "describe_bounds",
    "describe_flips", "describe_lost_rows", "describe_perturbation", "did_you_mean", "draw_conclusion", "edited",
    "encode_mask", "encode_masks", "end_process_tree", "execute_suite", "explain_comparison", "explain_error",
    "explain_result", "export", "export_model", "file_format", "finalize", "find_device", "fingerprint", "flags",
    "format_estimate", "format_number", "format_prediction", "format_with_interval", "group_by_number",
    "group_by_vector", "holm", "hookimpl", "identify_language", "interruptible", "is_special", "iter_generation",
    "judge", "list_backends", "list_checks", "make_rankings", "make_visible", "masks_column", "name_family",
    "name_members", "normalize_answer", "normalize_mask", "open_table", "optional_import", "output", "parity",
    "place_words", "positive_class", "read_columns", "read_examples", "read_plan", "read_problem_type", "read_sound",
    "read_table", "read_target_labels", "read_targets", "rebuild_model", "reopen_runner", "resample", "resolve_model",
    "resolve_rows", "row_generator", "run", "run_in_halves", "run_rows", "shapes", "show_export", "show_report",
    "signal_name", "source_digest", "source_files", "split_cache", "summarize_error", "to_svg", "trace_generation",
    "verdict_on", "with_class_names", "write_report",
]  # fmt: skip


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
