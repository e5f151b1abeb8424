"""The values of a suite, each with its position: read from TOML, made of tables in memory, and written as TOML."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from datetime import date, time
from itertools import count
from typing import TYPE_CHECKING, Any

from mqa_registry.errors import Location, Problem, SuiteError
from mqa_registry.suite.toml.positions import KeyPath, index_positions
from mqa_registry.suite.toml.syntax import parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from mqa_registry.suite.toml.positions import Position, Text

BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Node:
    """One value of a suite.

    `value` is a dict of nodes for a table, a list of nodes for an array, else the value itself. `at` is the position of
    the value, `key` that of its key, `base` the folder that a path here is relative to.
    """

    value: Any
    key: Location
    at: Location
    base: Path

    @property
    def tables(self) -> dict[str, Node]:
        """The keys of a table; of anything else, none."""
        return self.value if isinstance(self.value, dict) else {}

    @property
    def items(self) -> list[Node]:
        """The items of an array; of anything else, none."""
        return self.value if isinstance(self.value, list) else []

    @property
    def children(self) -> Iterable[tuple[str | int, Node]]:
        """The values of a table by their keys, or the items of an array by their numbers."""
        return self.tables.items() or enumerate(self.items)

    def get(self, key: str) -> Node | None:
        return self.tables.get(key)

    def down(self, path: KeyPath) -> Node:
        """The node at the end of a path of keys and numbers."""
        node = self
        for step in path:
            node = node.value[step]
        return node

    def plain(self) -> Any:
        """The value as tomllib gives it, without positions."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        return [node.plain() for node in self.value] if isinstance(self.value, list) else self.value

    def without(self, keys: Iterable[str]) -> Node:
        """A table without these keys."""
        return replace(self, value={key: node for key, node in self.tables.items() if key not in keys})


def read_tree(text: Text, base: Path) -> Node:
    """The tree of a TOML text; SuiteError where it is broken."""
    tables, positions = parse(text), index_positions(text)
    top = Location(text.file, 1, 1, 1, "")
    nodes = {key: _read_node(text, base, positions, (key,), value) for key, value in tables.items()}
    return Node(nodes, top, top, base)


def _read_node(text: Text, base: Path, positions: Mapping[KeyPath, Position], path: KeyPath, value: Any) -> Node:
    if isinstance(value, dict):
        value = {key: _read_node(text, base, positions, (*path, key), inner) for key, inner in value.items()}
    elif isinstance(value, list):
        value = [_read_node(text, base, positions, (*path, number), inner) for number, inner in enumerate(value)]
    position = positions[path]
    if type(value) is int and value.bit_length() > 63:
        raise SuiteError([Problem("a whole number in TOML has at most 64 bits", "", text.location(position.value))])
    return Node(value, text.location(position.key), text.location(position.value), base)


def make_tree(name: str, tables: Mapping[str, Any], base: Path) -> Node:
    """The tree of tables in memory, in the types of TOML. Its positions have the name, no line, and the order of the values."""
    return _make_node(name, tables, base, count(1))


def _make_node(name: str, value: Any, base: Path, numbers: Iterator[int]) -> Node:
    at = Location(name, 0, next(numbers), 1, "")
    if isinstance(value, dict):
        value = {key: _make_node(name, inner, base, numbers) for key, inner in value.items()}
    elif isinstance(value, list):
        value = [_make_node(name, inner, base, numbers) for inner in value]
    return Node(value, at, at, base)


def bases(root: Node) -> dict[KeyPath, Path]:
    """The folders of those values that have another one than the table or array around them, by their paths."""
    return dict(_bases(root, ()))


def _bases(node: Node, path: KeyPath) -> Iterator[tuple[KeyPath, Path]]:
    for step, child in node.children:
        if child.base != node.base:
            yield (*path, step), child.base
        yield from _bases(child, (*path, step))


def with_bases(node: Node, base: Path, others: Mapping[KeyPath, Path], path: KeyPath = ()) -> Node:
    """The tree with `base` as the folder of its values, and those of `others`, by path: what `bases` gave."""
    base = others.get(path, base)
    value = node.value
    if isinstance(value, dict):
        value = {key: with_bases(child, base, others, (*path, key)) for key, child in value.items()}
    elif isinstance(value, list):
        value = [with_bases(child, base, others, (*path, number)) for number, child in enumerate(value)]
    return replace(node, value=value, base=base)


def to_toml(tables: Mapping[str, Any]) -> str:
    """TOML that reads back as these tables, each under a header."""
    lines = [*_pairs({key: value for key, value in tables.items() if not _has_header(value)})]
    for key, value in tables.items():
        if isinstance(value, dict):
            lines += _table(_key(key), value)
        elif _has_header(value):
            for item in value:
                lines += ["", f"[[{_key(key)}]]", *_pairs(item)]
    return "\n".join(lines) + "\n"


def _has_header(value: object) -> bool:
    """Whether it is a table, or an array of tables alone."""
    if isinstance(value, list):
        return bool(value) and all(isinstance(item, dict) for item in value)
    return isinstance(value, dict)


def _table(header: str, table: Mapping[str, Any]) -> Iterator[str]:
    """One table, and those directly in it, whose order counts."""
    pairs = {key: value for key, value in table.items() if not isinstance(value, dict)}
    if pairs or not table:
        yield from ("", f"[{header}]", *_pairs(pairs))
    for key, value in table.items():
        if isinstance(value, dict):
            yield from ("", f"[{header}.{_key(key)}]", *_pairs(value))


def _pairs(table: Mapping[str, Any]) -> Iterator[str]:
    return (f"{_key(key)} = {_value(value)}" for key, value in table.items())


def _key(key: str) -> str:
    return key if BARE_KEY.fullmatch(key) else _value(key)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):  # JSON escapes as TOML does, but for one control character
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, dict):
        return f"{{ {', '.join(_pairs(value))} }}" if value else "{}"
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    return value.isoformat() if isinstance(value, date | time) else repr(value)
