"""Memory of whole columns: the measures that read all rows at once, and how many bytes that takes, known before a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mqa_registry.contributions import Comparison, Metric
from mqa_registry.types import distinct_labels

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mqa_registry.plan import Plan
    from mqa_registry.types import Rows

LARGE_ROWS = 1_000_000  # from so many rows of a data set on, it matters
NUMBER = 8  # bytes of a float, of a code and of a bin
# Columns of numbers that a measure holds of a row besides probabilities: the code or value on either side, and its bin.
NUMBERS_PER_ROW = 3


@dataclass(frozen=True)
class WholeColumn:
    """A check whose measure reads all rows of a data set at once; `size` is about how many bytes that takes.

    It is None where a row may be of any size, as texts are.
    """

    check: str
    measure: str
    data: str
    rows: int
    size: int | None


def find_whole_columns(plan: Plan, rows: Mapping[str, Rows]) -> Iterator[WholeColumn]:
    """The checks on large data sets whose measures read whole columns, each once for all backends."""
    cases = {(case.check.name, view.rows.data): case for case in plan.cases for view in case.views}
    for (check, data), case in cases.items():
        measure = case.check.measure
        kind = measure.contribution
        if data not in rows or len(rows[data]) < LARGE_ROWS or not isinstance(kind, Metric | Comparison):
            continue
        if kind.reads == "column":
            yield WholeColumn(check, measure.name, data, len(rows[data]), _estimate_size(kind, rows[data]))


def _estimate_size(measure: Metric | Comparison, rows: Rows) -> int | None:
    """About how many bytes: a row has the numbers above and, where there are classes, a probability for each of them."""
    if "label" in measure.schemas:
        return len(rows) * NUMBER * (NUMBERS_PER_ROW + len(distinct_labels(rows)))
    return len(rows) * NUMBER * NUMBERS_PER_ROW if "value" in measure.schemas else None
