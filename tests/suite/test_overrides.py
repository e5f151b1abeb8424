"""What the command line changes in a suite."""

from __future__ import annotations

from pathlib import Path

import pytest

from mqa_registry.suite import Overrides

CHECKS = """
[[check]]
measure = "metrics/accuracy"
expect = { min = 0.8 }
tags = ["quick"]

[[check]]
name = "typos"
measure = "metrics/f1"
perturb = "robustness/typos"
on = ["onnx"]
expect = { max_drop = 0.1 }

[[check]]
name = "parity"
measure = "parity/agreement"
expect = { min = 0.9 }
tags = ["quick"]
"""


@pytest.fixture
def changed(suite):
    return lambda *settings, **others: suite(CHECKS, overrides=Overrides(set=settings, **others))


@pytest.fixture
def refused(problems):
    return lambda *settings, **others: problems(CHECKS, overrides=Overrides(set=settings, **others))


def names(suite):
    return [one.name for one in suite.checks]


def test_a_key_is_set_by_its_dotted_path(changed):
    made = changed("seed=3", 'name = "mine"', "backends.torch.dtype=float16", "data.reviews.columns.text=review")
    assert (made.seed, made.name) == (3, "mine")
    assert made.backends["torch"].options == {"dtype": "float16"}
    assert made.data["reviews"].columns == {"text": "review"}


def test_a_value_that_is_no_toml_is_a_string_as_it_stands(changed, folder):
    (folder / "model with = and 'quotes\"").mkdir()
    setting = "model.id=model with = and 'quotes\""
    assert changed(setting).model.source.options == {"id": Path("model with = and 'quotes\"")}
    assert changed("model.id=org/model\x7f").model.source.options == {"id": "org/model\x7f"}


def test_paths_are_relative_to_the_current_folder(changed):
    assert changed("data.reviews.path=more.csv").data["reviews"].source.options == {"path": Path("more.csv")}


def test_tables_and_arrays_can_be_set(changed):
    assert changed('backends.onnx.providers=["CPU"]').backends["onnx"].given == {"providers": ["CPU"]}
    made = changed('backends.fast={ use = "onnxruntime/session" }')
    assert list(made.backends) == ["torch", "onnx", "fast"]


def test_a_key_of_a_check_is_set_by_the_checks_name(changed):
    made = changed('check."metrics/accuracy".expect.min=0.9', "check.typos.critical=false")
    assert made.checks[0].expect["value"].min == 0.9
    assert made.checks[1].critical is False
    assert len(made.checks) == 3


def test_a_key_of_a_check_is_set_by_the_name_that_reports_show(changed):
    made = changed("check.accuracy.expect.min=0.9", "check.typos.critical=false")
    assert made.checks[0].name == "metrics/accuracy"
    assert made.checks[0].expect["value"].min == 0.9
    assert len(made.checks) == 3


def test_later_settings_win(changed):
    assert changed("seed=3", "seed=4").seed == 4


@pytest.mark.parametrize(
    "setting",
    [
        "seed",
        "=3",
        "seed=x",
        "seed=",
        "sed=3",
        "a b=3",
        "seed=1\nname='x'",
        "extends=base.toml",
        "skip=['typos']",
        "check.typo.critical=false",
        "check.typos=3",
        "check={ typo = { critical = false }, typos = { critical = false } }",
        "model=3",
        "model.id.x=3",
        "backends.torch.dtype=float15",
        "data.reviews.limit=0",
    ],
)
def test_what_cannot_be_set_is_reported(refused, setting, snapshot):
    assert refused(setting) == snapshot


def test_checks_are_chosen_by_name_or_tag(changed):
    assert names(changed(only=("quick",))) == ["metrics/accuracy", "parity"]
    assert names(changed(only=("typos",))) == ["typos"]
    assert names(changed(only=("typos", "quick"))) == ["metrics/accuracy", "typos", "parity"]


@pytest.mark.parametrize("word", ["typ", "TYPOS", "yp"])
def test_a_part_of_one_name_alone_will_do(changed, word):
    assert names(changed(only=(word,))) == ["typos"]


