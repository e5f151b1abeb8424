"""Reporters and trackers: what mqa makes of a report besides JSON. What makes it is imported where it is wanted."""

from mqa_registry import EnvironmentReporter, Report, Reporter, RunComparison, Tracker


def _render_page(report: Report) -> str:
    from mqa_reports.html.page import render_page

    return render_page(report)


def _render_comparison(comparison: RunComparison) -> str:
    from mqa_reports.html.comparison import render_comparison

    return render_comparison(comparison)


def _render_junit(report: Report) -> str:
    from mqa_reports.junit import render_junit

    return render_junit(report)


def _render_markdown(report: Report) -> str:
    from mqa_reports.markdown import render_markdown

    return render_markdown(report)


def _render_csv(report: Report) -> str:
    from mqa_reports.tables import render_csv

    return render_csv(report)


def _render_parquet(report: Report) -> bytes:
    from mqa_reports.tables import render_parquet

    return render_parquet(report)


def _render_svg(report: Report) -> str:
    from mqa_registry import to_svg

    return to_svg(report)


def _publish_to_mlflow(report: Report, uri: str) -> None:
    from mqa_reports.trackers.mlflow import publish

    publish(report, uri)


def _publish_to_tensorboard(report: Report, folder: str) -> None:
    from mqa_reports.trackers.tensorboard import publish

    publish(report, folder)


def _render_annotations(report: Report) -> str:
    from mqa_reports.github import render_annotations

    return render_annotations(report)


def _find_log() -> str | None:
    from mqa_reports.github import find_log

    return find_log()


def _find_summary() -> str | None:
    from mqa_reports.github import find_summary

    return find_summary()


def _make_fence() -> tuple[str, str]:
    from mqa_reports.github import make_fence

    return make_fence()


PAGE_MARKER = b'<meta name="generator" content="mqa">'
HTML = Reporter(render=_render_page, marker=PAGE_MARKER)
COMPARISON_HTML = Reporter(render=_render_comparison, marker=PAGE_MARKER)
JUNIT = Reporter(render=_render_junit, marker=b"<!-- report of mqa as JUnit XML -->")
MARKDOWN = Reporter(render=_render_markdown, marker=b"<!-- report of mqa as Markdown -->")
CSV = Reporter(
    render=_render_csv, marker=b'"run","suite","check","backend","data","severity","group","number","estimate"'
)
PARQUET = Reporter(render=_render_parquet, marker=b"numbers of a report of mqa")
SVG = Reporter(render=_render_svg, marker=b"<!-- report of mqa as SVG -->")
GITHUB_ANNOTATIONS = EnvironmentReporter(render=_render_annotations, find_target=_find_log, fence=_make_fence)
GITHUB_SUMMARY = EnvironmentReporter(render=_render_markdown, find_target=_find_summary)
MLFLOW = Tracker(publish=_publish_to_mlflow, requires=("mlflow-skinny",))
TENSORBOARD = Tracker(publish=_publish_to_tensorboard, requires=("tensorboard",))
