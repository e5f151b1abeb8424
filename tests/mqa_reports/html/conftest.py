"""A report with everything in it that a page can show, and a real browser to open the page in."""

from __future__ import annotations

import os
import shutil
from contextlib import ExitStack
from dataclasses import replace
from datetime import date
from types import SimpleNamespace

import pytest

from mqa_registry.contributions import ExampleRow
from mqa_registry.findings import Finding
from mqa_registry.judging.result import (
    Change,
    Flips,
    McNemarTest,
    Number,
    RunComparison,
    Verdict,
    VerdictChange,
)
from mqa_registry.judging.view_summary import ViewSummary
from mqa_registry.judging.waivers import AppliedWaiver, WaiverState
from mqa_registry.summaries import CalibrationBin, ConfusionMatrix, LabelCounts
from mqa_reports.html.page import render_page
from tests.reports import conftest as made

CHROMIUM = "MQA_CHROMIUM"  # the browser's path; where it is set, no test is skipped for want of one
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
TIMEOUT = 15_000  # milliseconds that the browser waits for something to appear
HOSTILE = (
    "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 2'></script></noscript></textarea>"
    '" onmouseover="window.hacked = 3" \' {{ 7 * 7 }} ${1} &lt;b&gt; \x1b[31mred\x00 \u202eright to left \ud83d end'
)
SHOWN = (  # what a reader sees of it
    "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 2'></script></noscript></textarea>"
    '" onmouseover="window.hacked = 3" \' {{ 7 * 7 }} ${1} &lt;b&gt; \\x1b[31mred\\x00 \\u202eright to left \\ud83d end'
)
LATENCY = {"fastest_ms": 1.2, "distribution": {"unit": "ms", "edges": [1.2, 1.9, 3.1, 40.0], "counts": [80, 100, 20]}}
TENSORS = {
    "outputs": {
        "logits": {"elements": 120, "ratio": 21.5, "allowed": 10.0},
        "hidden": {"elements": 900, "ratio": 1.1, "allowed": 10.0},
    },
    "first_divergence": {
        "kind": "weights",
        "module": "encoder.layer.1",
        "trail": [{"module": "encoder.layer.0", "ratio": 1.0}, {"module": "encoder.layer.1", "ratio": 4000.0}],
    },
}


def _sweep(backend, shift):
    steps = tuple(
        made.step(severity, shift + severity / 10, verdict)
        for severity, verdict in ((0.1, made.PASS), (0.2, made.INCONCLUSIVE), (0.4, made.FAIL))
    )
    parts = {"perturb": {"use": "robustness/typos", "rate": [0.1, 0.2, 0.4]}, "expect": {"max_drop": 0.03}}
    evidence = {"examples": (made.FLIP, replace(made.FLIP, id="nyt-0717")), "mcnemar": McNemarTest(31, 2, 1.7e-7)}
    return made.result(
        "typos", backend, verdict=made.FAIL, series=steps, note="drop is above 0.03", evidence=evidence, **parts
    )


def make_report():
    """A report of ten checks on two backends: every verdict, a sweep, groups, details, and predictions."""
    waiver = AppliedWaiver(date(2026, 12, 31), "known since the last release", WaiverState.ACCEPTED)
    latency = made.result(
        "latency", "onnx", measure={"use": "performance/latency"}, expect={"p95_ms": {"max": 20}},
        numbers={"value": made.number(2.5, 0.1, 200), "p95_ms": Number(3.9, 3.5, None, 200, "exact", verdict=made.PASS)},
        evidence={"details": LATENCY},
    )  # fmt: skip
    tensors = made.parity(
        "tensors", made.number(21.5), {"ratio": {"max": 10}}, verdict=made.FAIL,
        numbers={"ratio": made.number(21.5)}, evidence={"details": TENSORS, "remarks": ("it begins in `encoder.layer.1`",)},
    )  # fmt: skip
    crash = made.both("crash", verdict=Verdict.ERROR, numbers={}, note="it raised ValueError", critical=False,
                      evidence={"traceback": "Traceback:\n  File x\nValueError: <b>no</b>"})  # fmt: skip
    results = [
        *made.metric("accuracy", 0.813, {"min": 0.78}),
        *made.changed(made.metric("f1", 0.71, {"min": 0.78}), "f1", verdict=made.FAIL),
        _sweep("torch", 0.0),
        _sweep("onnx", 0.01),
        *made.sliced("domains", 0.102, made.DOMAINS),
        *made.sliced("identity-terms", 0.11, made.IDENTITY, verdict=made.INCONCLUSIVE, waiver=waiver),
        made.parity("agreement", Number(0.99952, 0.9983, 0.99994, 4200, "exact"), {"min": 0.995}),
        tensors,
        latency,
        *crash,
        *made.both("lower-case", verdict=Verdict.NOT_RUN, numbers={}, note="no row changed"),
    ]
    bins = (CalibrationBin(0.8, 0.866667, 1200, 0.84, 0.7), CalibrationBin(0.866667, 1.0, 3000, 0.95, 0.94))
    matrix = ConfusionMatrix(("negative", "positive"), ((1900, 200), (150, 1950)))
    views = (
        ViewSummary("reviews", "torch", "label", made.ROWS, matrix, bins),
        ViewSummary(
            "reviews", "onnx", "label", made.ROWS, ConfusionMatrix(matrix.classes, ((1890, 210), (150, 1950))), bins[1:]
        ),
    )
    changes = (
        Change("accuracy", {"use": "metrics/accuracy"}, "reviews", "torch", (), None, made.FAIL, made.number(0.85, 0.01),
               made.number(0.813, 0.012), made.number(0.037, 0.01)),
        Change("f1", {"use": "metrics/f1"}, "reviews", "onnx", note="the earlier run has no targets"),
    )  # fmt: skip
    flips = Flips(
        "reviews",
        "torch",
        (),
        McNemarTest(40, 3, 1e-8),
        made.number(0.01, 0.003),
        (replace(made.FLIP, id="was-right"),),
    )
    against = RunComparison("20261101-101010-aaaa", "2026-11-01T10:10:10Z", made.FAIL, 0.01, 0.95, changes, (flips,),
                            (VerdictChange("typos", "onnx", made.PASS, made.FAIL),), ("`length`: the rows differ",))  # fmt: skip
    findings = (Finding("warning", "onnx", "runs on the CPU", "install a GPU"),)
    return replace(
        made.finished(results, made.FAIL),
        views=views,
        findings=findings,
        against=against,
        options=("--limit", "200", "--set", "a b=1"),
    )


