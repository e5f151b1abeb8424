"""What a suite gives against what a signature asks for."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from annotated_types import Ge, Le, MinLen
from hypothesis import given
from hypothesis import strategies as st

from mqa_registry.options import json_schema, read_options, validate


def everything(
    *,
    text: str = "",
    count: int = 0,
    share: Annotated[float, Ge(0), Le(1)] = 0.5,
    number: float = 0.0,
    flag: bool = False,
    average: Literal["macro", "micro"] = "macro",
    level: Literal[1, 2] = 1,
    names: Annotated[list[str], MinLen(1)] | None = None,
    several: tuple[int, ...] = (),
    columns: dict[str, str] | None = None,
    device: int | Literal["auto"] = "auto",
    path: Path | None = None,
    paths: list[Path] | None = None,
    location: str | Path = "",
) -> None:
    """`share` is the share of the rows."""


OPTIONS = read_options(everything)


def check(**given):
    return validate(OPTIONS, given, owner="`metrics/f1`")


def fault(**given):
    (only,) = check(**given).faults
    return only


def message_and_hint(**given):
    only = fault(**given)
    return only.message, only.hint


def test_what_is_given_comes_back_and_defaults_stay_with_the_function():
    assert check(text="a", count=3).values == {"text": "a", "count": 3}
    assert check().values == {}


def test_values_come_in_the_order_of_the_signature():
    assert list(check(columns={}, text="a", flag=True).values) == ["text", "flag", "columns"]


def test_a_whole_number_will_do_for_a_number():
    value = check(share=1).values["share"]
    assert (value, type(value)) == (1.0, float)


def test_arrays_become_what_the_function_asks_for():
    assert check(names=["a"], several=[1, 2]).values == {"names": ["a"], "several": (1, 2)}


@pytest.mark.parametrize(
    ("given", "message", "hint"),
    [
        ({"text": 3}, "`text` must be a string, not 3", 'put it in quotes: `"3"`'),
        ({"count": True}, "`count` must be a whole number, not true", ""),
        ({"count": 2.0}, "`count` must be a whole number, not 2.0", "write `2`"),
        ({"count": "2"}, '`count` must be a whole number, not the string "2"', "write it without quotes"),
        ({"share": 1.5}, "`share` must be a number from 0 to 1, not 1.5", ""),
        ({"share": "0.5"}, '`share` must be a number from 0 to 1, not the string "0.5"', "write it without quotes"),
        ({"share": 5}, "`share` must be a number from 0 to 1, not 5", "not in per cent: did you mean `0.05`?"),
        ({"number": True}, "`number` must be a number, not true", ""),
        ({"number": math.nan}, "`number` must be a number, not nan", "give a finite number"),
        ({"number": math.inf}, "`number` must be a number, not inf", "give a finite number"),
        ({"flag": "true"}, '`flag` must be true or false, not the string "true"', "write `true` without quotes"),
        ({"flag": 1}, "`flag` must be true or false, not 1", ""),
        (
            {"average": "macr"},
            '`average` must be "macro" or "micro", not the string "macr"',
            "did you mean `macro` or `micro`?",
        ),
        ({"level": True}, "`level` must be 1 or 2, not true", ""),
        ({"level": 1.0}, "`level` must be 1 or 2, not 1.0", ""),
        ({"names": "a"}, '`names` must be a non-empty array of strings, not the string "a"', 'write `["a"]`'),
        ({"names": []}, "`names` must be a non-empty array of strings, not []", ""),
        ({"several": 3}, "`several` must be an array of whole numbers, not 3", "write `[3]`"),
        ({"several": {"a": 1}}, "`several` must be an array of whole numbers, not a table", ""),
        ({"columns": ["a"]}, "`columns` must be a table of strings, not an array", ""),
        ({"device": "gpu"}, '`device` must be a whole number or "auto", not the string "gpu"', ""),
        ({"device": [1]}, '`device` must be a whole number or "auto", not an array', ""),
        ({"path": 3}, "`path` must be a path, not 3", 'put it in quotes: `"3"`'),
        ({"path": ""}, '`path` must be a path, not the string ""', "it must not be empty"),
        ({"path": "a\0b"}, '`path` must be a path, not the string "a\\u0000b"', ""),
        ({"location": ""}, '`location` must be a string or a path, not the string ""', "it must not be empty"),
    ],
    ids=str,
)
def test_a_value_that_does_not_fit_is_described_in_the_words_of_toml(given, message, hint):
    assert message_and_hint(**given) == (message, hint)


@pytest.mark.parametrize(("length", "repeated"), [(58, f'"{"x" * 58}"'), (59, f'"{"x" * 56}...')])
def test_a_message_repeats_at_most_60_characters_of_a_value(length, repeated):
    assert message_and_hint(count="x" * length)[0] == f"`count` must be a whole number, not the string {repeated}"


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        (2, "not in per cent: did you mean `0.02`?"),
        (100, "not in per cent: did you mean `1.0`?"),
        (101, ""),
        (-1, ""),
    ],
)
def test_a_share_above_1_was_meant_in_per_cent(value, hint):
    assert message_and_hint(share=value)[1] == hint


@pytest.mark.parametrize(
    ("value", "hint"), [(2.0, "write `2`"), (2.5, ""), (2.0**52, f"write `{2**52}`"), (2.0**53, "")]
)
def test_a_number_that_is_whole_can_be_written_as_one(value, hint):
    assert message_and_hint(count=value)[1] == hint


def test_a_fault_inside_a_value_points_at_it():
    names, columns = fault(names=["a", 2]), fault(columns={"text": 3})
    assert (names.path, names.message) == (("names", 1), "item 2 of `names` must be a string, not 2")
    assert (columns.path, columns.message) == (("columns", "text"), "`columns.text` must be a string, not 3")


def test_every_fault_is_reported_at_once():
    assert [fault.path for fault in check(text=1, count="a", names=[1, 2]).faults] == [
        ("text",),
        ("count",),
        ("names", 0),
        ("names", 1),
    ]


def test_an_unknown_option_is_reported_with_a_similar_one():
    only = fault(avrage="macro")
    assert only.message == "`metrics/f1` has no option `avrage`"
    assert only.hint == "did you mean `average`?"
    assert only.at_key


def test_an_unknown_option_like_no_other_is_reported_with_all_options():
    assert fault(zzz=1).hint.startswith("its options are `text`, `count`")
    (only,) = validate(read_options(lambda: None), {"a": 1}, owner="`x/y`").faults
    assert only.hint == "it has no options"


def test_an_unknown_option_may_have_meant_a_key_of_the_host():
    (only,) = validate(OPTIONS, {"limt": 3}, owner="`datasets/file`", also=("limit",)).faults
    assert only.hint == "did you mean `limit`?"


def test_a_missing_required_option_is_reported_with_its_type():
    def f(*, rate: Annotated[float, Ge(0)], word: str): ...

    (only,) = validate(read_options(f), {"word": "a"}, owner="`x/y`").faults
    assert only.path == ()
    assert only.message == "`x/y` needs the option `rate`"
    assert only.hint == "`rate` is a number of at least 0"


def test_a_misspelt_required_option_is_reported_once():
    def f(*, average: str): ...

    (only,) = validate(read_options(f), {"averge": "a"}, owner="`x/y`").faults
    assert only.message == "`x/y` has no option `averge`"


def test_paths_are_relative_to_the_folder_of_their_file(tmp_path):
    bases = {"path": tmp_path, "paths": Path("/elsewhere")}
    values = validate(OPTIONS, {"path": "a/b.csv", "paths": ["c", "/d"]}, owner="x", bases=bases).values
    assert values == {"path": tmp_path / "a/b.csv", "paths": [Path("/elsewhere/c"), Path("/d")]}


def test_a_string_or_path_is_a_path_where_something_is_there(tmp_path):
    (tmp_path / "model").mkdir()

    def read(value):
        return validate(OPTIONS, {"location": value}, owner="x", bases={"location": tmp_path}).values["location"]

    assert read("model") == tmp_path / "model"
    assert read("org/model") == "org/model"
    assert read("x" * 5000) == "x" * 5000


def test_options_may_have_any_name():
    def f(*, schema: str = "", json: int = 0, model_id: str = "", copy: bool = False, _private: str = ""): ...

    names = {"schema": "a", "json": 1, "model_id": "b", "copy": True, "_private": "c"}
    assert validate(read_options(f), names, owner="x").values == names


TEXT = st.text("ab1.\0\n€ ", max_size=4)
TOML = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | TEXT | st.dates() | st.datetimes(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from([*OPTIONS.names, "other"]), TOML, max_size=4))
def test_any_value_is_valid_or_reported_with_its_location(given):
    valid = check(**given)
    assert bool(valid.faults) != (set(valid.values) == set(given))
    for one in valid.faults:
        value: Any = given
        for step in one.path:
            value = value[step]
        assert "\n" not in one.message + one.hint


def test_the_json_schema_says_the_same_as_validation():
    schema = json_schema(OPTIONS)
    assert schema["additionalProperties"] is False
    assert schema["required"] == []
    assert schema["properties"]["share"] == {
        "type": "number",
        "minimum": 0,
        "maximum": 1,
        "default": 0.5,
        "description": "`share` is the share of the rows",
    }
    assert schema["properties"]["average"] == {"enum": ["macro", "micro"], "default": "macro"}
    assert schema["properties"]["names"] == {"type": "array", "items": {"type": "string"}, "minItems": 1}
    assert schema["properties"]["location"] == {"type": "string", "default": ""}
