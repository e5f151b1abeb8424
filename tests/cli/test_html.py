"""`--html FILE` of the commands that have a report: one page, written whole, of what the report says."""

from __future__ import annotations

import re

import pytest

CHECK = '[[check]]\nmeasure = "metrics/accuracy"\nexpect = { min = 0.95 }\n'


def texts(page):
    """The words of a page, without markup, style and script."""
    page = re.sub(r"<(style|script)\b.*?</\1>", " ", page, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


@pytest.fixture(name="page")
def _page(project):
    project.write(CHECK)
    assert project.run("--html", "report.html").code == 1
    return project.folder / "report.html"


def test_a_run_writes_it(page):
    text = texts(page.read_text("utf-8"))
    assert text.startswith("FAIL: replayed Skip to the checks ✗ FAIL replayed The model is not good enough")
    assert "Confusion matrix on old: targets down, predictions across Target negative positive Rows" in text
    assert "mqa run suite.toml runs it again" in text


def test_a_kept_run_and_a_new_judgement_write_the_same_page_again(page, project):
    first = texts(page.read_text("utf-8"))
    seconds = re.compile(r"\d+\.\d s\.")
    for command in ("report", "judge"):
        assert project.mqa(command, "last", "--html", "again.html").code == 1
        again = texts((project.folder / "again.html").read_text("utf-8"))
        assert seconds.sub("", again) == seconds.sub("", first)


def test_without_examples_it_has_ids_and_no_text_of_a_row(page, project):
    assert "text number" in page.read_text("utf-8")
    assert project.run("--html", "report.html", "--no-examples").code == 1
    content = page.read_text("utf-8")
    assert "text number" not in content
    assert re.search(r"\brow-\d+\b", content)


def test_a_file_that_is_no_page_of_mqa_is_replaced_by_force_alone(page, project):
    assert project.run("--html", "report.html").code == 1
    page.write_text("<!DOCTYPE html><title>mine</title>", "utf-8")
    assert project.run("--html", "report.html").code == 2
    assert "mine" in page.read_text("utf-8")
    assert project.run("--html", "report.html", "--force").code == 1


def test_a_dash_writes_it_to_standard_output(page, project):
    done = project.run("--html", "-")
    assert done.out.startswith("<!DOCTYPE html>")
    assert texts(done.out).startswith("FAIL: replayed")
    assert "FAIL" in done.err
