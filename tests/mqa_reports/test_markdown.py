"""Markdown of a report, as a comment on a pull request shows it: rendered by a library, and read as HTML."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from mqa_registry import Verdict
from mqa_registry.contributions import ExampleRow
from mqa_registry.judging.result import RunComparison
from mqa_registry.judging.waivers import AppliedWaiver, WaiverState
from mqa_registry.observations import ViewLoss
from mqa_registry.reports import without_examples
from mqa_reports import MARKDOWN
from mqa_reports.markdown import MAX_BYTES, code, prose, render_markdown
from tests.reports.conftest import DOMAINS, FLIP, demo, finished, perturbed, result, sliced, step

NOTE = "value is 0.740 [0.728, 0.752], below 0.78; about 1,157 rows would settle it"
HOSTILE = [
    "a | b", r"a \| b", r"a\\| b", "`x`", "``", "`", "<script>alert(1)</script>", "<!-- x", "@octocat", "see #123",
    "owner/repo#1", "GH-12", "https://evil.example/x", "www.evil.example", "a@evil.example", "![x](https://evil.example/i)",
    "[x](https://evil.example)", "**bold**", "# head", "- item", "</details>", "\n\n# head", "&lt;b&gt;", "```\n# x", "$x$",
    ":tada:", "da39a3ee5e6b4b0d3255bfef95601890afd80709", "[x]: https://evil.example", "|---|", " ", "", "\u202ex", "|", "||`|",
]  # fmt: skip


class Page(HTMLParser):
    """The elements of a page, and its text with that in code apart."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.prose, self.code, self.cells, self._open = [], "", [], [], 0
        self.feed(MarkdownIt("commonmark", {"html": True}).enable("table").render(text))

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        assert not attributes or tag in {"code", "th", "td"}, (tag, attributes)
        if tag == "code":
            self._open += 1
            self.code.append("")
        if tag == "tr":
            self.cells.append(0)
        if tag in {"td", "th"}:
            self.cells[-1] += 1

    def handle_endtag(self, tag):
        self._open -= tag == "code"

    def handle_data(self, data):
        if self._open:
            self.code[-1] += data
        else:
            self.prose += data


def page_of(*results, verdict=Verdict.FAIL, **named):
    return Page(render_markdown(replace(finished(list(results), verdict), **named)))


def test_it_says_the_verdict_and_what_it_means_first():
    text = render_markdown(finished(demo()))
    lines = text.splitlines()
    assert lines[:2] == ["<!-- report of mqa as Markdown -->", "## ✅ PASS: `reviews`"]
    assert lines[3] == (
        "20 checks: 20 held. Every critical check was shown to hold: by this suite, the model may ship. Exit code 0."
    )
    assert "reason" not in text


def test_what_does_not_hold_is_in_a_table_with_its_reason():
    failed = result("accuracy", "onnx", verdict=Verdict.FAIL, note=NOTE)
    page = page_of(result("accuracy"), failed)
    text = render_markdown(finished([result("accuracy"), failed], Verdict.FAIL))
    row = next(line for line in text.splitlines() if line.startswith("| ❌"))
    assert row == (
        "| ❌ FAIL | `accuracy [onnx]` | `0.813 [0.801, 0.825], ≥ 0.78` | "
        r"value is 0.740 \[0.728, 0.752\], below 0.78; about 1,157 rows would settle it |"
    )
    assert NOTE in page.prose
    assert page.tags.count("table") == 2  # what does not hold, and all


def test_what_does_not_count_says_why_and_comes_last():
    waiver = AppliedWaiver(date(2027, 1, 31), "retrained", WaiverState.ACCEPTED)
    text = render_markdown(
        finished(
            [
                result("aside", verdict=Verdict.FAIL, critical=False),
                result("known", verdict=Verdict.FAIL, waiver=waiver),
                result("broken", verdict=Verdict.ERROR, note="it crashed"),
                result("late", waiver=replace(waiver, state=WaiverState.EXPIRED)),
            ],
            Verdict.FAIL,
        )
    )
    verdicts = re.findall(r"^\| (.+?) \| `(\w+) \[torch\]`", text, re.MULTILINE)[:4]
    assert verdicts == [
        ("💥 ERROR", "broken"), ("❌ FAIL", "late"), ("⚠️ FAIL, not critical", "aside"), ("⚠️ FAIL, waived", "known"),
    ]  # fmt: skip
    assert "waived until 2027-01-31" in text
    assert "FAIL: the waiver expired after 2027-01-31" in text


