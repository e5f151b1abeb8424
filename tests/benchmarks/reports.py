"""How long the forms of a report take, beside its JSON; how large pages are; how long Chromium takes to open one.

    python -m tests.benchmarks.reports [--checks 1000] [--open FILE ...]

The report is made up: checks on two backends, of which a fifth has groups, a tenth is a sweep, and three in ten do not
hold and show rows. `--open` names report files, such as those of the shipped suites, whose pages are measured too.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from mqa_registry import ExampleRow, Number, Part, Report, Result, Step, Verdict
from mqa_registry.errors import ExitCode
from mqa_registry.judging.result import McNemarTest, ResultEvidence, StepEvidence
from mqa_registry.reports import SuiteIdentity, to_json
from mqa_registry.reports.report_file import load_report
from mqa_registry.reports.reporters import render
from mqa_reports.html.page import render_page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BACKENDS = ("torch", "onnx")
OTHER_FORMS = ("junit", "markdown", "csv", "parquet")
ROUNDS = 5
WORDS = [
    "the",
    "screen",
    "of",
    "this",
    "phone",
    "is",
    "bright",
    "and",
    "its",
    "battery",
    "was",
    "slow",
    "in",
    "low",
    "light",
]
MAX_RATIO, MAX_SECONDS, MAX_BYTES = 3.0, 2.0, 2_000_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checks", type=int, default=1000)
    parser.add_argument("--open", nargs="*", default=[], metavar="FILE", help="report files")
    given = parser.parse_args()
    report = make_report(given.checks)
    render_page(make_report(10))  # what is loaded once is loaded
    json_seconds = measure(lambda: json.dumps(to_json(report)))
    html_seconds = measure(lambda: render_page(report))
    ratio = html_seconds / json_seconds
    print(f"{given.checks:,} checks on {len(BACKENDS)} backends, of processor time:")
    print(f"  JSON {json_seconds:.3f} s, page {html_seconds:.3f} s: {ratio:.2f} times (at most {MAX_RATIO:g})")
    for name in OTHER_FORMS:
        seconds = measure(partial(render, name, report))
        print(f"  {name} {seconds:.3f} s: {seconds / json_seconds:.2f} times")
    pages = {f"{given.checks:,} checks": render_page(report)}
    pages |= {file: render_page(load_report(file)) for file in given.open}
    for name, page in pages.items():
        limit = f" (at most {MAX_BYTES / 1e6:g})" if name in given.open else ""
        print(f"  {name}: {len(page.encode()) / 1e6:.2f} MB{limit}, {open_page(page)} (at most {MAX_SECONDS:g})")


def measure(work: Callable[[], object]) -> float:
    """The quickest of some rounds, in seconds of processor time: what else the machine does only adds to it."""
    seconds = []
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        seconds.append(time.process_time() - began)
    return min(seconds)


def open_page(page: str) -> str:
    """How long a headless Chromium takes to open a page: of the processor, and by the clock, which others may hold up."""
    chromium = shutil.which("chromium")
    if chromium is None:
        return "not opened: there is no chromium"
    from playwright.sync_api import sync_playwright

    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        file = Path(folder) / "page.html"
        file.write_text(page, encoding="utf-8")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        tab = browser.new_page()
        session = tab.context.new_cdp_session(tab)
        session.send("Performance.enable")
        began = time.perf_counter()
        tab.goto(file.as_uri())
        tab.locator("#shown").filter(has_text="checks shown").wait_for(state="attached")
        seconds = time.perf_counter() - began
        metrics = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
        browser.close()
    return f"opened in {metrics['ProcessTime']:.2f} s of processor time, {seconds:.2f} s by the clock"


def make_report(n_checks: int) -> Report:
    """A report whose numbers all differ, as those of a run do."""
    draw = random.Random(7)
    results = [result for number in range(n_checks) for result in make_check(number, draw)]
    return Report(
        run="20261130-120000-0000",
        suite=SuiteIdentity("benchmark", "suites/benchmark.toml", "sha256:5", 7, 0.95),
        verdict=Verdict.FAIL,
        exit_code=ExitCode.FAILED,
        started=datetime(2026, 11, 30, 12, tzinfo=UTC),
        seconds=60.0,
        environment={"mqa": "0.1.0", "packages": {"torch": "2.13.0"}},
        results=tuple(results),
        backends=BACKENDS,
    )


def make_check(number: int, draw: random.Random) -> Iterator[Result]:
    """One check on every backend; every second export predicts what its model does."""
    kind, verdict = number % 10, draw.choices((Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE), (7, 2, 1))[0]
    parts: dict[str, Any] = {
        "measure": {"use": "metrics/accuracy"},
        "expect": {"min": 0.7},
        "by": None,
        "perturb": None,
    }
    if kind < 2:
        parts |= {"by": {"use": "fairness/column", "column": "domain"}, "expect": {"max_gap": 0.1}}
    elif kind < 7:
        parts |= {"perturb": {"use": "robustness/typos", "rate": 0.2}, "expect": {"max_drop": 0.05}}
    for backend in BACKENDS:
        if backend == BACKENDS[0] or number % 2:
            parts |= make_parts(kind, verdict, draw)
        yield Result(
            verdict, check=f"check {number}", definition="accuracy/1", data="reviews", backend=backend, **parts
        )


def make_parts(kind: int, verdict: Verdict, draw: random.Random) -> dict[str, Any]:
    """Numbers, groups, severities and evidence of a result."""
    names = ["value", "gap"] if kind < 2 else ["value", "drop"] if kind < 7 else ["value"]
    groups = {f"group {n}": Part(Verdict.PASS, make_numbers(["value"], draw)) for n in range(6)} if kind < 2 else {}
    steps = [
        Step(
            Verdict.PASS,
            make_numbers(names, draw),
            severity=n / 10,
            evidence=StepEvidence(1000, draw.randrange(1000), 0, 2.5),
        )
        for n in range(5)
    ]
    shown = verdict is not Verdict.PASS
    evidence = ResultEvidence(
        mcnemar=McNemarTest(draw.randrange(90), draw.randrange(90), draw.random()),
        required_rows=draw.randrange(9000) if verdict is Verdict.INCONCLUSIVE else None,
        examples=tuple(make_example(draw, perturbed=2 <= kind < 7) for _ in range(5)) if shown else (),
    )
    numbers = make_numbers(names, draw)
    note = f"value is {numbers['value'].estimate:.3f}" if shown else ""
    series = tuple(steps) if kind == 6 else ()
    return {"numbers": numbers, "groups": groups, "series": series, "evidence": evidence, "note": note}


def make_numbers(names: list[str], draw: random.Random) -> dict[str, Number]:
    estimates = {name: draw.random() for name in names}
    return {name: Number(one, one - 0.02, one + 0.02, 1000, "exact") for name, one in estimates.items()}


def make_example(draw: random.Random, *, perturbed: bool) -> ExampleRow:
    words = draw.choices(WORDS, k=18)
    seen = [word[1:] + word[0] if draw.random() < 0.2 else word for word in words] if perturbed else words
    fields = {"text": " ".join(words)}
    changed = {"text": " ".join(seen)} if seen != words else {}
    row = f"row-{draw.randrange(100_000)}"
    return ExampleRow(row, fields, changed, "positive", "negative", round(draw.random(), 4), "positive")


if __name__ == "__main__":
    main()
