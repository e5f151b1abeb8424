"""The JSON Schema lets through what the check lets through, and an editor can tell the rest."""

from __future__ import annotations

import json
import re
import tomllib
from datetime import date

import pytest

from mqa_registry.plugins import Catalog, load_all
from mqa_registry.suite import json_schema

GOOD = """
name = "mine"
gate = "point"
interval = "wilson"
max_lost = 0.01

[data.more]
use = "datasets/file"
path = "x"
columns = { text = "review" }
sample = 3

[[check]]
measure = "metrics/accuracy"
expect = { min = 0.8 }

[[check]]
measure = { use = "metrics/f1", average = "micro" }
perturb = [{ use = "robustness/typos", rate = 0.1, severity = [1, 2] }, "robustness/upper"]
by = { use = "fairness/column", name = "domain" }
against = { perturb = false }
on = ["onnx"]
expect = { max_drop = 0.1, min_rows = 5 }
tags = ["a"]
critical = false
interval = "jeffreys"
max_lost = 3

[[waiver]]
check = "metrics/accuracy"
until = 2027-01-31
reason = "ticket 7"
"""

CHECK = '[[check]]\nmeasure = "metrics/accuracy"\nexpect = { min = 0.8 }\n'

BAD = {
    "no check": "",
    "an unknown key": f"fromat = 1\n{CHECK}",
    "a wrong format": CHECK,
    "a low confidence without a reason": f"confidence = 0.7\n{CHECK}",
    "a wrong confidence": f"confidence = 95\n{CHECK}",
    "an unknown interval": f'interval = "wald"\n{CHECK}',
    "an unknown interval of a check": f'{CHECK}interval = "bca"\n',
    "a share of lost rows in per cent": f"max_lost = 1.5\n{CHECK}",
    "no measure": CHECK.replace("measure", "mesure"),
    "an unknown measure": CHECK.replace("accuracy", "acuracy"),
    "a measure of the wrong kind": CHECK.replace("metrics/accuracy", "fairness/length"),
    "an option that is required": CHECK + 'by = "fairness/column"\n',
    "an unknown option": CHECK.replace('"metrics/accuracy"', '{ use = "metrics/f1", averge = "micro" }'),
    "a wrong choice": CHECK.replace('"metrics/accuracy"', '{ use = "metrics/f1", average = "mikro" }'),
    "a severity out of range": f'{CHECK}perturb = {{ use = "robustness/typos", severity = [1, 9] }}\n',
    "an unknown bound": CHECK.replace("min", "mn"),
    "a bound that is no number": CHECK.replace("0.8", '"0.8"'),
    "a backend without use": f"[backends.fast]\ndtype = 3\n{CHECK}",
    "a data set's wrong option": f'[data.more]\nuse = "datasets/file"\npath = 3\n{CHECK}',
    "a waiver without a reason": f"{CHECK}[[waiver]]\ncheck = 'metrics/accuracy'\nuntil = 2027-01-31\n",
    "a waiver until 3": f"{CHECK}[[waiver]]\ncheck = 'metrics/accuracy'\nuntil = 3\nreason = 'x'\n",
    "against perturbed rows": f"{CHECK}against = {{ perturb = true }}\n",
    "against an earlier run": f'{CHECK}against = {{ run = "release-1.2" }}\n',
    "a perturbation that is a number": f"{CHECK}perturb = 3\n",
    "an unknown perturbation among others": f'{CHECK}perturb = ["robustness/upper", "robustness/typso"]\n',
    "a reference without use": CHECK.replace('"metrics/accuracy"', '{ average = "micro" }'),
    "an unknown data set source": f'[data.more]\nuse = "datasets/fiel"\npath = "x"\n{CHECK}',
}

TYPES = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str | date),  # editors take a date of TOML for a string of that format
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
}

ANNOTATIONS = {"$schema", "$defs", "title", "description", "default", "format"}


