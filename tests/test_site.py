"""The site that is built of the pages: every page is there, links lead somewhere, and a search finds what pages say."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BUILD = ROOT / ".github" / "site" / "build.py"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site") / "built"
    done = subprocess.run([sys.executable, str(BUILD), str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.mark.parametrize(
    "page",
    [
        "",
        "suites",
        "suites/models/two-tower",
        "plugins",
        "plugins/tasks",
        "mqa_registry",
        "CHANGELOG",
        ".github/decisions",
    ],
)
def test_a_page_of_the_repository_is_a_page_of_the_site(site, page):
    assert "<h1" in (site / page / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "file", ["suites/report.svg", "suites/models/two-tower/two_tower.py", "mqa_registry/index.toml"]
)
def test_what_a_page_links_to_comes_along(site, file):
    assert (site / file).read_bytes() == (ROOT / file).read_bytes()


def test_the_picture_of_a_run_is_drawn(site):
    assert '<pre class="mermaid">' in (site / "mqa_registry" / "index.html").read_text(encoding="utf-8")


def test_a_search_knows_the_headings_of_the_pages(site):
    index = json.loads((site / "search" / "search_index.json").read_text(encoding="utf-8"))
    found = {entry["location"]: entry["title"] for entry in index["docs"]}
    assert found["plugins/tasks/#object-detection"] == "Object detection"
    assert found["mqa_registry/#6-commands-and-exit-codes"] == "6. Commands and exit codes"


def test_a_link_that_leads_nowhere_is_an_error(tmp_path):
    shutil.copytree(BUILD.parent, tmp_path / ".github" / "site")
    (tmp_path / "README.md").write_text("# mqa\n\nSee [nothing](plugins/nothing.md).\n", encoding="utf-8")
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    subprocess.run(["git", "add", "--all"], cwd=tmp_path, check=True)
    command = [sys.executable, str(tmp_path / ".github" / "site" / "build.py"), str(tmp_path / "built")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "'README.md' contains a link 'plugins/nothing.md'" in done.stderr
