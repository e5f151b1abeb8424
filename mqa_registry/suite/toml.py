"""TOML with positions: a text as a tree of values, each with its line and column, and tables as a text.

What tomllib refuses becomes a problem with a position and a hint.
"""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass, replace
from datetime import date, time
from itertools import count
from typing import TYPE_CHECKING, Any

from mqa_registry.errors import Location, Problem, SuiteError
from mqa_registry.suite.positions import KeyPath, Span, index_positions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from mqa_registry.suite.positions import Position, Text

BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
WHERE = re.compile(r"(?P<reason>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)", re.DOTALL)

MAX_DEPTH = 32  # levels of tables and arrays; a suite has about six
MAX_SHOWN = 40  # characters of the text that a message repeats


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


@dataclass(frozen=True)
class SyntaxMessage:
    """The message for a reason of tomllib that begins with `reason`, where the text goes on with `ahead`, a pattern.

    `message` and `hint` may hold `{word}`, what `ahead` matched, and `{lower}`, the same in lower case. With
    `whole_line`, tomllib sees the mistake only behind the line that makes it.
    """

    reason: str
    ahead: str
    message: str
    hint: str
    whole_line: bool = False


ONE_LINE_EACH = "give every key a line of its own, and put text in quotes"
BACKSLASH = "write `/` in paths, double the backslash, or put the string in single quotes"
TWICE = "keep one of the two"

MESSAGES = (
    SyntaxMessage("Invalid value", r"(?i:true|false)\b", "`{word}` is no TOML value", "write `{lower}`"),
    SyntaxMessage("Invalid value", r"(?i:none|null|nil)\b", "`{word}` is no TOML value", "leave the key out: there is no null"),
    SyntaxMessage("Invalid value", r"[+-]?\.\d+", "`{word}` is no TOML value", "write a digit before the point, as in `0.5`"),
    SyntaxMessage("Invalid value", r"[\u2018-\u201d][^\s,\]}#]*", "`{word}` is no TOML value", 'write straight quotes, `"`'),
    SyntaxMessage("Invalid value", r"=", "there is one `=` too many", "write `key = value`"),
    SyntaxMessage("Invalid value", r"[^\s,\]}#]+", "`{word}` is no TOML value", 'put text in quotes: `"{word}"`'),
    SyntaxMessage("Invalid value", r"", "a value is missing here", "write one, or leave the key out"),
    SyntaxMessage("Expected newline", r",", "a comma cannot follow the value of a key", "take it out"),
    SyntaxMessage("Expected newline", r"\S+", "`{word}` cannot follow a value", ONE_LINE_EACH),
    SyntaxMessage("Expected '=' after a key", r":", "TOML has `=` between a key and its value", "write `key = value`"),
    SyntaxMessage("Expected '=' after a key", r"[^\s=]+", "`{word}` cannot follow a key", "put a key that has spaces in quotes"),
    SyntaxMessage("Expected '=' after a key", r"", "a key without a value", "write `key = value`"),
    SyntaxMessage("Expected ']", r"", "the header of a table is not closed", "write `[name]`, or `[[name]]` for one of several"),
    SyntaxMessage("Invalid initial character", r"\n", "an inline table cannot run over several lines", "write `{{ ... }}` on one line, or a table under a header `[name]`"),
    SyntaxMessage("Invalid initial character", r"\}", "an inline table cannot end with a comma", "take the comma out"),
    SyntaxMessage("Invalid initial character", r"\S*", "`{word}` cannot begin a key", "put a key with other than letters, digits, `-` and `_` in quotes"),
    SyntaxMessage("Invalid statement", r"<{7}|={7}|>{7}", "this is the mark of a merge conflict", "resolve it"),
    SyntaxMessage("Invalid statement", r"\{", "a suite is TOML, and this looks like JSON", "write `key = value`"),
    SyntaxMessage("Invalid statement", r"", "no key, table or comment begins like this", "write `key = value`, `[table]` or `# comment`"),
    SyntaxMessage("Unclosed array", r"\S", "a comma is missing between two items of an array", "write `[a, b]`"),
    SyntaxMessage("Unclosed array", r"", "an array is not closed", "write `]` at its end"),
    SyntaxMessage("Unclosed inline table", r"\S", "a comma is missing between two keys of an inline table", "write `{{ a = 1, b = 2 }}`"),
    SyntaxMessage("Unclosed inline table", r"", "an inline table is not closed", "write `}}` at its end"),
    SyntaxMessage("Unescaped '\\'", r"", "a backslash in a string begins an escape, and there is none like this", BACKSLASH),
    SyntaxMessage("Invalid hex value", r"", "`\\u` in a string needs four hexadecimal digits, `\\U` eight", BACKSLASH),
    SyntaxMessage("Illegal character '\\n'", r"", "a string does not end on its line", 'close it, or put `"""` around text of several lines'),
    SyntaxMessage("Illegal character", r"", "a control character cannot stand here", "take it out, or write it as an escape such as `\\u0007`"),
    SyntaxMessage("Found invalid character '\\n'", r"", "a string does not end on its line", "close it with `'`, or put `'''` around text of several lines"),
    SyntaxMessage("Found invalid character", r"", "a control character cannot stand here", "take it out"),
    SyntaxMessage("Escaped character is not", r"", "this escape means no character", "write the character itself"),
    SyntaxMessage("Expected \"'\"", r"", "a string does not end on its line", "close it with `'`"),
    SyntaxMessage("Unterminated string", r"", "a string is not closed", "close it with the quotes that it begins with"),
    SyntaxMessage("Cannot declare", r"", "this table is declared twice", "put its keys together, or write `[[name]]` for one of several", whole_line=True),
    SyntaxMessage("Cannot overwrite", r"", "this key or table is given twice", TWICE, whole_line=True),
    SyntaxMessage("Duplicate inline table key", r"", "a key is given twice in an inline table", TWICE, whole_line=True),
    SyntaxMessage("Cannot mutate immutable", r"", "a table that was written inline, or whole, cannot be added to", "put its keys together", whole_line=True),
)  # fmt: skip