def fits(value, schema, root):
    """Whether a value fits a schema: the part of JSON Schema that is used here, and KeyError for any other."""
    if isinstance(schema, bool):
        return schema
    # The type first: the other words may make no sense for a value of another type.
    words = sorted(schema.keys() - ANNOTATIONS, key=lambda word: word != "type")
    return all(RULES[word](value, schema, root) for word in words)


def under(value, kind):
    return value if isinstance(value, kind) else kind()


def rest(value, schema):
    return {key: each for key, each in under(value, dict).items() if key not in schema.get("properties", {})}


def typed(value, kinds):
    return any(TYPES[kind](value) for kind in ([kinds] if isinstance(kinds, str) else kinds))


def chosen(value, schema, root):
    branch = "then" if fits(value, schema["if"], root) else "else"
    return fits(value, schema.get(branch, True), root)


RULES = {
    "type": lambda value, schema, root: typed(value, schema["type"]),
    "const": lambda value, schema, root: value == schema["const"] and type(value) is type(schema["const"]),
    "enum": lambda value, schema, root: value in schema["enum"],
    "minimum": lambda value, schema, root: value >= schema["minimum"],
    "maximum": lambda value, schema, root: value <= schema["maximum"],
    "exclusiveMinimum": lambda value, schema, root: value > schema["exclusiveMinimum"],
    "exclusiveMaximum": lambda value, schema, root: value < schema["exclusiveMaximum"],
    "minLength": lambda value, schema, root: len(value) >= schema["minLength"],
    "minItems": lambda value, schema, root: len(value) >= schema["minItems"],
    "minProperties": lambda value, schema, root: len(value) >= schema["minProperties"],
    "required": lambda value, schema, root: set(schema["required"]) <= set(under(value, dict)),
    "properties": lambda value, schema, root: all(
        fits(value[key], each, root) for key, each in schema["properties"].items() if key in under(value, dict)
    ),
    "additionalProperties": lambda value, schema, root: all(
        fits(each, schema["additionalProperties"], root) for each in rest(value, schema).values()
    ),
    "items": lambda value, schema, root: all(fits(each, schema["items"], root) for each in under(value, list)),
    "anyOf": lambda value, schema, root: any(fits(value, each, root) for each in schema["anyOf"]),
    "allOf": lambda value, schema, root: all(fits(value, each, root) for each in schema["allOf"]),
    "$ref": lambda value, schema, root: fits(value, root["$defs"][schema["$ref"].removeprefix("#/$defs/")], root),
    "if": chosen,
    "then": lambda value, schema, root: True,
    "else": lambda value, schema, root: True,
}


@pytest.fixture
def schema(catalog):
    return json_schema(catalog)


def accepted(schema, text):
    # A type that does not fit makes a comparison of the mini validator fail: that, too, is a refusal.
    try:
        return fits(tomllib.loads(text), schema, schema)
    except TypeError:
        return False


def test_a_good_suite_fits(schema, head, suite):
    top, _, tables = head.partition("\n")
    name, _, rest = GOOD.partition("[data")
    text = f"{top}\n{name}\n{tables}\n[data{rest}"
    assert suite(text=text)
    assert accepted(schema, text)


@pytest.mark.parametrize("mistake", BAD)
def test_a_bad_suite_does_not(schema, head, problems, mistake):
    lines = BAD[mistake]
    top = re.match(r"(?:(?!\[).*\n)*", lines).group()
    text = f"{top}{head}{lines[len(top) :]}"
    text = text.replace("format = 1", "format = 2") if mistake == "a wrong format" else text
    assert problems(text=text)
    assert not accepted(schema, text)
    assert accepted(schema, f"{head}{CHECK}")


def test_a_task_with_options_may_be_named_without_its_plugin(schema):
    task = 'task = { use = "text-classification", max_length = 9 }'
    text = f'extends = "base.toml"\n[model]\nuse = "transformers/auto"\nid = "x"\n{task}\n'
    assert accepted(schema, text)
    assert not accepted(schema, text.replace("max_length = 9", 'max_length = "nine"'))
    assert not accepted(schema, text.replace("text-classification", "text-classifying"))


