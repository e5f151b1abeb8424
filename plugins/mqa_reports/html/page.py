"""The page of a report: a file of HTML with everything that the report holds."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC
from typing import TYPE_CHECKING

from markupsafe import Markup

from mqa_registry import count_verdicts, draw_conclusion, list_backends, list_checks
from mqa_reports.html.checks import make_check_view, make_matrix_row
from mqa_reports.html.comparison import make_comparison_view
from mqa_reports.html.rendering import render_template
from mqa_reports.html.repeat import describe_repetition
from mqa_reports.html.views import make_data_views

if TYPE_CHECKING:
    from mqa_registry import Report
    from mqa_reports.html.plots import Plot

SCRIPTS = ("vendor/plot.min.js", "assets/plots.js", "assets/page.js")
MAX_PARSED = 300  # checks; of a page with more, the script has each parsed when it is opened


def render_page(report: Report) -> str:
    """The page of a report."""
    checks = list_checks(report)
    views = make_data_views(report)
    matrix = [make_matrix_row(check, f"check-{number}") for number, check in enumerate(checks)]
    view_rows = {(view.data, view.backend): view.rows for view in report.views}
    plots = PlotList()
    return render_template(
        "page.html.j2",
        SCRIPTS,
        report=report,
        started=report.started.astimezone(UTC),
        conclusion=draw_conclusion(report, checks),
        counts=count_verdicts(checks),
        blocking=[(row.anchor, row.title) for check, row in zip(checks, matrix, strict=True) if check.blocks_release],
        backends=list_backends(report),
        matrix=matrix,
        # One at a time: all of them together would keep the garbage collector busy.
        checks=(make_check_view(check, row, view_rows) for check, row in zip(checks, matrix, strict=True)),
        verdict_counts=Counter(row.verdict for row in matrix),
        views={view.data: view for view in views},
        comparison=report.against and make_comparison_view(report.against),
        repetition=describe_repetition(report),
        plots=plots,
        is_large=len(checks) > MAX_PARSED,
    )


class PlotList:
    """The plots of a page, each known by the number that it got when its figure was written."""

    def __init__(self) -> None:
        self._plots: list[Plot] = []

    def add(self, plot: Plot) -> int:
        """The number of a plot, which is added."""
        self._plots.append(plot)
        return len(self._plots) - 1

    def to_json(self) -> Markup:
        """All of them as JSON that can stand in an element `script`: no character of it is markup."""
        plots = [{"kind": plot.kind, "title": plot.title, "series": plot.series, **plot.data} for plot in self._plots]
        text = json.dumps(plots, separators=(",", ":"), allow_nan=False)
        for character in "<>&":
            text = text.replace(character, f"\\u{ord(character):04x}")
        return Markup(text)  # noqa: S704 - escaped in the lines above
