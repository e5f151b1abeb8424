"""The page: a report as one file of HTML that fetches nothing, and runs no script and no style but its own."""

from __future__ import annotations

import base64
import hashlib
import json
from collections import Counter
from datetime import UTC
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.ext import Extension
from markupsafe import Markup

from mqa_registry import Verdict, count_verdicts, draw_conclusion, list_backends, list_checks, make_visible
from mqa_reports.html.checks import make_check_view, make_matrix_row
from mqa_reports.html.comparison import make_comparison_view
from mqa_reports.html.repeat import describe_repetition
from mqa_reports.html.views import make_data_views

if TYPE_CHECKING:
    from mqa_registry import Report
    from mqa_reports.html.plots import Plot

FOLDER = Path(__file__).parent
STYLES = ("assets/page.css",)
SCRIPTS = ("vendor/plot.min.js", "assets/plots.js", "assets/page.js")
MAX_PARSED = 300  # checks; of a page with more, the script has each parsed when it is opened
MAX_CACHED = 80  # characters of a text
SYMBOLS = {  # of verdicts, so that colour is not all that tells them apart
    Verdict.PASS: "✓",
    Verdict.FAIL: "✗",
    Verdict.INCONCLUSIVE: "?",
    Verdict.ERROR: "!",
    Verdict.NOT_RUN: "-",
}


def render_page(report: Report) -> str:
    """The page of a report."""
    checks = list_checks(report)
    views = make_data_views(report)
    matrix = [make_matrix_row(check, f"check-{number}") for number, check in enumerate(checks)]
    view_rows = {(view.data, view.backend): view.rows for view in report.views}
    plots = PlotList()
    page = _environment().get_template("page.html.j2")
    return page.render(
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
        comparison=make_comparison_view(report),
        repetition=describe_repetition(report),
        plots=plots,
        is_large=len(checks) > MAX_PARSED,
        symbols=SYMBOLS,
        **_assets(),
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


class JoinLines(Extension):
    """Templates without their line breaks and indentation, each of which a browser would keep as a node of the page."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        """The template in one line."""
        return "".join(line.strip() for line in source.splitlines())


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        finalize=_show,
        undefined=StrictUndefined,
        extensions=[JoinLines],
    )
    badge = Markup('<span class="badge {0}"><span aria-hidden="true">{1}</span> {0}</span>')
    environment.globals.update(
        newline=Markup("\n"),
        Verdict=Verdict,
        badges={verdict: badge.format(verdict, SYMBOLS[verdict]) for verdict in Verdict},
    )
    return environment


def _show(value: Any) -> Any:
    """Every value that a template writes: invisible characters of a text are shown, before its markup is escaped."""
    if not isinstance(value, str) or (value.isascii() and value.isprintable()) or isinstance(value, Markup):
        return value
    return _show_short(value) if len(value) < MAX_CACHED else make_visible(value)


_show_short = lru_cache(maxsize=1 << 14)(make_visible)  # names and bounds come again with every check


@cache
def _assets() -> dict[str, Any]:
    """Styles and scripts, and the policy that allows these alone, by their digests."""
    styles, scripts = ([(FOLDER / name).read_text(encoding="utf-8") for name in names] for names in (STYLES, SCRIPTS))
    policy = [
        "default-src 'none'",
        f"style-src {_sources(styles)}",
        f"script-src {_sources(scripts)}",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    trusted = {"styles": [Markup(text) for text in styles], "scripts": [Markup(text) for text in scripts]}  # noqa: S704 - our own files
    return {"policy": "; ".join(policy), **trusted}


def _sources(contents: list[str]) -> str:
    digests = (base64.b64encode(hashlib.sha256(content.encode()).digest()).decode() for content in contents)
    return " ".join(f"'sha256-{digest}'" for digest in digests)
