"""TOML with positions: the values of a suite file, each with its line and column."""

from mqa_registry.suite.toml.positions import KeyPath, Position, Span, Text, index_positions
from mqa_registry.suite.toml.syntax import parse
from mqa_registry.suite.toml.tree import Node, bases, make_tree, read_tree, to_toml, with_bases

__all__ = [
    "KeyPath",
    "Node",
    "Position",
    "Span",
    "Text",
    "bases",
    "index_positions",
    "make_tree",
    "parse",
    "read_tree",
    "to_toml",
    "with_bases",
]
