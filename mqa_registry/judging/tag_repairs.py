"""Tags that contradict each other, such as an I without a B before it: how many entities of the targets begin so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from mqa_registry.contributions import Metric
from mqa_registry.findings import Finding
from mqa_registry.naming import counted
from mqa_registry.types import TagScheme
from mqa_registry.types.targets import TARGET

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mqa_registry.observations import Observations
    from mqa_registry.plan import Plan

BLOCK_ROWS = 4096  # that are Python values at a time


def find_tag_repairs(plan: Plan, observations: Observations) -> Iterator[Finding]:
    """A note for every data set whose tags are read with such repairs, where a metric of spans reads them."""
    metrics = [case for case in plan.cases if isinstance(case.check.measure.contribution, Metric)]
    for view in dict.fromkeys(view for case in metrics for view in case.views if not view.rows.perturb):
        predictions, name = observations.views[view].predictions, view.rows.data
        if predictions is None or predictions.schema != "spans" or view.backend != next(iter(plan.suite.backends)):
            continue
        repaired = count_repairs(observations.rows[name].table, predictions.classes)
        if repaired:
            entities = counted(repaired, "entity", "entities")
            yield Finding(
                "note", name, f"{entities} of the targets begin without a `B-` tag, and are read as conlleval does"
            )


def count_repairs(table: pa.Table, classes: Sequence[str]) -> int:
    """How many entities of the target's tags, given by name or by position among `classes`, begin with another tag."""
    kind = table.schema.field(TARGET).type if TARGET in table.column_names else pa.null()
    if not pa.types.is_list(kind) or pa.types.is_nested(kind.value_type):
        return 0
    scheme, repaired = TagScheme.of(classes), 0
    for batch in table.select([TARGET]).to_batches(max_chunksize=BLOCK_ROWS):
        for tags in batch.column(0).to_pylist():
            names = [classes[tag] if isinstance(tag, int) and 0 <= tag < len(classes) else tag for tag in tags or ()]
            named = [name if isinstance(name, str) else None for name in names]
            repaired += sum(entity.is_repaired for entity in scheme.find_entities(named))
    return repaired
