"""The pages of the shipped suites, run on some rows, in a real browser."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks.reports import MAX_BYTES
from tests.mqa_reports.html.test_browser import find_violations, open_all, shown

SUITES = sorted((Path(__file__).parents[3] / "suites").glob("*.toml"))


@pytest.fixture(name="store", scope="module")
def _store(tmp_path_factory):
    """One store for all suites: they have model, export and most rows in common."""
    return tmp_path_factory.mktemp("store")


@pytest.mark.slow
@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.stem)
def test_the_page_of_a_suite(show, suite, store, tmp_path):
    files = {form: str(tmp_path / f"{suite.stem}.{form}") for form in ("json", "html")}
    options = ["--limit", "30", "--store", str(store)]
    command = [sys.executable, "-m", "mqa_registry.cli", "run", str(suite), *options]
    subprocess.run([*command, "--json", files["json"], "--html", files["html"]], capture_output=True, check=False)
    content = Path(files["html"]).read_text(encoding="utf-8")
    assert len(content.encode()) < MAX_BYTES
    page = show(None, content)
    open_all(page)
    results = json.loads(Path(files["json"]).read_text())["results"]
    assert len(shown(page)) == len({result["check"] for result in results})
    assert page.locator(".plot svg").count() > 0
    assert find_violations(page) == []
