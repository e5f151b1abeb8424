"""The line of one verdict while a run goes on. The report that follows has its numbers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mqa_registry.judging import Verdict
from mqa_registry.judging.waivers import apply_waivers, is_accepted
from mqa_registry.naming import counted, shorten_check_name
from mqa_registry.reports.console.text import MAX_NOTE_CELLS
from mqa_registry.reports.explanations import count_lost_rows, name_waiver_state

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.text import Text

    from mqa_registry.judging import Result
    from mqa_registry.reports.console.text import TextBuilder
    from mqa_registry.suite import Waiver


def render_verdict(result: Result, waivers: Sequence[Waiver], builder: TextBuilder) -> Text:
    """A verdict's symbol, check and backend, and why it does not hold, or until when that is accepted."""
    line = builder.join(
        builder.symbol(result.verdict),
        " ",
        builder.quote(shorten_check_name(result.check, result.measure, result.perturb, result.by)),
    )
    if result.backend:
        line = builder.join(line, " on ", builder.quote(result.backend))
    if result.verdict is Verdict.PASS:
        lost = count_lost_rows(result)
        return builder.join(line, builder.literal(f", {counted(lost, 'row')} lost", "yellow")) if lost else line
    if result.note:
        line = builder.join(line, ": ", builder.quote(result.note, "dim", cells=MAX_NOTE_CELLS))
    (waived,) = apply_waivers((result,), waivers, datetime.now(UTC).date())
    if is_accepted(waived) and waived.waiver is not None:
        line = builder.join(line, "; ", builder.literal(name_waiver_state(waived.waiver), "yellow"))
    return line
