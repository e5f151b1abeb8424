"""Sweeps: how far the rows of a check were really perturbed at each of its severities."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mqa_registry.judging.result import Step, StepEvidence


def describe_perturbation(steps: Sequence[Step]) -> dict[str, list[str]]:
    """Rows that changed, edits of each, rows that were declined, and lost: texts by severity; empty lines are left out."""
    evidence = [step.evidence for step in steps]
    columns = {
        "changed": [_format_share(one) if one else "" for one in evidence],
        "edits a row": ["" if one is None or one.mean_edits is None else f"{one.mean_edits:.1f}" for one in evidence],
        "declined": [f"{one.declined:,}" if one and one.declined else "" for one in evidence],
        "lost": [f"{one.lost:,}" if one and one.lost else "" for one in evidence],
    }
    return {name: texts for name, texts in columns.items() if any(texts)}


def _format_share(evidence: StepEvidence) -> str:
    """The share of rows that changed in percent, never rounded to none or all; empty where there are no rows."""
    if not evidence.rows:
        return ""
    percent = 100 * evidence.changed / evidence.rows
    return f"{percent:.1f} %" if 0 < percent < 1 or 99 < percent < 100 else f"{percent:.0f} %"
