"""The boundary between host and plugins: every call into a contribution, and the checks of what it returns.

An error that a contribution raises, and an output that is not valid, become a ContributionError that names it.
"""

from mqa_registry.boundary.backends import (
    ForwardPasses,
    check_export,
    check_findings,
    check_identity,
    check_length,
    open_runner,
    read_budget,
    read_facts,
)
from mqa_registry.boundary.calls import (
    HOST_FOLDER,
    MEMORY_HINT,
    ContributionCall,
    Contributor,
    RepeatedCall,
    TimeLimitReached,
    describe_error,
    interruptible,
    raise_interrupt,
    redact_messages,
    reject_output,
)
from mqa_registry.boundary.evidence import check_correctness, check_evidence, check_example_ids, redact_message
from mqa_registry.boundary.measures import check_grouped_numbers, check_measure_output, check_probe_numbers
from mqa_registry.boundary.models import (
    CheckedCodec,
    check_codec,
    check_description,
    check_inferred_task,
    check_live_model,
    check_model,
)
from mqa_registry.boundary.rows import (
    apply_edits,
    check_decoded,
    check_edits,
    check_example,
    check_example_and_target,
    check_fields,
    check_groups,
    check_predictions,
    check_row_groups,
    check_table,
)
from mqa_registry.boundary.sources import check_columns, check_source, read_pieces
from mqa_registry.boundary.suggestions import check_suggestions, suggest_backend
from mqa_registry.boundary.time_limits import ROW_SECONDS, limit_calls, restart_time_limits, supervise

__all__ = [
    "HOST_FOLDER",
    "MEMORY_HINT",
    "ROW_SECONDS",
    "CheckedCodec",
    "ContributionCall",
    "Contributor",
    "ForwardPasses",
    "RepeatedCall",
    "TimeLimitReached",
    "apply_edits",
    "check_codec",
    "check_columns",
    "check_correctness",
    "check_decoded",
    "check_description",
    "check_edits",
    "check_evidence",
    "check_example",
    "check_example_and_target",
    "check_example_ids",
    "check_export",
    "check_fields",
    "check_findings",
    "check_grouped_numbers",
    "check_groups",
    "check_identity",
    "check_inferred_task",
    "check_length",
    "check_live_model",
    "check_measure_output",
    "check_model",
    "check_predictions",
    "check_probe_numbers",
    "check_row_groups",
    "check_source",
    "check_suggestions",
    "check_table",
    "describe_error",
    "interruptible",
    "limit_calls",
    "open_runner",
    "raise_interrupt",
    "read_budget",
    "read_facts",
    "read_pieces",
    "redact_message",
    "redact_messages",
    "reject_output",
    "restart_time_limits",
    "suggest_backend",
    "supervise",
]
