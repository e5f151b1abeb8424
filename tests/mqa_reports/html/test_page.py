"""The page as text: what it allows, what it holds, and that texts of rows are left out where they are not wanted."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mqa_registry import ExampleRow, LabelCounts, Number, Part, ValueSummary, ViewSummary
from mqa_registry.reports import to_json, without_examples
from mqa_registry.reports.report_file import parse_report
from mqa_registry.reports.reporters import MARKER_BYTES, render
from mqa_registry.summaries import Distribution
from mqa_reports import HTML
from mqa_reports.html import page as pages
from mqa_reports.html.page import render_page
from mqa_reports.html.rendering import FOLDER, STYLES
from tests.benchmarks.reports import make_report as make_large_report
from tests.reports import conftest as made
from tests.reports.test_report_file import RESULTS

VOID = {"meta", "input", "br", "path", "circle", "line"}


class Parser(HTMLParser):
    """Elements by tag, with their attributes and texts; an element that is not closed is an error."""

    def __init__(self, page):
        super().__init__()
        self.stack, self.elements = [], []
        self.feed(page)
        self.close()
        assert self.stack == []

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes), []))
        if tag not in VOID:
            self.stack.append(self.elements[-1])

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes), []))

    def handle_endtag(self, tag):
        assert self.stack.pop()[0] == tag

    def handle_data(self, data):
        if self.stack:
            self.stack[-1][2].append(data)

    def find(self, tag):
        return [(attributes, "".join(texts)) for name, attributes, texts in self.elements if name == tag]


@pytest.fixture(name="page", scope="session")
def _page(report):
    return render_page(report)


def test_the_policy_allows_its_own_styles_and_scripts_alone(page):
    parsed = Parser(page)
    (policy,) = [attributes["content"] for attributes, _ in parsed.find("meta") if "http-equiv" in attributes]
    digests = [
        f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
        for tag in ("style", "script")
        for attributes, text in parsed.find(tag)
        if "type" not in attributes
    ]
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["style-src"].split() + rules["script-src"].split() == digests
    assert "unsafe" not in policy


def test_it_refers_to_nothing_but_itself(page):
    for _, attributes, _ in Parser(page).elements:
        assert "style" not in attributes
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("src", "href", "action", "poster", "data"):
            assert attributes.get(name, "#").startswith("#")
    assert "url(" not in "".join((FOLDER / name).read_text() for name in STYLES)


def test_every_link_leads_somewhere(page):
    parsed = Parser(page)
    ids = [attributes["id"] for _, attributes, _ in parsed.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {attributes["href"][1:] for attributes, _ in parsed.find("a")} <= set(ids)


def test_the_verdict_comes_first_and_the_headings_in_order(page):
    body = page[page.index("<header") :]
    assert re.sub(r"<[^>]+>", " ", body).split()[:2] == ["✗", "FAIL"]
    levels = [int(level) for level in re.findall(r"<h([1-6])", page[: page.index('id="plots"')])]
    assert levels[0] == 1
    assert all(later <= earlier + 1 for earlier, later in pairwise(levels))


def test_tables_have_captions_and_headers_their_scope(page):
    parsed = Parser(page)
    assert len(parsed.find("caption")) == len(parsed.find("table"))
    assert {attributes.get("scope") for attributes, _ in parsed.find("th")} == {"col", "row"}


def test_it_says_how_to_repeat_the_run(page):
    parsed = Parser(page)
    commands = [text for attributes, text in parsed.find("code") if attributes.get("class") == "command"]
    assert commands == ["mqa run suites/nlp.toml --limit 200 --set 'a b=1'", "mqa judge 20261121-222800-3f9a"]
    for fact in ("sha256:5", "sha256:3f9a1c2b", "5.23.0", "CPUExecutionProvider", "float32", "0.95"):
        assert fact in page


def test_it_says_how_the_run_differs_from_an_earlier_one(report):
    text = re.sub(r"<[^>]+>", " ", render_page(report))
    text = " ".join(text[: text.index("Checks by backend")].split())
    assert "Against run 20261101-101010-aaaa of 2026-11-01T10:10:10Z, at most 0.01 worse ✗ FAIL" in text
    assert (
        "metrics/accuracy reviews torch 0.850 [0.840, 0.860] 0.813 [0.801, 0.825] 0.037 [0.027, 0.047] ✗ FAIL" in text
    )
    assert "typos on onnx: ✓ PASS then, ✗ FAIL now" in text
    assert (
        "reviews on torch: 40 newly wrong, 0.010 [0.007, 0.013] of 4,200 rows; 3 newly right, McNemar p = 1e-08" in text
    )
    assert "was-right" in text
    assert "Left out: `length`: the rows differ" in text
    assert "Against run" not in render_page(replace(report, against=None))


def test_a_suite_that_a_command_made_is_not_said_to_be_run_again(report):
    page = render_page(replace(report, suite=replace(report.suite, path="parity")))
    assert "mqa run parity" not in page


def test_the_file_is_known_by_its_marker(page):
    assert HTML.marker in page.encode()[:MARKER_BYTES]


def test_a_report_file_gives_the_same_page(report, page):
    content = json.loads(json.dumps(to_json(report)))
    assert render_page(parse_report(content, "report.json")) == page


def test_long_texts_are_cut_as_in_a_report_file():
    long = "abc " * 5000
    example = ExampleRow(
        "r", {"text": long, "list": list(range(9000))}, {"text": long.upper()}, prediction=long, target="x"
    )
    live = made.finished(made.both("f1", verdict=made.FAIL, evidence={"examples": (example,)}), made.FAIL)
    page = render_page(live)
    assert len(page) < len(render_page(made.finished(made.both("f1")))) + 10_000
    assert "… of 20,000 characters" in page
    assert render_page(parse_report(json.loads(json.dumps(to_json(live))), "it")) == page


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=30)
@given(st.lists(RESULTS, max_size=3))
def test_whatever_a_report_file_can_hold_can_be_shown(results):
    Parser(render_page(made.finished(list(results))))


def test_numbers_that_are_not_finite_can_be_shown():
    odd = Number(math.nan, -math.inf, math.inf, 3, "exact")
    details = {"outputs": [{"a": "x", "ratio": math.inf}, {"a": "y", "ratio": math.nan}],
               "distribution": {"edges": [0.0, math.inf], "counts": [1]}}  # fmt: skip
    groups = {"a": Part(made.FAIL, {"value": odd}), "b": made.part(0.5, 100), "c": made.part(0.6, 100)}
    series = (replace(made.step(1.0, 0.1), numbers={"value": odd}), made.step(2.0, 0.1), made.step(3.0, 0.1))
    parts = {"numbers": {"value": odd}, "groups": groups, "expect": {"min": 0.5}, "evidence": {"details": details}}
    Parser(render_page(made.finished([*made.both("a", **parts), *made.both("b", **parts | {"series": series})])))


def test_it_depends_on_the_report_alone(report, page):
    assert render_page(report) == page


def test_without_examples_there_is_no_text_of_a_row(report, page):
    assert "special cuonsel" in re.sub(r"<[^>]+>", "", page)
    text = re.sub(r"<[^>]+>", "", render_page(without_examples(report)))
    for word in ("special", "violated", "vioalted", "cuonsel"):
        assert word not in text
    assert "nyt-0716" in text


@pytest.mark.parametrize("n_checks", [0, 1])
def test_a_report_of_few_checks(report, n_checks):
    parsed = Parser(render_page(replace(report, results=report.results[:n_checks], views=(), findings=())))
    assert len([1 for attributes, _ in parsed.find("details") if attributes.get("class") == "check"]) == n_checks


def test_labels_have_their_counts_and_numbers_their_distributions(report):
    errors = Distribution(-0.5, -0.25, 0.0, 0.25, 0.75, 0.05, 0.375)
    views = (
        ViewSummary("topics", "torch", "labels", 90, labels=(LabelCounts("sport", 30, 20, 10),)),
        ViewSummary("prices", "torch", "value", 90, values=ValueSummary(errors, errors, errors)),
    )
    page = render_page(replace(report, views=views))
    (labels,) = re.findall(r"<caption>Counts by label.+?</table>", page, re.DOTALL)
    assert re.findall(r">([^<>\n]+)</t[dh]>", labels)[5:] == ["sport", "torch", "30", "20", "10"]
    (numbers,) = re.findall(r"<caption>Numbers: what was predicted.+?</table>", page, re.DOTALL)
    last = re.findall(r">([^<>\n]+)</t[dh]>", numbers)[-9:]
    assert last == ["errors", "torch", "-0.5", "-0.25", "0", "0.25", "0.75", "0.05", "0.375"]


def test_hostile_texts_are_no_markup(hostile):
    page = render_page(hostile)
    clean = Parser(page)
    assert not clean.find("img")
    assert len(clean.find("script")) == 1 + len(pages.SCRIPTS)
    assert "\x00" not in page
    assert "\x1b" not in page
    assert "\u202e" not in page
    assert page.encode() == render("html", hostile)  # no lone surrogate is left


def test_plots_are_json_without_markup(hostile):
    (island,) = [
        text for attributes, text in Parser(render_page(hostile)).find("script") if attributes.get("id") == "plots"
    ]
    assert not set("<>&") & set(island)
    plots = json.loads(island)
    assert {plot["kind"] for plot in plots} >= {"intervals", "bars"}


def test_a_large_page_has_the_body_of_each_check_apart():
    page = render_page(make_large_report(pages.MAX_PARSED + 1))
    assert page.count("<noscript>") == page.count("</noscript>") == pages.MAX_PARSED + 1
    assert "<noscript>" not in render_page(make_large_report(pages.MAX_PARSED))


def test_a_notebook_shows_it_in_a_frame_of_its_own(report, page):
    shown = report._repr_html_()
    ((attributes, _),) = Parser(shown).find("iframe")
    assert attributes["srcdoc"] == page
    assert attributes["sandbox"] == "allow-scripts"
    assert shown.count("<") == 2  # all of the page is in the attribute
