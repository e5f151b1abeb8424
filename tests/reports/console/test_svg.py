from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from mqa_registry import to_svg

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(name="report")
def _report(make):
    return make.finished(make.demo())


def test_the_picture_refers_to_nothing_outside_it(report):
    drawn = to_svg(report)
    assert set(re.findall(r"https?://[^\"\s]*", drawn)) == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"url\((?!#)|@import|@font-face|<script|<image|href", drawn)


def test_the_picture_says_what_the_console_says(make, report):
    root = ET.fromstring(to_svg(report, 80))
    words = [word for text in root.iter(f"{SVG}text") for word in (text.text or "").split()]
    assert words == ["mqa", "run", "suites/nlp.toml", *make.rendered(report, 80).split()]


def test_every_text_lies_inside_the_picture(report):
    root = ET.fromstring(to_svg(report, 80))
    left, top, width, height = map(float, root.attrib["viewBox"].split())
    for text in root.iter(f"{SVG}text"):
        x, y = float(text.attrib["x"]), float(text.attrib["y"])
        assert left <= x
        assert x + float(text.attrib.get("textLength", 0)) <= left + width
        assert top <= y <= top + height


def test_the_same_report_gives_the_same_picture(report):
    assert to_svg(report) == to_svg(report)


def test_wide_characters_get_the_room_they_take(make):
    report = make.finished([make.result("日本語")])
    texts = {text.text: text for text in ET.fromstring(to_svg(report, 80)).iter(f"{SVG}text")}
    assert float(texts["日本語"].attrib["textLength"]) == pytest.approx(6 * 12.2)


def test_markup_of_the_data_stays_text(make):
    hostile = '</text><script>alert("x")</script>&amp;{0}\x1b[31m\ud83d'
    drawn = to_svg(make.finished([make.result(hostile)]), 80, title=hostile)
    root = ET.fromstring(drawn)
    assert root.find(f".//{SVG}script") is None
    assert "<script" not in drawn
    assert r"{0}\x1b[31m\ud83d" in "".join(root.itertext())
