"""A suite can be laid over another: tables key by key, checks name by name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mqa_registry.errors import SuiteError
from mqa_registry.suite import read, render, validate

BASE = """\
format = 1
seed = 7
[model]
use = "transformers/auto"
id = "my-model"
task = "text-classification"
[data.reviews]
use = "datasets/file"
path = "reviews.csv"
[backends.torch]
use = "transformers/torch"
[backends.onnx]
use = "onnxruntime/session"
[[check]]
measure = "metrics/accuracy"
expect = { min = 0.8, min_rows = 50 }
tags = ["quick"]
[[check]]
name = "typos"
measure = "metrics/f1"
perturb = { use = "robustness/typos", rate = 0.1 }
expect = { max_drop = 0.1 }
"""


@pytest.fixture
def laid(folder, catalog):
    """The suite of this text, laid over `base/base.toml`."""
    (folder / "base").mkdir()
    (folder / "base/base.toml").write_text(BASE, "utf-8")

    def make(text):
        Path("own.toml").write_text(f'extends = "base/base.toml"\n{text}', "utf-8")
        return validate(read("own.toml"), catalog)

    return make


@pytest.fixture
def refused(laid):
    def make(text):
        with pytest.raises(SuiteError) as caught:
            laid(text)
        return "\n".join(render(problem) for problem in caught.value.problems)

    return make


def test_a_suite_that_says_nothing_else_is_the_other(laid, catalog):
    own, base = laid(""), validate(read("base/base.toml"), catalog)
    assert own.checks == base.checks
    assert own.digest == base.digest
    assert (own.name, base.name) == ("own", "base")


def test_tables_merge_key_by_key(laid):
    made = laid(
        'seed = 8\n[model]\nid = "other"\n[backends.onnx]\nproviders = ["CPU"]\n[backends.fast]\nuse = "onnxruntime/session"'
    )
    assert made.seed == 8
    assert made.model.source.given == {"id": "other"}
    assert list(made.backends) == ["torch", "onnx", "fast"]
    assert made.backends["onnx"].given == {"providers": ["CPU"]}


def test_a_check_merges_into_the_inherited_one_of_its_name(laid):
    made = laid('[[check]]\nname = "typos"\nexpect = { max_drop = 0.05, min = 0.5 }\nperturb = { rate = 0.2 }')
    assert [one.name for one in made.checks] == ["metrics/accuracy", "typos"]
    typos = made.checks[1]
    assert typos.expect["value"].bounds() == {"min": 0.5, "max_drop": 0.05}
    assert typos.steps[0].perturb[0].options == {"rate": 0.2}


def test_a_check_without_a_name_merges_by_the_one_it_has_from_its_parts(laid):
    made = laid(
        '[[check]]\nmeasure = "metrics/accuracy"\nexpect = { min = 0.9 }\n[[check]]\nmeasure = "metrics/f1"\nexpect = { min = 0.7 }'
    )
    assert [one.name for one in made.checks] == ["metrics/accuracy", "typos", "metrics/f1"]
    first = made.checks[0]
    assert (first.expect["value"].min, first.expect["value"].min_rows, first.tags) == (0.9, 50, ("quick",))


def test_inherited_checks_can_be_dropped_by_name(laid):
    assert [one.name for one in laid('skip = ["metrics/accuracy"]').checks] == ["typos"]


def test_inherited_checks_can_be_dropped_by_the_names_that_reports_print(laid):
    assert [one.name for one in laid('skip = ["accuracy"]').checks] == ["typos"]


def test_paths_are_relative_to_the_file_they_stand_in(laid):
    made = laid('[data.more]\nuse = "datasets/file"\npath = "more.csv"')
    assert made.data["reviews"].source.options == {"path": Path("base/reviews.csv")}
    assert made.data["more"].source.options == {"path": Path("more.csv")}


def test_problems_point_into_the_file_they_stand_in(laid, folder, refused):
    base = folder / "base/base.toml"
    base.write_text(BASE.replace("rate = 0.1", "rate = 3"), "utf-8")
    said = refused("seed = true")
    assert "own.toml:2:8: `seed` must be" in said
    assert "base/base.toml:21:46: `rate` must be a number from 0 to 1, not 3" in said
    assert "rate" not in refused('seed = -1\n[[check]]\nname = "typos"\nperturb = { rate = 0.2 }')


def test_suites_can_be_laid_over_suites(laid, folder, catalog):
    laid("seed = 8")
    (folder / "base/top.toml").write_text('extends = "../own.toml"\nconfidence = 0.9', "utf-8")
    top = validate(read("base/top.toml"), catalog)
    assert (top.seed, top.confidence) == (8, 0.9)
    assert top.data["reviews"].source.options["path"].resolve() == folder / "base/reviews.csv"


def test_two_checks_of_one_name_are_not_merged_into_one(refused):
    twice = '[[check]]\nname = "typos"\ncritical = false\n'
    said = refused(twice + twice)
    assert "two checks have the name `typos`" in said
    assert "own.toml:6:8" in said or "own.toml:6:1" in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('skip = ["typo"]', 'own.toml:2:9: there is no inherited check the string "typo"'),
        ("skip = [3]", "own.toml:2:9: there is no inherited check 3"),
        ("skip = []", "own.toml:2:8: `skip` must be a non-empty array of names of checks"),
        ('skip = "typos"', "own.toml:2:8: `skip` must be a non-empty array of names of checks"),
    ],
)
def test_only_inherited_checks_can_be_dropped(refused, text, said):
    assert refused(text).startswith(said)


def read_refused(text, name="s.toml"):
    Path(name).write_text(text, "utf-8")
    with pytest.raises(SuiteError) as caught:
        read(name)
    (problem,) = caught.value.problems
    return render(problem)


def test_nothing_can_be_dropped_from_nothing(folder):
    assert read_refused('skip = ["a"]').startswith(
        "s.toml:1:1: `skip` drops inherited checks, and this suite extends none"
    )


def test_a_circle_of_extends_is_reported_with_all_its_files(folder):
    (folder / "a").mkdir()
    (folder / "a/one.toml").write_text('extends = "../two.toml"', "utf-8")
    Path("two.toml").write_text('extends = "./s.toml"', "utf-8")
    said = read_refused('extends = "a/one.toml"')
    assert said.startswith(
        "a/../two.toml:1:11: suites extend each other in a circle: `s.toml` -> `a/one.toml` -> `a/../two.toml` -> `a/../s.toml`"
    )


def test_a_suite_cannot_extend_itself(folder):
    assert "in a circle: `s.toml` -> `s.toml`" in read_refused('extends = "s.toml"')


@pytest.mark.parametrize(
    ("extends", "said"),
    [
        ('"missing.toml"', "s.toml:1:11: there is no file `missing.toml`"),
        ('"acme/release"', "s.toml:1:11: there is no file `acme/release`, and no plugin `acme`"),
        ('"."', "s.toml:1:11: `.` is a folder"),
        ("3", "s.toml:1:11: `extends` must be a string, the name of a suite file, not 3"),
        ('""', "s.toml:1:11: `extends` must be a string, the name of a suite file"),
        ('["a.toml"]', "s.toml:1:11: `extends` must be a string, the name of a suite file, not an array"),
    ],
)
def test_what_cannot_be_extended_is_reported_where_it_is_named(folder, extends, said):
    assert read_refused(f"extends = {extends}").startswith(said)


def test_broken_toml_is_reported_in_the_file_that_is_broken(folder):
    Path("base.toml").write_text("format = 1\na = True", "utf-8")
    assert read_refused('extends = "base.toml"').startswith("base.toml:2:5: `True` is no TOML value")


SECRETS = {
    "environment": b"TOKEN=hunter2\0HOME=/root\0",
    "passwords": b"root:hunter2:0:0:root:/root:/bin/sh\n",
    "other.toml": b'[registry]\ntoken = "hunter2"\n',
    "broken.toml": b"hunter2\n",
    "latin": b"hunter2 \xe9\n",
    "marked": b"\xef\xbb\xbfhunter2",
    "app.toml": b'[model]\nkey = "hunter2"\n[data.x]\nformat = "hunter2"\n',
}


@pytest.mark.parametrize("name", SECRETS)
def test_nothing_is_shown_of_a_file_that_is_no_suite(folder, name):
    Path(name).write_bytes(SECRETS[name])
    said = read_refused(f'extends = "{name}"')
    assert said.startswith(f"s.toml:1:11: `{name}` is no suite")
    assert "hunter2" not in said


@pytest.mark.skipif(not Path("/proc/self/environ").is_file(), reason="this system has no such file")
def test_nothing_is_shown_of_the_environment(folder, monkeypatch):
    said = read_refused('extends = "/proc/self/environ"')
    assert "`/proc/self/environ` is no suite" in said
    assert "PATH=" not in said


def test_a_pipe_is_not_waited_for(folder):
    os.mkfifo("pipe.toml")
    assert "`pipe.toml` is no file on disk" in read_refused('extends = "pipe.toml"')
