"""Where everything stands, for documents in every spelling that TOML has."""

from __future__ import annotations

import json
import math
import tomllib
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_registry.suite.positions import Text, index_positions


def value_at(text, path):
    span = index_positions(text)[path].value
    return text.content[span.start : span.end]


def key_at(text, path):
    span = index_positions(text)[path].key
    return text.content[span.start : span.end]


SUITE = Text(
    "suite.toml",
    """\
format = 1 # one
a.b . "c d" = 'x'

[model]
path = "C:\\\\x"  # not "this"
id = '''
two
lines''''

[[check]]
measure = { use = "m/f1", 'average' = "macro", on = [1, [2, 3]] }
expect.min = 0.5

[[check]]
perturb = [ # a comment, with [brackets] = "and quotes
  "a/b",
  { use = "c/d", severity = [1,
    2,], }, # 3
]
when = 1979-05-27 07:32:00Z
[check.expect] # of the second
max = +inf
[data . "reviews"]
path = ""
""".replace("2,], }", "2,] }"),
)


@pytest.mark.parametrize(
    ("path", "key", "value"),
    [
        (("format",), "format", "1"),
        (("a", "b"), "b", "b"),
        (("a", "b", "c d"), '"c d"', "'x'"),
        (("model",), "model", "model"),
        (("model", "path"), "path", '"C:\\\\x"'),
        (("model", "id"), "id", "'''\ntwo\nlines''''"),
        (("check",), "check", "check"),
        (("check", 0), "check", "check"),
        (("check", 0, "measure", "use"), "use", '"m/f1"'),
        (("check", 0, "measure", "average"), "'average'", '"macro"'),
        (("check", 0, "measure", "on", 1, 0), "2", "2"),
        (("check", 0, "expect", "min"), "min", "0.5"),
        (("check", 1, "perturb", 0), '"a/b"', '"a/b"'),
        (("check", 1, "perturb", 1, "severity", 1), "2", "2"),
        (("check", 1, "when"), "when", "1979-05-27 07:32:00Z"),
        (("check", 1, "expect"), "expect", "expect"),
        (("check", 1, "expect", "max"), "max", "+inf"),
        (("data", "reviews", "path"), "path", '""'),
    ],
    ids=str,
)
def test_keys_and_values_stand_where_a_reader_sees_them(path, key, value):
    assert (key_at(SUITE, path), value_at(SUITE, path)) == (key, value)


@pytest.mark.parametrize(
    "spelling",
    [
        '"""a\\"""b"""',
        '"""a""b"""',
        '"""a"""""',
        '""""a"""',
        "'''a''b'''''",
        "'''\\'''",
        '"\\\\"',
        "'\\'",
        '""""""',
        "''''''",
        '""',
        "''",
    ],
)
def test_a_string_ends_where_its_own_quotes_close_it(spelling):
    text = Text("s.toml", f"a = [{spelling}, 1]\nb = {spelling} # '\"")
    assert tomllib.loads(text.content)["a"] == [tomllib.loads(text.content)["b"], 1]
    assert value_at(text, ("a", 0)) == value_at(text, ("b",)) == spelling


def test_lines_and_columns_count_from_one_and_in_characters():
    text = Text("s.toml", 'a = 1\r\n  "é😀" = [\n "x" ]\n')
    positions = index_positions(text)
    value, key = text.location(positions["é😀",].value), text.location(positions["é😀",].key)
    assert (key.line, key.column, key.width, key.source) == (2, 3, 4, '  "é😀" = [')
    assert (value.line, value.column, value.width) == (2, 10, 1)  # its part in the first line
    item = text.location(positions["é😀", 0].value)
    assert (item.line, item.column, item.width, item.source) == (3, 2, 3, ' "x" ]')


def test_a_table_begun_by_a_longer_header_stands_where_its_own_header_does():
    text = Text("s.toml", "[a.b]\nc = 1\n[a]\nd = 2\n")
    assert text.location(index_positions(text)["a",].key).line == 3


def test_an_empty_text_has_no_positions():
    assert index_positions(Text("s.toml", "")) == {}
    assert index_positions(Text("s.toml", "# nothing\n\n")) == {}


# A generator of documents: a table of plain values, and the many ways to write it down.

BARE = st.text("ab-_1", min_size=1, max_size=3)
WORD = st.text("ab1 \"'\\\t\n#=[]{},.é😀", max_size=6)
NAME = BARE | WORD
SCALAR = (
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | WORD | st.dates() | st.times() | st.datetimes()
)
VALUE = st.recursive(
    SCALAR,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAME, inner, max_size=3),
    max_leaves=6,
)
TABLE = st.dictionaries(NAME, VALUE, max_size=4)


