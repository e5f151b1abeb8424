"""Rendering: a template as one file of HTML that fetches nothing, and runs no script and no style but its own."""

from __future__ import annotations

import base64
import hashlib
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.ext import Extension
from markupsafe import Markup

from mqa_registry import Verdict, make_visible

if TYPE_CHECKING:
    from collections.abc import Sequence

FOLDER = Path(__file__).parent
STYLES = ("assets/page.css",)
MAX_CACHED = 80  # characters of a text
SYMBOLS = {  # of verdicts, so that colour is not all that tells them apart
    Verdict.PASS: "✓",
    Verdict.FAIL: "✗",
    Verdict.INCONCLUSIVE: "?",
    Verdict.ERROR: "!",
    Verdict.NOT_RUN: "-",
}


def render_template(name: str, scripts: tuple[str, ...] = (), **values: Any) -> str:
    """The page that a template makes of some values, with these scripts, which are files of this package."""
    return _environment().get_template(name).render(**values, **_assets(scripts))


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
        symbols=SYMBOLS,
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
def _assets(scripts: tuple[str, ...]) -> dict[str, Any]:
    """Styles and scripts, and the policy that allows these alone, by their digests."""
    texts = {
        kind: [(FOLDER / name).read_text(encoding="utf-8") for name in names]
        for kind, names in (("style", STYLES), ("script", scripts))
    }
    policy = [
        "default-src 'none'",
        *(f"{kind}-src {_list_sources(contents)}" for kind, contents in texts.items() if contents),
        "base-uri 'none'",
        "form-action 'none'",
    ]
    trusted = {f"{kind}s": [Markup(text) for text in contents] for kind, contents in texts.items()}  # noqa: S704 - our own files
    return {"policy": "; ".join(policy), **trusted}


def _list_sources(contents: Sequence[str]) -> str:
    digests = (base64.b64encode(hashlib.sha256(content.encode()).digest()).decode() for content in contents)
    return " ".join(f"'sha256-{digest}'" for digest in digests)
