"""A suite as text that reads back as the same: what `extends`, `--set` and paths in other folders made of it included."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date, time
from typing import TYPE_CHECKING, Any

from mqa_registry.positions import Text
from mqa_registry.suite.tree import Node, tree

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from mqa_registry.positions.places import KeyPath

BARE = re.compile(r"[A-Za-z0-9_-]+")


def to_toml(suite: Mapping[str, Any]) -> str:
    """TOML that reads back as these tables, each under a header of its own."""
    plain = {key: value for key, value in suite.items() if not _under_header(value)}
    lines = [*_pairs(plain)]
    for key, value in suite.items():
        if isinstance(value, dict):
            lines += _table(_key(key), value)
        elif _under_header(value):
            for item in value:
                lines += ["", f"[[{_key(key)}]]", *_pairs(item)]
    return "\n".join(lines) + "\n"


def from_toml(file: str, content: str, base: Path, elsewhere: Mapping[KeyPath, Path]) -> Node:
    """The tree of a text that `to_toml` made; what stands at the paths `elsewhere` has a folder of its own."""
    return _moved(tree(Text(file, content), base), (), base, elsewhere)


def bases(suite: Node) -> dict[KeyPath, Path]:
    """The folders of those values that have another one than the table or array around them, by their paths."""
    return dict(_bases(suite, ()))


def _bases(node: Node, path: KeyPath) -> Iterator[tuple[KeyPath, Path]]:
    for step, child in _children(node):
        if child.base != node.base:
            yield (*path, step), child.base
        yield from _bases(child, (*path, step))


def _moved(node: Node, path: KeyPath, base: Path, elsewhere: Mapping[KeyPath, Path]) -> Node:
    base = elsewhere.get(path, base)
    value = node.value
    if isinstance(value, dict):
        value = {step: _moved(child, (*path, step), base, elsewhere) for step, child in value.items()}
    elif isinstance(value, list):
        value = [_moved(child, (*path, step), base, elsewhere) for step, child in enumerate(value)]
    return replace(node, value=value, base=base)


def _children(node: Node) -> Iterator[tuple[str | int, Node]]:
    yield from node.tables.items()
    yield from enumerate(node.items)


def _under_header(value: object) -> bool:
    """Whether it is a table, or an array of tables alone."""
    if isinstance(value, list):
        return bool(value) and all(isinstance(item, dict) for item in value)
    return isinstance(value, dict)


def _table(header: str, table: Mapping[str, Any]) -> Iterator[str]:
    """One table, and those right under it, whose order counts."""
    plain = {key: value for key, value in table.items() if not isinstance(value, dict)}
    if plain or not table:
        yield from ("", f"[{header}]", *_pairs(plain))
    for key, value in table.items():
        if isinstance(value, dict):
            yield from ("", f"[{header}.{_key(key)}]", *_pairs(value))


def _pairs(table: Mapping[str, Any]) -> Iterator[str]:
    return (f"{_key(key)} = {_value(value)}" for key, value in table.items())


def _key(key: str) -> str:
    return key if BARE.fullmatch(key) else _value(key)


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