class Writer:
    """Writes values in spellings of hypothesis' choice."""

    def __init__(self, draw):
        self.draw = draw

    def one_of(self, *spellings):
        return self.draw(st.sampled_from(spellings))

    def key(self, name):
        quoted = [
            json.dumps(name, ensure_ascii=self.draw(st.booleans()))
            if name.isascii()
            else json.dumps(name, ensure_ascii=False)
        ]
        if not set(name) & set("'\n\t"):
            quoted.append(f"'{name}'")
        if name and all(c.isascii() and (c.isalnum() or c in "-_") for c in name):
            quoted.append(name)
        return self.one_of(*quoted)

    def string(self, value):
        basic = json.dumps(value, ensure_ascii=False)
        spellings = [basic, f'"""{basic[1:-1]}"""', f'"""\n{basic[1:-1]}"""', f'"""\\\n   {basic[1:-1]}"""']
        if value.startswith((" ", "\t")):
            spellings.pop()  # the backslash at the end of a line takes the space after it
        if not set(value) & set("'\n"):
            spellings.append(f"'{value}'")
        if "'''" not in value:
            spellings.append(f"'''\n{value}'''")
        if not value.endswith('"') and '"""' not in value and "\\" not in value:
            spellings.append(f'"""\n{value}"""')
        return self.one_of(*spellings)

    def value(self, value):
        if isinstance(value, list):
            return self.array(value)
        if isinstance(value, dict):
            return self.inline(value)
        if isinstance(value, str):
            return self.string(value)
        return self.number(value) if isinstance(value, int | float) else self.moment(value)

    def number(self, value):
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, float):
            return repr(value) if not math.isnan(value) else self.one_of("nan", "+nan", "-nan")
        return self.one_of(*([str(value), f"{value:_}", f"+{value}", hex(value)] if value >= 0 else [str(value)]))

    def moment(self, value):
        return value.isoformat(sep=self.one_of(" ", "T")) if isinstance(value, datetime) else value.isoformat()

    def array(self, items):
        gap = lambda: self.one_of("", " ", "\n", ' # ] , "\n\t')  # noqa: E731 - a spelling each time
        body = ",".join(f"{gap()}{self.value(item)}{gap()}" for item in items)
        return f"[{body}{self.one_of('', ',') if items else ''}{gap()}]"

    def inline(self, table):
        return f"{{{', '.join(self.pair(key, value) for key, value in table.items())} }}"

    def pair(self, key, value):
        dotted = isinstance(value, dict) and value and self.draw(st.booleans())
        if dotted and len(value) == 1:
            ((inner, only),) = value.items()
            return f"{self.key(key)}{self.one_of('.', ' . ')}{self.pair(inner, only)}"
        return f"{self.key(key)}{self.one_of('=', ' = ')}{self.value(value)}"

    def lines(self, table, path=()):
        """A table's own keys, then its tables and arrays of tables under headers of their own."""
        below = {}
        for key, value in table.items():
            tables = isinstance(value, list) and value and all(isinstance(item, dict) for item in value)
            if (tables or isinstance(value, dict)) and self.draw(st.booleans()):
                below[key] = value
            else:
                yield f"{self.one_of('', '  ')}{self.pair(key, value)}{self.one_of('', ' # a = 1')}"
        for key, value in below.items():
            name = ".".join(self.key(part) for part in (*path, key))
            for each in value if isinstance(value, list) else [value]:
                yield f"[[{name}]]" if isinstance(value, list) else f"[ {name} ] # [x]"
                yield from self.lines(each, (*path, key))
                yield self.one_of("", "# comment", "\t")


@st.composite
def documents(draw):
    return draw(st.sampled_from(["\n", "\r\n"])).join(Writer(draw).lines(draw(TABLE)))


def paths(value, path=()):
    """Every path of a parsed document with its value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield (*path, key), each
        yield from paths(each, (*path, key))


def same(one, other):
    return repr(one) == repr(other)  # NaN is the same as NaN here


@given(documents())
def test_the_text_at_every_position_is_the_value_that_tomllib_reads(document):
    text = Text("s.toml", document)
    expected = dict(paths(tomllib.loads(text.content)))
    positions = index_positions(text)
    assert positions.keys() == expected.keys()
    for path, position in positions.items():
        key, value = (text.content[span.start : span.end] for span in (position.key, position.value))
        names = [step for step in path if isinstance(step, str)]
        if isinstance(expected[path], dict | list) and value[0] not in "[{":
            assert key == value  # made by a header or a dotted key, which stands for it
            assert list(tomllib.loads(f"{key} = 0")) == names[-1:]
            continue
        assert same(tomllib.loads(f"x = {value}")["x"], expected[path])
        if isinstance(path[-1], str):
            assert list(tomllib.loads(f"{key} = 0")) == names[-1:]


@given(documents())
def test_every_position_lies_in_a_line_of_the_source(document):
    text = Text("s.toml", document)
    lines = text.content.split("\n")
    for position in index_positions(text).values():
        for span in (position.key, position.value):
            where = text.location(span)
            assert where.source == lines[where.line - 1]
            assert 1 <= where.column <= len(where.source)
            assert 1 <= where.width <= len(where.source) - where.column + 1
            assert text.offset(where.line, where.column) == span.start
