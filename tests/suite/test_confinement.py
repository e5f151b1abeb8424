"""A confined suite reads nothing outside of its own folder, by whatever way it names it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mqa_registry.errors import SuiteError
from mqa_registry.suite import Overrides, read

SUITE = """\
format = 1
[model]
use = "transformers/auto"
id = "model"
task = "text-classification"
[data.reviews]
use = "datasets/file"
path = "reviews.csv"
[backends.torch]
use = "transformers/torch"
[[check]]
name = "swapped"
measure = "metrics/accuracy"
perturb = { use = "robustness/swap", lexicon = "words.txt" }
expect = { min = 0.8 }
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a suite and all it names, and a file beside that folder."""
    inside = tmp_path / "own"
    (inside / "model").mkdir(parents=True)
    for name in ("model/config.json", "reviews.csv", "words.txt"):
        (inside / name).write_text("x", "utf-8")
    (inside / "suite.toml").write_text(SUITE, "utf-8")
    (tmp_path / "secret.csv").write_text("x", "utf-8")
    (tmp_path / "base.toml").write_text("format = 1", "utf-8")
    monkeypatch.chdir(inside)
    return inside


def confined(*settings, path="suite.toml"):
    return read(path, Overrides(set=settings, confined=True))


def refused(*settings, path="suite.toml"):
    with pytest.raises(SuiteError) as caught:
        confined(*settings, path=path)
    return [problem.message for problem in caught.value.problems]


def test_what_lies_in_the_folder_is_read(folder):
    assert confined().root.plain() == read("suite.toml").root.plain()


@pytest.mark.parametrize(
    "key", ["model.id", "data.reviews.path", "check.swapped.perturb.lexicon", "data.reviews.other"]
)
@pytest.mark.parametrize("path", ["../secret.csv", "../not-there.csv", "/etc/hostname", "model/../../secret.csv"])
def test_a_path_that_leads_out_is_refused_there_or_not_whatever_option_names_it(folder, key, path):
    (said,) = refused(f'{key}="{path}"')
    assert said.startswith(f"`{path}` leads out of")


def test_every_path_that_leads_out_is_reported(folder):
    assert len(refused('model.id="../a"', 'data.reviews.path="../b"')) == 2


@pytest.mark.parametrize("name", ["reviews.csv", "model", "words.txt"])
def test_a_link_that_leads_out_is_refused(folder, name):
    path = folder / name
    if path.is_dir():
        (path / "config.json").unlink()
        path.rmdir()
    path.unlink(missing_ok=True)
    path.symlink_to(folder.parent / "secret.csv")
    (said,) = refused()
    assert said.startswith(f"`{name}` leads out of")


@pytest.mark.parametrize("name", ["weights.bin", "deep/er/weights.bin", "deep/folder"])
def test_a_link_in_a_folder_that_is_named_is_refused_too(folder, name):
    link = folder / "model" / name
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(folder.parent)
    (said,) = refused()
    assert "is a link that leads out of" in said


def test_links_within_the_folder_are_read(folder):
    (folder / "model/same.csv").symlink_to(folder / "reviews.csv")
    (folder / "data.csv").symlink_to("reviews.csv")
    confined('data.reviews.path="data.csv"')


@pytest.mark.parametrize("base", ["../base.toml", "/proc/self/environ"])
def test_a_suite_outside_is_not_extended(folder, base):
    Path("own.toml").write_text(f'extends = "{base}"', "utf-8")
    (said,) = refused(path="own.toml")
    assert said.startswith(f"`{base}` leads out of")


def test_a_suite_that_is_itself_a_link_out_is_refused(folder):
    Path("own.toml").symlink_to(folder.parent / "base.toml")
    (said,) = refused(path="own.toml")
    assert said.startswith("`own.toml` leads out of")


def test_what_is_no_path_is_left_alone(folder):
    confined(
        'name="a/b"', 'model.id="owner/name"', "data.reviews.format='a\\u0000b'", f'data.reviews.path="{"x" * 5000}"'
    )


def test_a_suite_is_free_unless_it_is_confined(folder):
    read("suite.toml", Overrides(set=('data.reviews.path="../secret.csv"',)))
