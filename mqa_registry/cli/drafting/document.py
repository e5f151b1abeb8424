"""The text of a suite: tables under their headers, with comments above them and beside their keys.

What comes from a model or from data stands in it as a value of TOML, or in a comment with every invisible character
escaped.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mqa_registry.reports.console.text import make_visible
from mqa_registry.suite import toml_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

WIDTH = 120
BESIDE = 40  # column of a comment beside a short line


@dataclass(frozen=True)
class Section:
    """One table of a suite with its header, as `[model]`, which the keys at the top do not have.

    `above` are the comments above it, `beside` those beside its keys.
    """

    header: str
    pairs: Mapping[str, Any]
    above: tuple[str, ...] = ()
    beside: Mapping[str, str] = field(default_factory=dict)


def format_document(sections: Iterable[Section]) -> str:
    """The sections as one TOML text, parted by empty lines."""
    return "\n".join("".join(f"{line}\n" for line in _lines(section)) for section in sections)


def _lines(section: Section) -> Iterator[str]:
    for comment in section.above:
        yield from _fold(comment)
    if section.header:
        yield section.header
    for key, value in section.pairs.items():
        line = toml_line(key, value)
        beside = make_visible(section.beside[key]) if key in section.beside else ""
        yield f"{line:<{BESIDE - 2}}  # {beside}" if beside else line


def _fold(comment: str) -> Iterator[str]:
    """A comment in lines that begin with `#`. An empty one is an empty line of it."""
    text = make_visible(comment)
    lines = textwrap.wrap(text, WIDTH - 2, break_long_words=False, break_on_hyphens=False, drop_whitespace=True) or [""]
    if text.startswith(" "):  # laid out
        lines = [text]
    yield from (f"# {line}".rstrip() for line in lines)
