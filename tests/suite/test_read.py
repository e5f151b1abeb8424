"""Suite files are read with everything that can be wrong with a file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mqa_registry.errors import SuiteError
from mqa_registry.suite import plugin_names, read, render


def refused(path):
    with pytest.raises(SuiteError) as caught:
        read(path)
    (problem,) = caught.value.problems
    return render(problem)


def test_a_missing_file_is_reported_with_a_similar_name(folder):
    (folder / "suites").mkdir()
    (folder / "suites/nlp.toml").touch()
    assert refused("suites/npl.toml") == "there is no file `suites/npl.toml`\nhint: did you mean `suites/nlp.toml`?"


def test_it_may_be_in_the_folder_of_suites_and_is_never_the_project_s_own_file(folder):
    (folder / "suites").mkdir()
    (folder / "suites/nlp.toml").touch()
    (folder / "pyproject.toml").touch()
    assert refused("nlp.toml") == "there is no file `nlp.toml`\nhint: did you mean `suites/nlp.toml`?"
    assert refused("project.toml") == "there is no file `project.toml`"


def test_a_name_that_is_no_file_is_that_of_a_plugins_suite(folder):
    assert refused("acme/release") == (
        "there is no file `acme/release`, and no plugin `acme` is installed\n"
        "hint: `mqa suites` lists the suites of plugins"
    )
    assert refused("release") == (
        "there is no suite `release`\n"
        "hint: the name of a suite file ends in `.toml`, and that of a plugin's suite is `plugin/name`: `mqa suites` lists them"
    )


def test_a_file_may_have_any_name(folder):
    (folder / "suite.txt").write_text("format = 1", "utf-8")
    assert read("suite.txt").root.plain() == {"format": 1}


def test_a_folder_is_no_suite(folder):
    (folder / "suites").mkdir()
    assert refused("suites").startswith("`suites` is a folder, and a suite is a file")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="nothing is unreadable here")
def test_a_file_without_permission_is_reported(folder):
    (folder / "s.toml").touch(mode=0)
    assert refused("s.toml") == "`s.toml` cannot be read: Permission denied"


def test_a_path_that_can_be_none_is_refused(folder):
    assert "cannot be read" in refused("a\0b.toml")
    assert "cannot be read" in refused("x" * 300 + ".toml")


def test_text_that_is_not_utf8_is_reported_with_its_byte(folder):
    (folder / "s.toml").write_bytes('format = 1\r\nname = "é'.encode() + b'\xe9"\n')
    assert refused("s.toml") == (
        's.toml:2:10: byte 0xe9 is not UTF-8, and TOML is\n    name = "é�"\n             ^\nhint: save the file as UTF-8'
    )


def test_a_model_is_no_suite(folder):
    (folder / "model.onnx").write_bytes(b"a" * (5 * 1024 * 1024))
    assert (
        refused("model.onnx") == "`model.onnx` is an ONNX file, and a suite is TOML\nhint: is it a model or a data set?"
    )


def test_what_is_too_large_is_no_suite(folder):
    (folder / "large.toml").write_bytes(b"a" * (5 * 1024 * 1024))
    assert refused("large.toml") == "`large.toml` is too large to be a suite\nhint: is it a model or a data set?"


@pytest.mark.parametrize(("more", "fits"), [(0, True), (1, False)])
def test_a_suite_may_have_four_mebibytes(folder, more, fits):
    text = b"format = 1\n#"
    Path("suite.toml").write_bytes(text + b"x" * (4 * 1024 * 1024 - len(text) + more))
    if fits:
        assert read("suite.toml").root.plain() == {"format": 1}
    else:
        assert "too large to be a suite" in refused("suite.toml")


def test_a_byte_order_mark_and_windows_line_ends_are_fine(folder):
    (folder / "s.toml").write_bytes(b"\xef\xbb\xbfformat = 1\r\nname = 3\r\n")
    where = read("s.toml").root.tables["name"].at
    assert (where.line, where.column, where.source) == (2, 8, "name = 3")


def test_broken_toml_is_reported_with_its_position(folder):
    (folder / "s.toml").write_text("format = 1\ncritical = True\n", "utf-8")
    assert refused("s.toml") == (
        "s.toml:2:12: `True` is no TOML value\n    critical = True\n               ^^^^\nhint: write `true`"
    )


def test_a_whole_number_of_more_than_64_bits_is_refused(folder):
    (folder / "s.toml").write_text(f"seed = 0x{'f' * 9000}", "utf-8")
    assert "at most 64 bits" in refused("s.toml")


def test_an_empty_file_is_an_empty_suite(folder):
    (folder / "s.toml").touch()
    assert read("s.toml").root.plain() == {}


def test_the_plugins_of_a_suite_are_those_it_names(folder, head):
    checks = """
[[check]]
measure = "metrics/accuracy"
perturb = ["robustness/typos", { use = "emoji/shout" }]
by = { use = "fairness/column", name = "not/a-plugin" }

[[check]]
measure = { use = "parity/agreement" }
data = "no/plugin"
"""
    Path("s.toml").write_text(head + checks, "utf-8")
    named = {"transformers", "datasets", "onnxruntime", "metrics", "robustness", "emoji", "fairness", "parity"}
    assert plugin_names(read("s.toml")) == named


@pytest.mark.parametrize(
    "text",
    [
        "check = 3",
        "check = [3]",
        "[check]\na = 1",
        "model = []",
        "data = 1",
        "[data]\na = 1",
        "[[check]]\nmeasure = [[1]]",
    ],
)
def test_a_suite_of_the_wrong_shape_names_no_plugins(folder, text):
    Path("s.toml").write_text(text, "utf-8")
    assert plugin_names(read("s.toml")) == frozenset()


def test_a_task_may_come_from_another_plugin(folder):
    Path("s.toml").write_text('[model]\nuse = "a/b"\ntask = { use = "c/d" }\n', "utf-8")
    assert plugin_names(read("s.toml")) == {"a", "c"}
