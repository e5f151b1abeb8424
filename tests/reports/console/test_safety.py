"""Nothing of the data reaches the terminal as a code, and no line is wider than the console."""

from __future__ import annotations

import subprocess
import sys
import unicodedata
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from mqa_registry.contributions import ExampleRow
from mqa_registry.findings import Finding
from mqa_registry.judging.result import (
    Change,
    Flips,
    GroupFlips,
    McNemarTest,
    Number,
    Part,
    Result,
    ResultEvidence,
    RunComparison,
    Step,
    StepEvidence,
    SweepSummary,
    Verdict,
    VerdictChange,
)

TEXT = st.text(alphabet=st.characters(codec=None, exclude_categories=[]), max_size=40)
NAMES = TEXT | st.sampled_from(["[bold]x[/bold]", "\x1b[31m", "a\nb", "\u202e", "e\u0301" * 9, "日" * 40, " " * 9, ""])
NUMBERS = st.builds(
    Number,
    st.none() | st.floats(),
    st.none() | st.floats(),
    st.none() | st.floats(),
    st.integers(0, 10**9),
    st.just("x"),
)
KEYS = st.sampled_from(["value", "drop", "gap"])
PARTS = {"verdict": st.sampled_from(Verdict), "numbers": st.dictionaries(KEYS, NUMBERS, max_size=2), "note": NAMES}
GROUPS = st.dictionaries(NAMES, st.builds(Part, **PARTS), max_size=3)
ANSWERS = NAMES | st.none() | st.integers() | st.lists(NAMES, max_size=2)
NUMBER_OR_NONE = st.none() | st.floats()
EXAMPLES = st.builds(
    ExampleRow,
    id=NAMES,
    fields=st.dictionaries(NAMES, NAMES, max_size=2),
    perturbed=st.dictionaries(NAMES, NAMES, max_size=2),
    prediction=ANSWERS,
    reference=ANSWERS,
    target=ANSWERS,
    probability=NUMBER_OR_NONE,
    margin=NUMBER_OR_NONE,
)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
SWEEPS = st.builds(
    SweepSummary,
    **dict.fromkeys(("passes_through", "break_point", "clean_value", "corruption_error"), st.none() | FINITE),
    clean_error_ratio=st.none() | FINITE,
    non_monotonic_at=st.lists(FINITE, max_size=3).map(tuple),
    relative_corruption_error=st.dictionaries(NAMES, FINITE, max_size=2),
)
COUNTS = st.integers(0, 10**9)
STEP_EVIDENCE = st.builds(StepEvidence, COUNTS, COUNTS, COUNTS, st.none() | st.floats(0, 1e6))
RESULTS = st.builds(
    Result,
    **PARTS,
    check=NAMES,
    backend=st.sampled_from(["torch", "\x1b[1m", "日本語" * 9]),
    measure=st.fixed_dictionaries({"use": NAMES}),
    by=st.none() | st.fixed_dictionaries({"use": NAMES}),
    expect=st.dictionaries(st.sampled_from(["min", "max", "max_drop", "max_gap"]), st.floats(), max_size=2)
    | st.dictionaries(NAMES.filter(bool), st.fixed_dictionaries({"max": st.floats()}), min_size=1, max_size=2),
    critical=st.booleans(),
    groups=GROUPS,
    series=st.tuples()
    | st.tuples(st.builds(Step, **PARTS, severity=st.floats(0, 9), groups=GROUPS, evidence=st.none() | STEP_EVIDENCE)),
    evidence=st.builds(
        ResultEvidence,
        examples=st.lists(EXAMPLES, max_size=2).map(tuple),
        sweep=st.none() | SWEEPS,
        remarks=st.lists(NAMES, max_size=2).map(tuple),
        absent_classes=st.lists(NAMES, max_size=2).map(tuple),
    ),
)


def _compare(name):
    """A comparison all of whose names are this one."""
    flips = Flips(
        name, name, (), McNemarTest(1, 0), Number(0.5, 0.1, 0.9, 2, "exact"), (ExampleRow(name, {name: name}),),
        (GroupFlips({"use": name}, name, McNemarTest(1, 0), Number(0.5, 0.1, 0.9, 2, "exact")),),
    )  # fmt: skip
    change = Change(name, {"use": name}, name, name, verdict=Verdict.ERROR, note=name, by={"use": name}, group=name)
    changed = VerdictChange(name, name, Verdict.PASS, Verdict.FAIL)
    return RunComparison(name, name, Verdict.FAIL, None, 0.95, (change,), (flips,), (changed,), (name,))


@settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None
)
@example(results=[], name="x" * 37, width=40, how={"verbose": 0, "encoding": "utf-8"})
@given(
    results=st.lists(RESULTS, min_size=1, max_size=3),
    name=NAMES,
    width=st.sampled_from([40, 80, 100, 120]),
    how=st.fixed_dictionaries(
        {"verbose": st.sampled_from([-1, 0, 1]), "encoding": st.sampled_from(["utf-8", "ascii"])}
    ),
)
def test_any_data_stays_inside_the_lines_and_never_acts(make, results, name, width, how):
    report = make.finished(results, Verdict.FAIL, ())
    report = replace(report, suite=replace(report.suite, name=name, path=name), environment={"machine": {"x": name}})
    report = replace(report, against=_compare(name), findings=(Finding("warning", name, name, name, name),))
    shown = make.rendered(report, width, **how)
    hidden = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    assert not {unicodedata.category(character) for character in shown.replace("\n", "")} & hidden
    assert max(map(cell_len, shown.split("\n"))) <= width


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 200])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
def test_no_line_is_wider_than_the_console_and_none_ends_in_blanks(make, width, encoding):
    shown = make.rendered(make.finished(make.demo()), width, encoding=encoding)
    lines = shown.split("\n")
    assert max(map(cell_len, lines)) <= width
    assert lines == [line.rstrip() for line in lines]


@pytest.mark.parametrize("width", [80, 100, 120])
def test_every_number_and_every_name_is_there_whole(make, width):
    shown = make.rendered(make.finished(make.demo()), width)
    for whole in (
        "0.9995 [0.9983, 0.9999]",
        "0.143 [0.135, 0.151]",
        "balanced-accuracy",
        "strip-punctuation",
        "≤ 1e-04",
    ):
        assert whole in shown
    assert "…" not in shown


def test_without_a_terminal_there_is_no_escape_sequence(make):
    assert "\x1b" not in make.rendered(make.finished(make.demo()))


def test_a_terminal_gets_colour_and_the_same_words(make):
    report = make.finished(make.demo())
    coloured = make.rendered(report, colour=True)
    assert "\x1b[32m✓" in coloured
    from rich.text import Text

    assert Text.from_ansi(coloured).plain.split() == make.rendered(report).split()


def test_no_color_is_honoured(make, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    shown = make.rendered(make.finished(make.demo()), colour=True)
    assert "\x1b[32m" not in shown
    assert "\x1b[38" not in shown


def test_an_ascii_stream_gets_words_for_marks(make):
    shown = make.rendered(make.finished(make.demo()), encoding="ascii")
    assert shown.isascii()
    assert "PASS 0.813 [0.801, 0.825]" in shown
    assert ">= 0.78" in shown


def test_the_console_report_loads_no_heavy_library():
    code = "import sys, mqa_registry.reports.console; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"numpy", "pyarrow", "torch", "pydantic", "scipy", "sklearn", "pluggy", "transformers", "onnxruntime"}
    assert not heavy & set(done.stdout.split())