def test_a_suite_that_extends_another_may_leave_out_what_that_has(schema):
    text = 'extends = "base.toml"\n[model]\nid = "x"\n[[check]]\nname = "typos"\nexpect = { min = 0.7 }\n'
    assert accepted(schema, text)
    assert not accepted(schema, text.replace("extends", "name"))
    assert not accepted(schema, text.replace("min", "mn"))


def test_options_come_with_their_help_range_and_default(schema):
    tables = schema["$defs"]["perturbation"]["else"]["allOf"]
    (typos,) = [each["then"] for each in tables if each["then"]["title"] == "robustness/typos"]
    assert typos["description"] == "Slips of the keyboard. `rate` is the share of the characters."
    assert typos["properties"]["use"] == {"const": "robustness/typos"}
    assert typos["properties"]["rate"] == {
        "type": "number",
        "minimum": 0,
        "maximum": 1,
        "default": 0.05,
        "description": "`rate` is the share of the characters",
    }
    severity = typos["properties"]["severity"]
    assert (severity["then"]["type"], severity["else"]["type"]) == ("array", "integer")


def test_without_plugins_any_reference_will_do(head):
    schema = json_schema(Catalog({}))
    assert accepted(schema, f"{head}{CHECK}")
    assert not accepted(schema, f"{head}{CHECK}".replace('"metrics/accuracy"', "3"))


def test_it_is_json(schema):
    assert json.loads(json.dumps(schema)) == schema


def parts(schema):
    """A schema and every schema in it."""
    if isinstance(schema, dict):
        yield schema
    for each in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from parts(each)


def test_the_schema_has_no_any_of_and_no_one_of(schema):
    assert not [part for part in parts(schema) if isinstance(part.get("anyOf"), list)]
    assert not [part for part in parts(schema) if isinstance(part.get("oneOf"), list)]


def test_every_part_of_a_table_says_whether_further_keys_may_stand_in_it(schema):
    tables = [part for part in parts(schema) if isinstance(part.get("properties"), dict) and "$schema" not in part]
    assert all("additionalProperties" in part for part in tables if not isinstance(part["properties"].get("type"), str))


@pytest.mark.parametrize("mistake", sorted(set(BAD) - {"no check", "a wrong format"}))
def test_a_validator_has_one_message_for_a_fault(schema, head, mistake):
    jsonschema = pytest.importorskip("jsonschema")
    lines = BAD[mistake]
    top = re.match(r"(?:(?!\[).*\n)*", lines).group()
    suite = json.loads(json.dumps(tomllib.loads(f"{top}{head}{lines[len(top) :]}"), default=str))
    messages = [error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(suite)]
    assert len(messages) == (2 if mistake == "no measure" else 1), messages


FAULTY = """\
format = "one"
sead = 7
confidence = 95
interval = 3
[model]
use = "transformers/auto"
id = 3
task = "text-classification"
revison = "x"
[data.reviews]
use = "datasets/flie"
path = "x"
[data.other]
use = "datasets/file"
path = "x"
format = 1
limit = "ten"
[backends.torch]
use = "transformers/torhc"
[[check]]
measure = { use = "metrics/f1", avrage = "macro" }
perturb = { use = "robustness/typos", rate = "much" }
by = 3
expect = { min = "high" }
[[check]]
measure = "metrics/acuracy"
on = "torch"
against = { run = "x" }
expect = { min = 0.9 }
"""


def test_fifteen_faults_and_more_at_once_are_one_message_each():
    jsonschema = pytest.importorskip("jsonschema")
    errors = list(jsonschema.Draft202012Validator(json_schema(load_all())).iter_errors(tomllib.loads(FAULTY)))
    paths = sorted(".".join(map(str, error.absolute_path)) for error in errors)
    assert paths == sorted(
        [
            "", "format", "confidence", "interval", "model", "model.id", "data.reviews.use", "data.other.format",
            "data.other.limit", "backends.torch.use", "check.0.measure", "check.0.perturb.rate", "check.0.by",
            "check.0.expect.min", "check.1.measure", "check.1.on", "check.1.against",
        ]
    )  # fmt: skip
