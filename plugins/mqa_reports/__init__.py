"""Reporters: the forms of a report that mqa writes to files besides JSON. What makes one is imported where it is written."""

from mqa_registry import Report, Reporter


def _render_page(report: Report) -> str:
    from mqa_reports.html.page import render_page

    return render_page(report)


HTML = Reporter(render=_render_page, marker=b'<meta name="generator" content="mqa">')
