"""In which scripts and languages rows are written, and how long they are."""

from __future__ import annotations

import time

import pytest

from mqa_data import mqa_probes
from mqa_data.profile import TextProfile
from mqa_registry import ExampleRow


def test_rows_are_counted_by_script_direction_and_length(rows, run_probe):
    given = ["a plain text", "ещё один", "שלום עולם", "你好世界", "123 !", "", None, "broken \ufffd text", "\x07bell"]
    table, numbers, evidence = run_probe("profile", rows(given))
    scripts = ["latin", "cyrillic", "hebrew", "han", "no letters", None, None, "latin", "latin"]
    assert table.column("script").to_pylist() == scripts
    assert numbers["value"].mean() == pytest.approx(3 / 6)
    assert numbers["right_to_left"].mean() == pytest.approx(1 / 6)
    assert numbers["empty"].mean() == pytest.approx(2 / 9)
    assert numbers["encoding_errors"].sum() == 2
    assert (numbers["max_words"], numbers["n_scripts"]) == (4.0, 4.0)
    assert "rows by script: latin 3" in evidence.remarks[0]
    assert {"r7", "r8", "r1", "r2"} <= {each.id for each in evidence.examples}
    assert evidence.details["scripts"]["no text"] == 2


ENGLISH = "The kettle has been boiling for ten minutes, number {}."
GERMAN = "Der Nachbar hat gestern den ganzen Abend an seinem Fahrrad geschraubt."
RUSSIAN = "Вчера мы долго гуляли по набережной."


def test_rows_are_counted_by_language(rows, run_probe, estimate):
    given = [*[ENGLISH.format(row) for row in range(197)], GERMAN, GERMAN, RUSSIAN, "ok", "123", "", None]
    table, numbers, evidence = run_probe("profile", rows(given))
    assert table.column("language").to_pylist()[196:] == ["en", "de", "de", "ru", "uncertain", None, None, None]
    assert numbers["n_languages"] == 2.0  # one row in two hundred may be a mistake
    assert numbers["top_language_share"].shape == (200,)
    assert estimate(numbers["top_language_share"]) == pytest.approx(197 / 200)
    assert estimate(numbers["value"]) == pytest.approx(1 / 201)
    assert "rows by language: en 197 (98.0%), de 2 (1.0%), ru 1 (0.5%), uncertain 1 (0.5%)" in evidence.remarks
    counted = {"en": 197, "de": 2, "ru": 1, "uncertain": 1, "no letters": 1, "no text": 2}
    assert evidence.details["languages"] == counted
    assert evidence.examples[0] == ExampleRow(
        "r199", {"text": RUSSIAN}, details={"script": "cyrillic", "language": "ru", "words": 6}
    )
    assert [each.details["language"] for each in evidence.examples[1:3]] == ["de", "de"]


@pytest.mark.parametrize("given", [["ok", "a", "excellent."], ["1", "!"], ["", None]])
def test_rows_whose_language_is_uncertain_count_for_none(rows, run_probe, given):
    _, numbers, evidence = run_probe("profile", rows(given))
    assert numbers["n_languages"] == 0.0
    assert numbers["top_language_share"].shape == (0,)
    assert set(evidence.details["languages"]) <= {"uncertain", "no letters", "no text"}


def test_observations_with_the_columns_of_earlier_versions_are_not_reused():
    (probe,) = (probe for probe in mqa_probes() if probe.name == "profile")
    assert probe.version == 3


def test_a_row_of_a_megabyte_is_profiled_at_once(rows, run_probe):
    given = [GERMAN * 15_000, "a" + "\u0301\u0316" * 500_000, "\U0001f600" * 1_000_000]
    before = time.process_time()
    table, _, _ = run_probe("profile", rows(given))
    assert time.process_time() - before < 5
    assert table.column("language").to_pylist() == ["de", "uncertain", None]


def test_rows_without_text_have_no_length(rows, run_probe, estimate):
    assert estimate(run_probe("profile", rows(["", "one two", "one two three four"]))[1]["mean_words"]) == 3


@pytest.mark.parametrize("given", [["a"], [""], ["same"] * 40])
def test_one_row_empty_rows_and_equal_rows(rows, run_probe, given):
    _, numbers, evidence = run_probe("profile", rows(given))
    assert numbers["empty"].shape == (len(given),)
    assert evidence.remarks


def test_hostile_texts_are_profiled(rows, run_probe, hostile_texts):
    assert run_probe("profile", rows(hostile_texts))[1]["max_words"] >= 1


def test_a_lone_surrogate_is_a_sign_of_a_wrong_encoding():
    assert TextProfile.of("a\ud800b").has_encoding_error
    assert not TextProfile.of("tab\tand\nline").has_encoding_error


def test_two_outliers_of_each_kind_and_five_scripts_are_shown(rows, run_probe):
    letters = ["a", "\u0431", "\u05e9", "\u4f60", "\u3042", "\uc601", "\u0939"]
    given = ["plain text"] * 20 + [f"{letter}\ufffd" for letter in letters for _ in range(3)]
    evidence = run_probe("profile", rows(given))[2]
    assert evidence.remarks[0].endswith(" and 2 more")
    assert evidence.remarks[0].count("(") == 5
    assert [each.id for each in evidence.examples] == ["r20", "r21", "r23", "r24", "r0"]
