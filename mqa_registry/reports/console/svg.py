"""The console report as a picture, for a README or a slide: one SVG file that refers to nothing outside it."""

from __future__ import annotations

import io
import re
from html import escape, unescape
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Console
from rich.terminal_theme import TerminalTheme

from mqa_registry.reports.console import print_report
from mqa_registry.reports.console.text import shorten_text

if TYPE_CHECKING:
    from mqa_registry.reports.report import Report

_THEME = TerminalTheme(
    background=(24, 28, 36),
    foreground=(214, 219, 229),
    normal=[
        (60, 66, 80),
        (240, 113, 120),
        (135, 196, 139),
        (236, 190, 112),
        (122, 170, 235),
        (199, 146, 234),
        (122, 200, 210),
        (214, 219, 229),
    ],
)

_CELL = 12.2  # pixels that Rich takes for the width of a character of 20 pixels' height
_MARGIN = 14  # pixels
_TEXT = re.compile(
    r'<text class="(?P<style>[^"]+)" x="(?P<x>[^"]+)" y="(?P<y>[^"]+)" textLength="[^"]+" clip-path="[^"]+">'
    r"(?P<text>[^<]*)</text>"
)
_SIZE = re.compile(r'viewBox="0 0 (?P<width>[\d.]+) (?P<height>[\d.]+)"')

# Rich's own format fetches a font from a server; this one takes what the reader's machine has.
_FORMAT = """\
<svg class="{unique_id}" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<!-- report of mqa as SVG -->
<style>
.{unique_id}-matrix {{
    font: {char_height}px ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
}}
.{unique_id}-title {{ font: 16px system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }}
{styles}
</style>
<rect x="-MARGIN" y="0" width="100%" height="100%" rx="10" fill="BACKGROUND"/>
<text class="{unique_id}-title" fill="FOREGROUND" fill-opacity="0.55" x="MARGIN" y="30">TITLE</text>
<g class="{unique_id}-matrix" transform="translate({terminal_x}, {terminal_y})">
{backgrounds}
{matrix}
</g>
</svg>
"""


def to_svg(report: Report, width: int = 100, *, title: str = "") -> str:
    """The console report as an SVG picture, `width` columns wide; the title is the command by default."""
    console = Console(
        file=io.StringIO(),
        record=True,
        width=width,
        force_terminal=True,
        color_system="truecolor",
        legacy_windows=False,
    )
    print_report(report, console)
    title = title or f"mqa run {report.suite.path}"
    picture = console.export_svg(theme=_THEME, code_format=_fill_frame(shorten_text(title, width)))
    return _SIZE.sub(_add_margin, _TEXT.sub(_position_text, picture))


def _fill_frame(title: str) -> str:
    """The format with colours, margin and title filled in."""
    words = escape(title).replace("{", "{{").replace("}", "}}")
    colours = {"BACKGROUND": _THEME.background_color.hex, "FOREGROUND": _THEME.foreground_color.hex}
    frame = _FORMAT
    for name, value in {**colours, "MARGIN": str(_MARGIN), "TITLE": words}.items():
        frame = frame.replace(name, value)
    return frame


def _add_margin(size: re.Match[str]) -> str:
    width, height = float(size["width"]) + 2 * _MARGIN, float(size["height"]) + _MARGIN
    return f'width="{width:g}" height="{height:g}" viewBox="-{_MARGIN} 0 {width:g} {height:g}"'


def _position_text(match: re.Match[str]) -> str:
    """Each run of words at the position of its first letter, as wide as its letters are.

    Rich writes one element with all blanks in it, which some viewers leave out, and counts a wide character as one cell.
    """
    text = unescape(match["text"]).replace("\xa0", " ")
    return "".join(_write_run(match, text, run) for run in re.finditer(r"\S+(?: \S+)*", text))


def _write_run(match: re.Match[str], text: str, run: re.Match[str]) -> str:
    x = float(match["x"]) + _CELL * cell_len(text[: run.start()])
    length = f"{_CELL * cell_len(run[0]):g}"
    return f'<text class="{match["style"]}" x="{x:g}" y="{match["y"]}" textLength="{length}">{escape(run[0])}</text>\n'
