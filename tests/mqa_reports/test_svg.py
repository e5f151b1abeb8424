"""The picture of a report."""

from __future__ import annotations

from mqa_registry import to_svg
from mqa_registry.reports.reporters import MARKER_BYTES
from mqa_reports import SVG
from tests.reports.conftest import demo, finished


def test_the_picture_is_that_of_the_console_and_is_known_for_mqa_s_own():
    drawn = SVG.render(finished(demo()))
    assert drawn == to_svg(finished(demo()))
    assert SVG.marker in drawn.encode()[:MARKER_BYTES]
