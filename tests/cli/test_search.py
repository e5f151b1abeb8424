"""`mqa search`: contributions of installed plugins, and entries of the index, which is a file of the repository."""

from __future__ import annotations

import json

import pytest

from mqa_registry.entry_points import DISTRIBUTION, list_entry_points, read_origin
from mqa_registry.errors import UsageError
from mqa_registry.plugins.index import INDEX, read_index
from tests.cli.conftest import Project

ENTRY = """
[[entry]]
name = "acme/toxicity"
kind = "suite"
distribution = "mqa-acme"
summary = "Does a model keep its temper?"
"""
CLAIM = """
[[entry]]
name = "metrics/temper"
kind = "metric"
distribution = "mqa-evil"
summary = "Temper, by other means."
"""


@pytest.fixture
def mqa(tmp_path):
    (tmp_path / "index.toml").write_text(f"format = 1\n{ENTRY}{CLAIM}")
    return Project(tmp_path).mqa


def test_what_is_installed_is_found_by_its_name_and_its_line(mqa):
    done = mqa("search", "typing", "words")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[0].split()[:2] == ["robustness/typos", "perturbation"]
    assert "pip install" not in done.out
    names = [line.split()[0] for line in mqa("search", "f1", "--kind", "metric").out.splitlines()]
    assert names[:1] == ["audio/speech-f1"]
    assert "metrics/f1" in names


def test_what_others_publish_is_found_with_the_command_that_installs_it(mqa):
    done = mqa("search", "TEMPER", "--index", "index.toml")
    assert done.out == "acme/toxicity  suite  Does a model keep its temper?  (pip install mqa-acme)\n"


def test_nobody_elses_entry_is_found_under_a_name_of_an_installed_plugin(mqa):
    assert "mqa-evil" not in mqa("search", "temper", "--index", "index.toml").out


def test_the_same_as_json(mqa, tmp_path):
    mqa("search", "temper", "--index", "index.toml", "--json", "found.json")
    assert json.loads((tmp_path / "found.json").read_text())["found"] == [
        {
            "name": "acme/toxicity", "kind": "suite", "distribution": "mqa-acme",
            "summary": "Does a model keep its temper?", "installed": False,
        }
    ]  # fmt: skip


def test_nothing_found_is_told_and_no_error(mqa):
    done = mqa("search", "no-such-word")
    assert (done.code, done.err) == (0, "note: nothing has `no-such-word`\n")


def test_a_kind_that_there_is_not_is_refused(mqa):
    done = mqa("search", "typos", "--kind", "perturbations")
    assert (done.code, done.err.splitlines()[1]) == (2, "hint: did you mean `perturbation`?")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('kind = "suite"', 'kind = "sweet"'), "entry 1: there is no kind `sweet`"),
        (('"acme/toxicity"', '"acme"'), "entry 1: `acme` names no suite"),
        (('"mqa-acme"', '"mqa-acme; rm -rf"'), "entry 1: `mqa-acme; rm -rf` is the name of no distribution"),
        (
            ("temper?", "temper\\u001b?"),
            "entry 1: it has `name`, `kind`, `distribution`, `summary`, each a line of text",
        ),
        (('kind = "suite"', ""), "entry 1: it has `name`"),
        (("temper?", "temper" * 30), "entry 1: its summary has more than 130 characters"),
        (("format = 1", "format = 2"), "is no index of format 1"),
        (("format = 1", "format = "), "is no index: "),
    ],
)
def test_an_index_that_is_wrong_is_refused_with_the_entry(tmp_path, change, message):
    path = tmp_path / "index.toml"
    path.write_text(f"format = 1\n{ENTRY}".replace(*change))
    with pytest.raises(UsageError) as caught:
        read_index(path)
    assert message in caught.value.message


def test_a_missing_index_is_told(mqa):
    assert mqa("search", "x", "--index", "none.toml").err.startswith("error: `none.toml` cannot be read: No such file")


def test_the_index_of_the_repository_is_right_and_takes_no_name_of_mqas_own():
    own = {
        name
        for name, points in list_entry_points("mqa").items()
        if any(read_origin(point)[0] == DISTRIBUTION for point in points)
    }
    entries = read_index(INDEX)
    names = [(entry.name, entry.kind) for entry in entries]
    assert len(set(names)) == len(names)
    assert not {entry.name.partition("/")[0] for entry in entries} & own
