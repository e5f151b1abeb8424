"""The page of a comparison of two runs."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from mqa_registry.judging.result import GroupFlips, McNemarTest, Verdict
from mqa_registry.reports import without_texts
from mqa_registry.reports.reporters import COMPARISONS, MARKER_BYTES, render
from mqa_reports import COMPARISON_HTML, HTML
from mqa_reports.html.comparison import render_comparison
from tests.mqa_reports.html.conftest import HOSTILE, SHOWN
from tests.mqa_reports.html.test_page import Parser
from tests.reports.conftest import FLIP


@pytest.fixture(name="comparison", scope="session")
def _comparison(report):
    return replace(report.against, run=report.run)


def shown(page):
    """What a reader sees of the body."""
    return " ".join(re.sub(r"<[^>]+>", " ", page[page.index("<body") :]).split())


def test_it_says_which_runs_what_is_worse_and_which_rows_flipped(comparison):
    text = shown(render_comparison(comparison))
    assert text.startswith("✗ FAIL Run 20261121-222800-3f9a against the run 20261101-101010-aaaa of ")
    assert "It is worse. A measure may be at most 0.01 worse. Intervals have the confidence 0.95." in text
    assert "metrics/accuracy reviews torch 0.850 [0.840, 0.860] 0.813 [0.801, 0.825] 0.037 [0.027, 0.047]" in text
    assert (
        "reviews on torch: 40 newly wrong, 0.010 [0.007, 0.013] of 4,200 rows; 3 newly right, McNemar p = 1e-08" in text
    )
    assert "was-right" in text
    assert "and 39 more" in text
    assert "typos on onnx: ✓ PASS then, ✗ FAIL now" in text
    assert text.endswith("mqa compare 20261101-101010-aaaa 20261121-222800-3f9a --max-drop 0.01")


def test_rows_that_are_all_shown_leave_none_to_count(comparison):
    one = replace(comparison.flips[0], test=McNemarTest(1, 3))
    assert "more" not in shown(render_comparison(replace(comparison, flips=(one,), max_drop=None)))


def test_a_group_that_is_worse_is_named_with_its_flips_and_the_others_are_counted(comparison):
    by = {"use": "fairness/column", "column": "domain"}
    worse = replace(comparison.changes[0], group="tweets", by=by)
    others = [replace(worse, group=f"other-{number}", verdict=Verdict.PASS) for number in range(300)]
    group = GroupFlips(by, "tweets", McNemarTest(9, 1, 0.02), worse.before)
    flips = replace(comparison.flips[0], groups=(group,))
    text = shown(render_comparison(replace(comparison, changes=(worse, *others), flips=(flips,))))
    assert "metrics/accuracy reviews, tweets of fairness/column (column &#34;domain&#34;) torch 0.850" in text
    assert "tweets of fairness/column (column &#34;domain&#34;): 9 newly wrong" in text
    assert "300 measures of groups are not shown to be worse" in text
    assert "other-" not in text
    gap = replace(worse, measure={"use": "fairness/equalized-odds-difference"}, group="")
    assert "odds-difference reviews, by fairness/column (" in shown(
        render_comparison(replace(comparison, changes=(gap,)))
    )
    many = [replace(worse, group=f"more-{number}") for number in range(23)]
    assert "and 3 more measures of groups" in shown(render_comparison(replace(comparison, changes=tuple(many))))


def test_it_has_no_script_and_allows_none(comparison):
    page = render_comparison(comparison)
    parsed = Parser(page)
    assert parsed.find("script") == []
    (policy,) = [attributes["content"] for attributes, _ in parsed.find("meta") if "http-equiv" in attributes]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "script-src" not in policy


def test_the_file_is_known_as_one_of_ours(comparison):
    page = render("html", comparison, COMPARISONS)
    assert COMPARISON_HTML.marker == HTML.marker
    assert COMPARISON_HTML.marker in page[:MARKER_BYTES]


def test_without_texts_there_is_none_of_a_row(comparison):
    with_texts, without = (
        re.sub(r"<[^>]+>", "", render_comparison(one)) for one in (comparison, without_texts(comparison))
    )
    assert "cuonsel" in with_texts
    assert "cuonsel" not in without
    assert "was-right" in without


def test_hostile_texts_are_no_markup(comparison):
    by = {"use": HOSTILE, HOSTILE: HOSTILE}
    change = replace(
        comparison.changes[0],
        check=HOSTILE,
        measure={"use": HOSTILE},
        data=HOSTILE,
        backend=HOSTILE,
        by=by,
        group=HOSTILE,
    )
    group = GroupFlips(by, HOSTILE, McNemarTest(9, 1), comparison.flips[0].share)
    example = replace(FLIP, id=HOSTILE, fields={HOSTILE: HOSTILE}, prediction=HOSTILE)
    flips = replace(comparison.flips[0], data=HOSTILE, examples=(example,), groups=(group,))
    verdicts = (replace(comparison.verdict_changes[0], check=HOSTILE),)
    hostile = replace(
        comparison, run=HOSTILE, reference=HOSTILE, changes=(change,), flips=(flips,), verdict_changes=verdicts,
        left_out=(HOSTILE,),
    )  # fmt: skip
    parsed = Parser(render_comparison(hostile))
    assert not parsed.find("script")
    assert not parsed.find("img")
    ((_, heading),) = parsed.find("h1")
    assert heading == f"Run {SHOWN}"
