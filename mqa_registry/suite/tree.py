"""A suite file's values, each with the place where it stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mqa_registry.errors import Location, Problem, SuiteError
from mqa_registry.positions import index, parse

if TYPE_CHECKING:
    from pathlib import Path

    from mqa_registry.positions import Place, Text
    from mqa_registry.positions.places import KeyPath


@dataclass(frozen=True, slots=True)
class Node:
    """One value of a suite file.

    `value` is a dict of nodes for a table, a list of nodes for an array, else the value itself. `at` is where it
    stands, `key` where its key does, `base` the folder that a path here is relative to.
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

    def get(self, key: str) -> Node | None:
        return self.tables.get(key)

    def down(self, path: KeyPath) -> Node:
        """The node that a path of keys and positions leads to."""
        node = self
        for step in path:
            node = node.value[step]
        return node

    def plain(self) -> Any:
        """The value as tomllib gave it."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        return [node.plain() for node in self.value] if isinstance(self.value, list) else self.value


def tree(text: Text, base: Path) -> Node:
    """The tree of a TOML text; SuiteError where it is broken."""
    tables, places = parse(text), index(text)
    top = Location(text.file, 1, 1, 1, "")
    return Node({key: _node(text, base, places, (key,), value) for key, value in tables.items()}, top, top, base)


def _node(text: Text, base: Path, places: dict[KeyPath, Place], path: KeyPath, value: Any) -> Node:
    if isinstance(value, dict):
        value = {key: _node(text, base, places, (*path, key), inner) for key, inner in value.items()}
    elif isinstance(value, list):
        value = [_node(text, base, places, (*path, number), inner) for number, inner in enumerate(value)]
    place = places[path]
    if type(value) is int and value.bit_length() > 63:
        raise SuiteError([Problem("a whole number in TOML has at most 64 bits", "", text.location(place.value))])
    return Node(value, text.location(place.key), text.location(place.value), base)
