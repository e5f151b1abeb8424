"""What a new suite of a model of text asks: is it as good for everybody?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from mqa_registry import SuggestedCheck

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mqa_registry import SuiteContext

DECISIONS = (
    "label",
    "labels",
    "answer",
    "text",
    "ranking",
)  # the schemas of answers that can flip; spans move with the text
SCORED = ("label", "labels", "spans", "answer", "text")  # those that the task's metric scores row by row
NUMBER = "value"  # the schema of answers that are near or far
FAIRNESS = 30  # the order of such checks in a suite
MAX_GAP, MAX_FLIP_RATE = 0.2, 0.05
MAX_COLUMNS = 3  # columns of groups that a suite asks about


def suggest_fairness(context: SuiteContext) -> Iterator[SuggestedCheck]:
    """Gaps between groups of rows, by their columns and texts, and answers that change with the gender of people."""
    if max_gap := _find_max_gap(context):
        for name in [one for one in context.group_columns if one.isprintable()][:MAX_COLUMNS]:
            by = {"use": "fairness/column", "column": name}
            yield _gap(context, by, max_gap, f"Is it as good for every `{name}`?", name=f"by {name}")
    if "text" not in context.modalities:
        return
    if max_gap:
        yield _gap(context, "fairness/length", max_gap, "Is it as good for short texts as for long ones?")
        yield _gap(context, "fairness/identity-terms", max_gap, "Is it as good, whoever a text speaks of?")
    if context.schema not in DECISIONS:
        return
    yield SuggestedCheck(
        table={
            "measure": "parity/flip-rate",
            "perturb": "fairness/swap-gender",
            "against": {"perturb": False},
            "expect": {"max": MAX_FLIP_RATE},
        },
        about="How many answers change where `she` becomes `he`, and the like?",
        order=FAIRNESS,
    )


def _find_max_gap(context: SuiteContext) -> float:
    """How far the task's metric may lie apart between groups, for numbers by how far their targets spread; 0 where it has none."""
    if context.has_targets and context.schema in SCORED:
        return MAX_GAP
    targets = context.rows.column("target").drop_null() if context.has_targets else None
    if context.schema != NUMBER or targets is None or not len(targets) or not pa.types.is_floating(targets.type):
        return 0.0
    return float(f"{MAX_GAP * np.std(targets.to_numpy()):.2g}")


def _gap(
    context: SuiteContext, by: str | Mapping[str, Any], max_gap: float, about: str, *, name: str = ""
) -> SuggestedCheck:
    """A check of the gap between groups; those that are parted by one slice with several options need names."""
    table = {"measure": context.metric, "by": by, "expect": {"max_gap": max_gap}}
    return SuggestedCheck(table={"name": name, **table} if name else table, about=about, order=FAIRNESS)