def make_hostile():
    """A report in which every text that is not mqa's own is hostile."""
    example = ExampleRow(
        HOSTILE, {HOSTILE: HOSTILE}, {HOSTILE: HOSTILE[::-1]}, target=HOSTILE, prediction=HOSTILE, probability=0.5,
        reference={"label": HOSTILE, "probability": 0.5}, details={HOSTILE: HOSTILE},
    )  # fmt: skip
    evidence = {
        "examples": (example,), "remarks": (HOSTILE,), "notes": (HOSTILE,), "traceback": HOSTILE,
        "absent_classes": (HOSTILE,), "details": {HOSTILE: HOSTILE, "table": [{HOSTILE: f"{n}{HOSTILE}", "ratio": n} for n in (1.0, 2.0)]},
    }  # fmt: skip
    groups = {HOSTILE: made.part(0.5, 100), "other": made.part(0.6, 100)}
    results = made.both(
        HOSTILE, measure={"use": HOSTILE}, by={"use": HOSTILE, HOSTILE: HOSTILE}, verdict=made.FAIL, note=HOSTILE,
        tags=(HOSTILE,), data=HOSTILE, groups=groups, evidence=evidence,
    )  # fmt: skip
    report = made.finished([*results, *made.metric("accuracy", 0.8, {"min": 0.7})], made.FAIL)
    names = {"name": HOSTILE, "path": HOSTILE, "digest": HOSTILE, "confidence_reason": HOSTILE}
    matrix = ConfusionMatrix((HOSTILE, "b"), ((1, 2), (3, 4)))
    bins = (CalibrationBin(0.5, 1.0, 3, 0.7, 0.6),)
    return replace(
        report,
        run=HOSTILE,
        note=HOSTILE,
        hint=HOSTILE,
        suite=replace(report.suite, **names),
        environment={"model": {HOSTILE: HOSTILE}, "data": {HOSTILE: {"rows": 3}}},
        views=(
            ViewSummary(HOSTILE, HOSTILE, "label", 10, matrix, bins),
            ViewSummary(HOSTILE, HOSTILE, "labels", 10, labels=(LabelCounts(HOSTILE, 3, 2, 1),)),
        ),
        findings=(Finding("warning", HOSTILE, HOSTILE, HOSTILE),),
        options=(HOSTILE,),
    )


@pytest.fixture(name="report", scope="session")
def _report():
    return make_report()


@pytest.fixture(name="hostile", scope="session")
def _hostile():
    return make_hostile()


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium; the test is skipped where this machine has none."""
    path = os.environ.get(CHROMIUM) or next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip(f"there is no Chromium: install `chromium`, or name one by {CHROMIUM}")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path)
        yield running
        running.close()


@pytest.fixture(name="show")
def _show(browser, tmp_path):
    """Opens the page of a report; a test fails where the page complains, or asks for anything but itself."""
    with ExitStack() as stack:
        seen = SimpleNamespace(messages=[], requests=[])

        def show(report, content="", **options):
            file = tmp_path / "report.html"
            file.write_bytes((content or render_page(report)).encode("utf-8", "backslashreplace"))
            context = browser.new_context(**options)
            context.set_default_timeout(TIMEOUT)
            stack.callback(context.close)
            page = context.new_page()
            page.on("console", lambda message: seen.messages.append(f"{message.type}: {message.text}"))
            page.on("pageerror", lambda error: seen.messages.append(str(error)))
            page.on("dialog", lambda dialog: (seen.messages.append(dialog.message), dialog.dismiss()))
            page.on("request", lambda request: seen.requests.append(request.url))
            page.goto(file.as_uri())
            return page

        yield show
        assert seen.messages == []
        assert {url.partition("#")[0] for url in seen.requests} <= {(tmp_path / "report.html").as_uri()}
