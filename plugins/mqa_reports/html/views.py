"""Predictions of a data set as the page shows them: confusion matrices, a reliability diagram, counts by label, numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mqa_reports.html.plots import Plot, draw_calibration
from mqa_reports.html.sharing import share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mqa_registry import CalibrationBin, ConfusionMatrix, LabelCounts, Report, ValueSummary, ViewSummary

SHADES = 8  # of a cell, by its share of the row


@dataclass(frozen=True)
class MatrixView:
    """A confusion matrix: a row of (class, cells, rows in all) for each class, each cell a count and its shade.

    `backends` are those that have the same one.
    """

    backends: str
    classes: Sequence[str]
    rows: Sequence[tuple[str, Sequence[tuple[int, int]], int]]


@dataclass(frozen=True)
class DataView:
    """What the backends predict for one data set."""

    anchor: str
    data: str
    matrices: Sequence[MatrixView]
    calibration: Plot | None
    bins: Sequence[tuple[str, CalibrationBin]]
    labels: Sequence[tuple[str, LabelCounts]]
    values: Sequence[tuple[str, ValueSummary]]

    @property
    def title(self) -> str:
        """What there is to see, for a link to it."""
        parts = (
            (self.matrices, "confusion matrix"),
            (self.calibration, "calibration"),
            (self.labels, "counts by label"),
            (self.values, "numbers"),
        )
        return " and ".join(name for part, name in parts if part).capitalize()


def make_data_views(report: Report) -> list[DataView]:
    """A record for every data set whose predictions are summarized."""
    by_data: dict[str, list[ViewSummary]] = {}
    for view in report.views:
        by_data.setdefault(view.data, []).append(view)
    return [_make_data_view(f"data-{number}", data, views) for number, (data, views) in enumerate(by_data.items())]


def _make_data_view(anchor: str, data: str, views: Sequence[ViewSummary]) -> DataView:
    calibrations = share([(view.backend, view.calibration) for view in views])
    return DataView(
        anchor=anchor,
        data=data,
        matrices=_make_matrices(views),
        calibration=draw_calibration(calibrations),
        bins=[(backends, one) for backends, bins in calibrations for one in bins],
        labels=[
            (backends, one)
            for backends, counts in share([(view.backend, view.labels) for view in views])
            for one in counts
        ],
        values=[
            (backends, one)
            for backends, one in share([(view.backend, view.values) for view in views])
            if one is not None
        ],
    )


def _make_matrices(views: Sequence[ViewSummary]) -> list[MatrixView]:
    shared = share([(view.backend, view.confusion) for view in views])
    return [_make_matrix(matrix, backends) for backends, matrix in shared if matrix is not None]


def _make_matrix(matrix: ConfusionMatrix, backends: str) -> MatrixView:
    names = [*matrix.classes, *([f"{matrix.joined:,} others"] if matrix.joined else [])]
    rows = []
    for name, counts in zip(names, matrix.counts, strict=True):
        total = sum(counts)
        shades = [-(-count * SHADES // total) if total else 0 for count in counts]
        rows.append((name, list(zip(counts, shades, strict=True)), total))
    return MatrixView(backends, names, rows)