def parse(text: Text) -> dict[str, Any]:
    """The tables of a TOML text; SuiteError with the one problem where it is broken."""
    try:
        tables = tomllib.loads(text.content)
    except tomllib.TOMLDecodeError as error:
        raise SuiteError([_problem(text, str(error))]) from None
    except RecursionError:
        raise _too_deep(text) from None
    except ValueError as error:  # such as an integer of thousands of digits
        reason = str(error).partition(";")[0]
        raise SuiteError([Problem(f"`{text.file}` holds a value that cannot be read: {reason}")]) from None
    if _is_deeper(tables, MAX_DEPTH):
        raise _too_deep(text)
    return tables


def _too_deep(text: Text) -> SuiteError:
    return SuiteError([Problem(f"`{text.file}` is nested too deeply to be a suite")])


def _is_deeper(value: Any, levels: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels == 0 or any(_is_deeper(each, levels - 1) for each in inner)


def _problem(text: Text, error: str) -> Problem:
    found = WHERE.fullmatch(error)
    reason = found["reason"] if found else error
    at = (
        text.offset(int(found["line"]), int(found["column"])) if found and found["line"] else len(text.content.rstrip())
    )
    ahead = text.content[at:]
    for entry in MESSAGES:
        if reason.startswith(entry.reason) and (match := re.match(entry.ahead, ahead)):
            return _described(text, entry, at, match[0])
    return Problem(f"broken TOML: {reason}", location=text.location(Span(at, at + 1)))


def _described(text: Text, entry: SyntaxMessage, at: int, word: str) -> Problem:
    span = text.line(at) if entry.whole_line else Span(at, at + max(len(word.rstrip("\n")), 1))
    word = word if len(word) <= MAX_SHOWN else f"{word[: MAX_SHOWN - 3]}..."
    fields = {"word": word, "lower": word.lower()}
    return Problem(entry.message.format(**fields), entry.hint.format(**fields), text.location(span))


# Trees of tables in memory, and their folders.


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
            lines += _table(toml_key(key), value)
        elif _has_header(value):
            for item in value:
                lines += ["", f"[[{toml_key(key)}]]", *_pairs(item)]
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
            yield from ("", f"[{header}.{toml_key(key)}]", *_pairs(value))


def _pairs(table: Mapping[str, Any]) -> Iterator[str]:
    return (toml_line(key, value) for key, value in table.items())


def toml_line(key: str, value: Any) -> str:
    """One key of a table with its value, in one line."""
    return f"{toml_key(key)} = {_value(value)}"


def toml_key(key: str) -> str:
    """A key, in quotes where it has to be."""
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
