"""Positions: where in a TOML text things stand. tomllib does the parsing."""

from mqa_registry.positions.places import Place, index
from mqa_registry.positions.syntax import parse
from mqa_registry.positions.text import Span, Text

__all__ = ["Place", "Span", "Text", "index", "parse"]