MADE = """
[[check]]
measure = { use = "metrics/f1", average = "macro" }
expect = { min = 0.8 }

[[check]]
measure = { use = "metrics/f1", average = "macro" }
perturb = ["robustness/typos", "robustness/upper"]
expect = { max_drop = 0.1 }

[[check]]
measure = "metrics/accuracy"
by = "fairness/length"
expect = { max_gap = 0.1 }
tags = ["macro"]
"""


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("f1 macro", "metrics/f1"),
        ("f1 macro / typos + upper", "metrics/f1 / robustness/typos + robustness/upper"),
        ("typos + upper", "metrics/f1 / robustness/typos + robustness/upper"),
        ("accuracy / length", "metrics/accuracy / fairness/length"),
        ("fairness/len", "metrics/accuracy / fairness/length"),
        ("macro", "metrics/accuracy / fairness/length"),
    ],
)
def test_a_check_is_chosen_by_the_name_that_the_report_shows(suite, word, meant):
    assert names(suite(MADE, overrides=Overrides(only=(word,)))) == [meant]


def test_a_part_of_several_names_chooses_none_of_them(problems, snapshot):
    assert problems(MADE, overrides=Overrides(only=("f1",))) == snapshot


@pytest.mark.parametrize(("checks", "rest"), [(5, ""), (6, " and 1 more"), (8, " and 3 more")])
def test_a_hint_lists_five_names_and_counts_the_others(problems, checks, rest):
    text = "".join(
        f'[[check]]\nname = "typos {number}"\nmeasure = "metrics/accuracy"\nexpect = {{ min = 0.8 }}\n'
        for number in range(checks)
    )
    names = ", ".join(f"`typos {number}`" for number in range(5))
    assert problems(text, overrides=Overrides(only=("typo",))).endswith(f"hint: write one of {names}{rest}")


def test_backends_that_no_chosen_check_needs_are_left_out(changed):
    assert list(changed(only=("typos",)).backends) == ["onnx"]
    assert list(changed(only=("parity",)).backends) == ["torch", "onnx"]


def test_one_backend_is_kept_and_the_reference_where_it_is_needed(changed):
    made = changed(backends=("onnx",))
    assert {one.name: one.on for one in made.checks} == {
        "metrics/accuracy": ("onnx",),
        "typos": ("onnx",),
        "parity": ("onnx",),
    }
    assert list(made.backends) == ["torch", "onnx"]
    assert list(changed(backends=("onnx",), only=("metrics/accuracy",)).backends) == ["onnx"]


def test_a_drop_without_a_perturbation_needs_the_reference(suite):
    checks = '[[check]]\nmeasure = "metrics/accuracy"\nexpect = { max_drop = 0.1 }\n'
    assert list(suite(checks, overrides=Overrides(backends=("onnx",))).backends) == ["torch", "onnx"]


def test_a_backend_named_by_against_is_kept(suite):
    checks = '[[check]]\nmeasure = "parity/agreement"\non = ["torch"]\nagainst = { backend = "onnx" }\nexpect = { min = 0 }\n'
    assert list(suite(checks, overrides=Overrides(backends=("torch",))).backends) == ["torch", "onnx"]


def test_checks_that_run_elsewhere_are_left_out(changed):
    assert names(changed(backends=("torch",))) == ["metrics/accuracy", "parity"]


def test_a_limit_holds_for_every_data_set_and_raises_none(changed):
    assert changed(limit=10).data["reviews"].limit == 10
    assert changed("data.reviews.limit=5", limit=10).data["reviews"].limit == 5


@pytest.mark.parametrize(
    "overrides",
    [
        {"only": ("tpyos",)},
        {"only": ("",)},
        {"only": ("zzz", "quick")},
        {"backends": ("onx",)},
        {"backends": ("torch",), "only": ("typos",)},
        {"limit": 0},
    ],
    ids=str,
)
def test_a_selection_that_leaves_nothing_is_reported(refused, overrides, snapshot):
    assert refused(**overrides) == snapshot


def test_an_invalid_check_is_reported_even_where_it_is_not_selected(problems):
    checks = CHECKS.replace('"robustness/typos"', '"robustness/typo"')
    assert "robustness/typos" in problems(checks, overrides=Overrides(only=("quick",)))