def test_a_check_that_holds_says_how_many_rows_it_lost():
    lost = result("a", evidence={"lost": (ViewLoss("words", "one", 500, 2),)})
    assert "PASS, 2 rows lost" in page_of(lost, verdict=Verdict.PASS).prose


def test_a_comparison_with_an_earlier_run_is_said():
    text = render_markdown(replace(finished(demo()), against=RunComparison("a-run", "2026-11-20", Verdict.FAIL)))
    assert "against the run a-run of 2026-11-20: The runs have no measure in common." in text


def test_details_are_folded():
    page = page_of(*sliced("domains", 0.1, DOMAINS), result("x", verdict=Verdict.FAIL, evidence={"examples": (FLIP,)}))
    assert page.tags.count("details") == page.tags.count("summary") == 3
    for heading in ("How to repeat it", "All results", "Rows that show it"):
        assert heading in page.prose
    assert "mqa run suites/nlp.toml\nmqa report 20261121-222800-3f9a\n" in page.code


def test_a_sweep_shows_the_severity_that_decides():
    steps = (step(0.1, 0.02), step(0.2, 0.08, Verdict.FAIL))
    text = render_markdown(finished(perturbed("typos", 0.1, 0.05, series=steps, numbers={}, verdict=Verdict.FAIL)))
    assert "`0.080 [0.072, 0.088], drop ≤ 0.05`" in text


def test_without_examples_there_is_no_text_of_a_row():
    report = finished([result("x", verdict=Verdict.FAIL, evidence={"examples": (FLIP,)})], Verdict.FAIL)
    assert "counsel" in render_markdown(report)
    written = render_markdown(without_examples(report))
    assert "counsel" not in written
    assert "negative" not in written


@pytest.mark.parametrize("text", HOSTILE)
def test_data_is_neither_markdown_nor_html_nor_a_link(text):
    example = ExampleRow(id=text, fields={text: text}, prediction=text, target=text)
    page = page_of(
        result(text, text, verdict=Verdict.FAIL, note=text, evidence={"examples": (example,), "remarks": (text,)}),
        suite=replace(finished([]).suite, name=text, path=text),
        note=text,
        environment={"data": {text: {"digest": text}}},
    )
    known = {
        "h2",
        "p",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "code",
        "pre",
        "br",
        "details",
        "summary",
        "ul",
        "li",
    }
    assert set(page.tags) <= known
    assert page.cells == [4, 4, 3, 3]
    assert page.tags.count("h2") == 1
    assert page.tags.count("details") == 3
    for trigger in ("@", "#", "://", "www.", "GH-", "](", "da39a3", "<", "**", ":tada:", "$"):
        assert trigger not in page.prose


@given(st.text())
def test_a_code_span_shows_the_text_as_it_is_and_nothing_else(text):
    page = Page(f"| a | b |\n|---|---|\n| {code(text)} | x |\n")
    assert page.cells == [2, 2]
    assert set(page.tags) <= {"table", "thead", "tbody", "tr", "th", "td", "code"}


@pytest.mark.parametrize("text", [one for one in HOSTILE if one.strip() and "\n" not in one and "\u202e" not in one])
def test_nothing_of_a_text_is_lost(text):
    assert MarkdownIt().render(code(text).replace("&#124;", "|")) is not None
    page = Page(f"| a |\n|---|\n| x{code(text)}x |\n")
    shown = [*page.code, *re.findall(r"\|", page.prose)]
    assert sorted("".join(shown)) == sorted(text)


def test_a_sentence_without_markup_is_no_code():
    assert prose("value is 0.740 [0.728, 0.752], below 0.78") == r"value is 0.740 \[0.728, 0.752\], below 0.78"
    assert prose("see #12") == "`see #12`"
    assert prose("[a](b)") == "`[a](b)`"


@pytest.mark.parametrize("letter", ["x", "`", "|", "é", "\U0001f600"])
def test_it_is_never_longer_than_a_comment_may_be(letter):
    example = ExampleRow(id="1", fields={"text": letter * 600})
    results = [
        result(f"{number} {letter * 300}", verdict=Verdict.FAIL, note=letter * 2000, evidence={"examples": (example,)})
        for number in range(300)
    ]
    text = render_markdown(finished(results, Verdict.FAIL))
    assert len(text.encode()) <= MAX_BYTES
    assert "more: `mqa report` shows them" in text
    assert Page(text).tags.count("details") == text.count("</details>")
    assert "How to repeat it" in text


def test_the_file_is_known_again_by_its_marker():
    assert MARKDOWN.marker in render_markdown(finished(demo())).encode()[:4096]
