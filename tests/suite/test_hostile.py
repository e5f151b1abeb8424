"""Whatever a suite file holds, it is a suite or a list of problems, never anything else."""

from __future__ import annotations

import copy
import json
import tomllib
from contextlib import suppress
from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mqa_registry.errors import SuiteError
from mqa_registry.suite import Overrides, plugin_names, read, render, validate

CHECKS = """
[[check]]
measure = "metrics/accuracy"
expect = { min = 0.8 }

[[check]]
name = "all"
measure = { use = "metrics/f1", average = "macro" }
perturb = [{ use = "robustness/typos", rate = 0.1, severity = [1, 2] }, "robustness/upper"]
by = { use = "fairness/column", name = "domain" }
on = ["onnx", "torch"]
data = "reviews"
against = { backend = "torch", perturb = false, data = "reviews" }
expect = { min = 0, max = 1, max_drop = 0.1, max_rise = 0.1, max_gap = 0.1, min_ratio = 0.5, min_rows = 9 }
tags = ["a"]
critical = true
gate = "point"
"""

WORDS = (
    "use",
    "check",
    "measure",
    "expect",
    "severity",
    "metrics/f1",
    "robustness/typos",
    "emoji/x",
    "torch",
    "a/b",
    "",
    "é\n",
)
SCALAR = (
    st.sampled_from(WORDS)
    | st.booleans()
    | st.integers(-1, 99)
    | st.just(2**70)
    | st.floats()
    | st.just(date(2026, 11, 21))
    | st.text('/ab"\0\x1b[é', max_size=4)
)
VALUE = st.recursive(
    SCALAR,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=3),
    max_leaves=4,
)


def spelled(value):
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{json.dumps(key)} = {spelled(inner)}' for key, inner in value.items())} }}"
    if isinstance(value, list):
        return f"[{', '.join(spelled(item) for item in value)}]"
    return (
        value.isoformat()
        if isinstance(value, date)
        else json.dumps(value).replace("NaN", "nan").replace("Infinity", "inf")
    )


def key_paths(value, path=()):
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield from key_paths(each, (*path, key))


@st.composite
def damaged(draw, tables):
    """The tables with some values replaced, removed, or moved to another key."""
    tables = copy.deepcopy(tables)
    for _ in range(draw(st.integers(1, 3))):
        *path, last = draw(st.sampled_from([path for path in key_paths(tables) if path]))
        holder = tables
        for step in path:
            holder = holder[step]
        taken = holder.pop(last)
        change = draw(st.sampled_from(["replace", "remove", "rename"]))
        if change == "replace":
            taken = draw(VALUE)
        if change != "remove" and isinstance(holder, list):
            holder.insert(last, taken)
        elif change != "remove":
            holder[draw(st.sampled_from(WORDS)) if change == "rename" else last] = taken
    return tables


def outcome(make):
    """What is made, and the problems: one or the other."""
    try:
        return make(), ()
    except SuiteError as error:
        return None, error.problems


@pytest.fixture
def tables(head):
    return tomllib.loads(head + CHECKS)


@given(st.data())
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_suite_is_a_suite_or_a_list_of_problems(tables, folder, catalog, data):
    broken = data.draw(damaged(tables))
    text = "\n".join(f"{json.dumps(key)} = {spelled(value)}" for key, value in broken.items())
    (folder / "s.toml").write_text(text, "utf-8")
    choice = Overrides(set=data.draw(st.sampled_from([(), ("check.all.critical=false",), ("seed=1",)])), limit=3)
    with suppress(SuiteError):
        assert all(isinstance(name, str) for name in plugin_names(read("s.toml", choice)))
    suite, problems = outcome(lambda: validate(read("s.toml", choice), catalog))
    if suite:
        assert suite.checks
        assert suite.backends
        assert all(one.on and one.steps for one in suite.checks)
    for problem in problems:
        assert problem.location is not None
        assert all(line.isprintable() for line in render(problem).split("\n"))


@given(st.binary(max_size=40))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_a_suite_or_a_problem(folder, catalog, content):
    (folder / "s.toml").write_bytes(content)
    with pytest.raises(SuiteError) as caught:
        validate(read("s.toml"), catalog)
    assert all(render(problem) for problem in caught.value.problems)


@given(st.text(max_size=20), st.text("ab\"'.=[]{}\n é\x7f", max_size=12))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_setting_is_applied_or_reported(suite, one, other):
    made, problems = outcome(lambda: suite(CHECKS, overrides=Overrides(set=(one, other))))
    assert made or problems
    assert all(render(problem) for problem in problems)
