"""What is bundled with the page: its card says what it is, and its licences come with it."""

from __future__ import annotations

import hashlib
import json
import re
from importlib.metadata import distribution

from mqa_reports.html.page import SCRIPTS
from mqa_reports.html.rendering import FOLDER, STYLES

VENDOR = FOLDER / "vendor"
SCRIPT = (VENDOR / "plot.min.js").read_bytes()


def test_the_card_has_the_digest_of_the_script():
    assert re.findall(r"\b[0-9a-f]{64}\b", (VENDOR / "README.md").read_text()) == [hashlib.sha256(SCRIPT).hexdigest()]


def test_the_recipe_names_every_version_exactly():
    recipe = json.loads((VENDOR / "package.json").read_text())
    versions = recipe["dependencies"] | recipe["devDependencies"]
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in versions.values())


def test_its_licences_are_those_of_the_recipe_and_part_of_the_distribution():
    text = (VENDOR / "LICENCES.txt").read_text()
    versions = json.loads((VENDOR / "package.json").read_text())["dependencies"]
    listed = dict(re.findall(r"^(@?[\w/-]+) (\d+\.\d+\.\d+) \(ISC\)$", text, re.MULTILINE))
    assert len(listed) > 10
    assert listed.items() <= versions.items()
    assert "Permission to use, copy, modify, and/or distribute this software" in text
    files = distribution("mqa-registry").metadata.get_all("License-File")
    assert "plugins/mqa_reports/html/vendor/LICENCES.txt" in files


def test_no_script_ends_its_element():
    for name in (*SCRIPTS, *STYLES):
        text = (FOLDER / name).read_text(encoding="utf-8").lower()
        assert "</script" not in text
        assert "</style" not in text
        assert "<!--" not in text
