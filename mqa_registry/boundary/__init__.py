"""The boundary between host and plugins: every call into a contribution goes through here, and all that comes back.

Whatever a contribution raises, and whatever it returns that it must not, becomes a ContributionError that names it.
"""

from mqa_registry.boundary.calls import (
    HOST,
    MORE_MEMORY,
    Contributor,
    TimeLimitReached,
    calling,
    described,
    interruptible,
    quoting,
    refuse,
    repeatedly,
)
from mqa_registry.boundary.codecs import (
    CheckedCodec,
    Passes,
    checked_budget,
    checked_codec,
    checked_identity,
    checked_length,
    checked_source,
    runner_of,
)
from mqa_registry.boundary.evidence import check_picks, checked_evidence, checked_right
from mqa_registry.boundary.files import checked_export, checked_findings, checked_task
from mqa_registry.boundary.measures import checked_measure, checked_numbers
from mqa_registry.boundary.rows import (
    after_edits,
    checked_edits,
    checked_example,
    checked_fields,
    checked_moved,
    group_names,
    groups_of_rows,
)
from mqa_registry.boundary.supervision import PER_ROW, limited, still_alive, supervised
from mqa_registry.boundary.tables import checked_answers, checked_predictions, checked_table

__all__ = [
    "HOST",
    "MORE_MEMORY",
    "PER_ROW",
    "CheckedCodec",
    "Contributor",
    "Passes",
    "TimeLimitReached",
    "after_edits",
    "calling",
    "check_picks",
    "checked_answers",
    "checked_budget",
    "checked_codec",
    "checked_edits",
    "checked_evidence",
    "checked_example",
    "checked_export",
    "checked_fields",
    "checked_findings",
    "checked_identity",
    "checked_length",
    "checked_measure",
    "checked_moved",
    "checked_numbers",
    "checked_predictions",
    "checked_right",
    "checked_source",
    "checked_table",
    "checked_task",
    "described",
    "group_names",
    "groups_of_rows",
    "interruptible",
    "limited",
    "quoting",
    "refuse",
    "repeatedly",
    "runner_of",
    "still_alive",
    "supervised",
]
