"""Broken TOML is told with its place and with what fixes it."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_registry.errors import SuiteError
from mqa_registry.suite.positions import Text
from mqa_registry.suite.toml import parse

BROKEN = {
    "a capital letter": "critical = True",
    "a null": "seed = None",
    "no digit before the point": "min = .5",
    "no quotes": "id = bert-base",
    "no quotes, and digits first": "rate = 50%",
    "curly quotes": "id = “bert”",
    "two keys in a line": "min = 1 max = 2",
    "two equals signs": "a == 1",
    "a colon": "a: 1",
    "a space in a key": "a b = 1",
    "a key alone": 'a = "x"\nb',
    "no value": "a =\nb = 1",
    "no closing bracket of a header": "[model",
    "one closing bracket too few": "[[check]\na = 1",
    "an inline table over lines": "a = {\n  b = 1 }",
    "a comma at the end of an inline table": "a = { b = 1, }",
    "no comma in an inline table": "a = { b = 1 c = 2 }",
    "no closing brace": "a = { b = 1",
    "no comma in an array": "a = [1 2]",
    "no closing bracket": "a = [1, 2\n",
    "a backslash": 'path = "C:\\data"',
    "a backslash and a u": 'path = "C:\\users"',
    "a string over lines": 'a = "x\ny"',
    "a literal string over lines": "a = 'x\ny'",
    "no closing quotes": 'a = """x\n\n',
    "half an emoji": 'a = "\\ud83d"',
    "a table twice": "[a]\nb = 1\n[a]\n",
    "a key twice": "a = 1\nb = 2\na = 3\nc = 4",
    "a key twice, at the end": 'a = 1\n  "a" = 3',
    "a key twice in an inline table": "a = { b = 1, b = 2 }",
    "a table and an array of tables": "[check]\n[[check]]",
    "an inline table added to": "a = { b = 1 }\na.c = 2",
    "json": '{"format": 1}',
    "a merge conflict": "a = 1\n<<<<<<< HEAD\n",
    "a comma after a value": "a = 1,\nb = 2",
}


def problem(content):
    with pytest.raises(SuiteError) as caught:
        parse(Text("s.toml", content))
    (only,) = caught.value.problems
    return only


def test_a_mistake_is_reported_where_it_is_with_a_fix(snapshot):
    messages = []
    for mistake, content in BROKEN.items():
        only = problem(content)
        where = only.location
        caret = " " * (where.column - 1) + "^" * where.width
        messages.append(
            f"# {mistake}\n{where.line}:{where.column}: {only.message}\n{where.source}\n{caret}\nhint: {only.hint}"
        )
    assert "\n\n".join(messages) == snapshot


def test_a_line_of_windows_ends_counts_as_one():
    assert problem("a = 1\r\nb = True\r\n").location.line == 2


def test_a_control_character_is_reported_with_its_position():
    only = problem('a = "x"\nb = "\x1b"')
    assert only.message == "a control character cannot stand here"
    assert (only.location.line, only.location.column) == (2, 6)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a = " + "[" * 400 + "]" * 400, "nested too deeply"),
        ("a = " + "[" * 40 + "]" * 40, "nested too deeply"),
        ("a." * 40 + "a = 1", "nested too deeply"),
        ("a = " + "9" * 5000, "cannot be read"),
    ],
    ids=["very deep", "deep", "a long dotted key", "an enormous number"],
)
def test_what_tomllib_cannot_take_is_a_problem_too(content, said):
    assert said in problem(content).message


@pytest.mark.parametrize(("word", "repeated"), [("x" * 40, "x" * 40), ("x" * 41, "x" * 37 + "...")])
def test_a_message_repeats_at_most_40_characters(word, repeated):
    assert problem(f"a = {word}").message == f"`{repeated}` is no TOML value"


@pytest.mark.parametrize(("levels", "fits"), [(31, True), (32, False)])
def test_tables_and_arrays_may_be_31_deep(levels, fits):
    content = "a = " + "[" * levels + "]" * levels
    if fits:
        assert parse(Text("s.toml", content))
    else:
        assert "nested too deeply" in problem(content).message


@given(st.text("ab1 .=\"'\\[]{},#\n\t-é", max_size=30))
def test_any_text_is_read_or_refused_as_tomllib_does(content):
    text = Text("s.toml", content)
    try:
        expected = tomllib.loads(content)
    except tomllib.TOMLDecodeError:
        where = problem(content).location
        assert 1 <= where.line <= content.count("\n") + 1
        assert 1 <= where.column <= len(where.source) + 1
    else:
        assert repr(parse(text)) == repr(expected)
